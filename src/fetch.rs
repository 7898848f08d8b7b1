//! Requests to addresses that strangers choose: only to the public internet, with small size limits and short timeouts.
//!
//! No other code of this program connects to an address that somebody else named.
mod addresses;
mod answer;
mod connection;
mod fetcher;
pub mod keys;
mod names;
mod network;
mod way_out;

use crate::{clock::Clock, error::OAuthError, limits::FetchBudget, oauth::jws::Jws};
pub use addresses::is_public;
pub use answer::{FetchError, FetchedContent, MAX_BODY, MAX_IMAGE};
pub use fetcher::Fetcher;
use keys::{FetchedKeys, KeySource};
pub use names::{Addresses, Lookup};
pub use network::Network;
pub use way_out::has_way_out;

/// Fetches documents and keys, within budgets.
pub struct Fetch {
    pub fetcher: Fetcher,
    /// Limits how much is fetched, for each party that causes fetches.
    pub budget: FetchBudget,
    pub keys: FetchedKeys,
    clock: Clock,
}

impl Fetch {
    #[must_use]
    pub fn new(fetcher: Fetcher, clock: Clock) -> Self {
        Self { fetcher, budget: FetchBudget::new(clock.clone()), keys: FetchedKeys::default(), clock }
    }

    /// Whether a key published at this place signed the JWS.
    pub async fn have_signed(&self, published: &KeySource<'_>, jws: &Jws<'_>) -> Result<bool, OAuthError> {
        let Self { fetcher, budget, keys, clock } = self;
        keys.have_signed((fetcher, budget), clock, published, jws).await
    }
}
