//! Refresh tokens: each names its grant and generation, carries a MAC of this server, and yields exactly one successor.
//!
//! The secrets of a family form a ratchet: the first is derived from the authorization or device code, each further one
//! from its predecessor, always under a key of this server. So the same token presented twice has the same successor,
//! on every node and after every restart. The database keeps one digest; neither the digest nor the key alone is enough
//! to compute a token.
use crate::{
    app::App,
    model::GrantId,
    secrets::{Digest, base64url, from_base64url},
};
use aws_lc_rs::hmac;
use std::fmt;
use time::OffsetDateTime;

const PREFIX: &str = "kwr_";
const SECRET_BYTES: usize = 32;
/// Bytes of grant, generation and secret.
const CONTENT_BYTES: usize = 16 + 4 + SECRET_BYTES;

#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    pub grant_id: GrantId,
    /// The first is 1.
    pub generation: i32,
    secret: [u8; SECRET_BYTES],
}

/// A refresh token to deliver.
pub struct IssuedRefreshToken {
    pub token: RefreshToken,
    /// When it became the live token; the idle time counts from here.
    pub rotated_at: OffsetDateTime,
}

impl RefreshToken {
    /// The first token of a family; computing it needs both the one-time code that is exchanged and the key.
    #[must_use]
    pub fn first(app: &App, grant_id: GrantId, code: &str) -> Self {
        Self {
            grant_id,
            generation: 1,
            secret: derive(app.derived_keys.refresh_tokens(), &[b"first", code.as_bytes()]),
        }
    }

    #[must_use]
    pub fn successor(&self, app: &App) -> Self {
        let secret = derive(app.derived_keys.refresh_tokens(), &[b"next", self.grant_id.as_bytes(), &self.secret]);
        Self { grant_id: self.grant_id, generation: self.generation + 1, secret }
    }

    /// The digest that storage keeps.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.secret)
    }

    /// The token in the form that the client holds.
    #[must_use]
    pub fn expose(&self, app: &App) -> String {
        let content = self.content();
        let mac = hmac::sign(app.derived_keys.refresh_tokens(), &content);
        format!("{PREFIX}{}", base64url([&content, mac.as_ref()].concat()))
    }

    /// `None` for a forged or foreign token, without a database query.
    #[must_use]
    pub fn parse(app: &App, text: &str) -> Option<Self> {
        let bytes = from_base64url(text.strip_prefix(PREFIX)?)?;
        let (content, mac) = bytes.split_at_checked(CONTENT_BYTES)?;
        hmac::verify(app.derived_keys.refresh_tokens(), content, mac).ok()?;
        let (grant_id, rest) = content.split_first_chunk::<16>()?;
        let (generation, secret) = rest.split_first_chunk::<4>()?;
        Some(Self {
            grant_id: GrantId::from_bytes(*grant_id),
            generation: i32::from_be_bytes(*generation),
            secret: secret.try_into().ok()?,
        })
    }

    fn content(&self) -> Vec<u8> {
        [self.grant_id.as_bytes().as_slice(), &self.generation.to_be_bytes(), &self.secret].concat()
    }
}

/// The label separates derivation from authentication: no token content begins with a label.
fn derive(key: &hmac::Key, parts: &[&[u8]]) -> [u8; SECRET_BYTES] {
    let mut context = hmac::Context::with_key(key);
    context.update(b"keyward refresh secret ");
    for part in parts {
        context.update(part);
    }
    let mut secret = [0; SECRET_BYTES];
    secret.copy_from_slice(context.sign().as_ref());
    secret
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({}, generation {})", self.grant_id, self.generation)
    }
}
