//! Refresh tokens: each names its grant and generation, proves it was made here, and yields exactly one successor.
//!
//! The secrets of a family form a ratchet: the first is derived from the authorization or device code, each further one
//! from its predecessor, always under our key. So the same token presented twice has the same successor, on every node
//! and after every restart, while the database keeps one digest: from it, or from our key alone, no token follows.
use crate::{
    app::App,
    model::GrantId,
    secrets::{Digest, base64url, from_base64url},
};
use aws_lc_rs::hmac;
use std::fmt;
use time::OffsetDateTime;

const PREFIX: &str = "kwr_";
const SECRET: usize = 32;
/// Grant, generation, secret.
const CONTENT: usize = 16 + 4 + SECRET;

#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    pub grant_id: GrantId,
    /// The first is 1.
    pub generation: i32,
    secret: [u8; SECRET],
}

/// One that is handed out.
pub struct Refresh {
    pub token: RefreshToken,
    /// Since when it is the live one: it dies if it is idle for too long from here.
    pub rotated_at: OffsetDateTime,
}

impl RefreshToken {
    /// The first of a family; only who holds the one-time code it is given for, and our key, can make it.
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

    /// What storage keeps of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.secret)
    }

    /// The token as the client holds it.
    #[must_use]
    pub fn expose(&self, app: &App) -> String {
        let content = self.content();
        let mac = hmac::sign(app.derived_keys.refresh_tokens(), &content);
        format!("{PREFIX}{}", base64url([&content, mac.as_ref()].concat()))
    }

    /// A forged or foreign one is `None`, without a question to the database.
    #[must_use]
    pub fn parse(app: &App, text: &str) -> Option<Self> {
        let bytes = from_base64url(text.strip_prefix(PREFIX)?)?;
        let (content, mac) = bytes.split_at_checked(CONTENT)?;
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

/// A label keeps what is derived apart from what is authenticated: no content begins with one.
fn derive(key: &hmac::Key, parts: &[&[u8]]) -> [u8; SECRET] {
    let mut context = hmac::Context::with_key(key);
    context.update(b"keyward refresh secret ");
    for part in parts {
        context.update(part);
    }
    let mut secret = [0; SECRET];
    secret.copy_from_slice(context.sign().as_ref());
    secret
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({}, generation {})", self.grant_id, self.generation)
    }
}
