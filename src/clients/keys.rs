//! Public keys of clients: registered, or fetched from the URL where the client publishes them.
use crate::{
    app::App,
    error::OAuthError,
    fetch::keys::KeySource,
    limits::{FetchParty, source},
    model::{Client, ClientId, ClientSource},
    oauth::{jws::Jws, key_set::KeySet},
    secrets::Digest,
};
use keyward_limits::source::Source;
use std::net::IpAddr;

/// Whether a key of the client signed the JWS. The caller has checked everything else; `address` is where the JWS came
/// from.
pub async fn have_signed(app: &App, client: &Client, jws: &Jws<'_>, address: IpAddr) -> Result<bool, OAuthError> {
    if let Some(jwks) = &client.metadata.jwks {
        return Ok(KeySet::parse(jwks).is_some_and(|keys| jws.is_signed_by(&keys)));
    }
    let Some(uri) = &client.metadata.jwks_uri else { return Ok(false) };
    let host = url::Url::parse(uri).ok().and_then(|uri| uri.host_str().map(str::to_owned));
    let (host, seed) = (host.unwrap_or_default(), format!("seed client {}", client.id));
    // The sender of an assertion is not authenticated yet.
    let asker = match client.source {
        // A separate budget: assertions that strangers send in its name use up none of a host, a user or an issuer.
        ClientSource::Seed => FetchParty::Known(&seed),
        ClientSource::Cimd => FetchParty::Stranger(&host, itself(&client.id)),
        ClientSource::Dcr => FetchParty::Stranger(&host, source(address)),
    };
    app.fetch.have_signed(&KeySource { uri, asker, from: source(address), may_look: true }, jws).await
}

/// The source that stands for a client itself, where its requests come from many addresses and anybody can name it.
pub(super) fn itself(id: &ClientId) -> Source {
    let id = Digest::of(id.as_str());
    Source::Party(id.as_bytes().first_chunk().copied().map_or(0, u128::from_be_bytes))
}
