//! Grants, which record what a user allowed a client; authorization codes; and consents.
use super::{AuthMethod, ClientId, GrantId, Scopes, User, UserId};
use crate::secrets::Digest;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The record from which every token of one authorization derives, and the one row of its refresh family: revoking it
/// revokes all of them. A rotation is one UPDATE of `generation`, `refresh_hash` and `refreshed_at`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Grant {
    pub id: GrantId,
    pub client_id: ClientId,
    pub user_id: UserId,
    /// The grant type it began with (RFC 6749 §1.3).
    pub grant_type: String,
    #[sqlx(try_from = "String")]
    pub scopes: Scopes,
    /// Resource identifiers (RFC 8707), as registered.
    #[sqlx(json)]
    pub resources: Vec<String>,
    /// When the user last authenticated (OpenID Connect Core §2).
    pub auth_time: OffsetDateTime,
    /// The authentication context class (OpenID Connect Core §2); `None` if the user did not authenticate here.
    pub acr: Option<String>,
    pub created_at: OffsetDateTime,
    /// No refresh is possible after this time.
    pub expires_at: OffsetDateTime,
    pub revoked_at: Option<OffsetDateTime>,
    /// The generation of the live refresh token; the first is 1.
    pub generation: i32,
    /// Digest of the live refresh token's secret.
    pub refresh_hash: Digest,
    /// When `generation` began: idle expiry and the replay window count from here.
    pub refreshed_at: OffsetDateTime,
    /// Thumbprint of the key that each refresh must prove (RFC 9449 §5); only for public clients that send proofs.
    pub dpop_jkt: Option<String>,
}

/// A grant together with the current name of its user.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct GrantRecord {
    #[sqlx(flatten)]
    pub grant: Grant,
    /// The user's current name.
    pub username: String,
}

/// An authorization code (RFC 6749 §4.1.2), bound to everything it was issued for.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Code {
    pub code_hash: Digest,
    pub grant_id: GrantId,
    pub client_id: ClientId,
    /// The string the client sent, loopback port included.
    pub redirect_uri: String,
    pub code_challenge: String,
    pub nonce: Option<String>,
    pub expires_at: OffsetDateTime,
    pub consumed_at: Option<OffsetDateTime>,
    /// Wrong verifiers and redirect URIs that were presented so far.
    pub failures: i32,
    /// Thumbprint of the key that must prove itself with the code (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
}

/// A code with its grant.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct IssuedCode {
    pub code_hash: Digest,
    pub client_id: ClientId,
    #[sqlx(try_from = "String")]
    pub scopes: Scopes,
    #[sqlx(json)]
    pub resources: Vec<String>,
    pub expires_at: OffsetDateTime,
    pub consumed_at: Option<OffsetDateTime>,
}

/// Scopes that a user allowed a client on a resource, stored so that the user is not asked twice.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Consent {
    pub user_id: UserId,
    pub client_id: ClientId,
    pub resource: String,
    #[sqlx(try_from = "String")]
    pub scopes: Scopes,
    /// Digest of `known_client`: if that changes, the consent no longer counts.
    pub fingerprint: Digest,
    /// How the user could recognise the client; `None` in rows of older versions.
    #[sqlx(json(nullable))]
    pub known_client: Option<KnownClient>,
    /// Places that the client's codes were sent to, as [`place`](crate::oauth::redirect_uri::place) names them; empty
    /// in rows of older versions.
    #[sqlx(json)]
    pub places: Vec<String>,
    pub granted_at: OffsetDateTime,
}

/// Who holds a grant: the client, and the user that it acts for.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct GrantHolder {
    #[sqlx(flatten)]
    pub user: User,
    pub client_id: ClientId,
}

/// A consent together with the current name of its user.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ConsentRecord {
    #[sqlx(flatten)]
    pub consent: Consent,
    /// The user's current name.
    pub username: String,
}

/// The features of a client by which a user recognises it: if they change, it counts as another client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownClient {
    pub name: Option<String>,
    /// Sorted.
    pub redirect_uris: Vec<String>,
    pub authentication: AuthMethod,
    /// Digest of its public keys, or of their URL.
    pub keys: Option<String>,
    /// Whether it gets no refresh token. Left out when false, so that the digests of earlier clients stay the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_short_lived: bool,
}
