//! What a user allowed a client, and the single-use code that carries it over.
use super::{AuthMethod, ClientId, GrantId, Scopes, UserId};
use crate::secrets::Digest;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The root every token of one authorization hangs from, and the one row of its refresh family: revoke it and
/// all fall. A rotation is one UPDATE of `generation`, `refresh_hash` and `refreshed_at`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Grant {
    pub id: GrantId,
    pub client_id: ClientId,
    pub user_id: UserId,
    /// What it began with (RFC 6749 §1.3).
    pub grant_type: String,
    #[sqlx(try_from = "String")]
    pub scopes: Scopes,
    /// Resource identifiers (RFC 8707), as registered.
    #[sqlx(json)]
    pub resources: Vec<String>,
    /// When the user last proved who they are (OpenID Connect Core §2).
    pub auth_time: OffsetDateTime,
    /// How well (OpenID Connect Core §2); `None` if that was not here.
    pub acr: Option<String>,
    pub created_at: OffsetDateTime,
    /// No refresh beyond this, whatever the rotation.
    pub expires_at: OffsetDateTime,
    pub revoked_at: Option<OffsetDateTime>,
    /// Which refresh token of the family is the live one; the first is 1.
    pub generation: i32,
    /// Digest of the live refresh token's secret.
    pub refresh_hash: Digest,
    /// When `generation` came to be: idle expiry and the replay window count from here.
    pub refreshed_at: OffsetDateTime,
    /// Thumbprint of the key that each refresh must prove (RFC 9449 §5); only of public clients that use one.
    pub dpop_jkt: Option<String>,
}

/// A grant as somebody reads it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct GrantRecord {
    #[sqlx(flatten)]
    pub grant: Grant,
    /// Of the person as they are called now.
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
    /// Wrong verifiers and redirect URIs presented so far.
    pub failures: i32,
    /// Thumbprint of the key that must prove itself with the code (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
}

/// A code, and what it carries over.
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

/// What a user once allowed a client on a resource, so as not to be asked twice.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Consent {
    pub user_id: UserId,
    pub client_id: ClientId,
    pub resource: String,
    #[sqlx(try_from = "String")]
    pub scopes: Scopes,
    /// Digest of `known_client`: if that changes, the consent is void.
    pub fingerprint: Digest,
    /// What the user could have recognised the client by; older rows don't know.
    #[sqlx(json(nullable))]
    pub known_client: Option<KnownClient>,
    /// Where the client returned to, as [`place`](crate::oauth::redirect_uri::place) tells them apart; older rows know
    /// of none.
    #[sqlx(json)]
    pub places: Vec<String>,
    pub granted_at: OffsetDateTime,
}

/// A consent as somebody reads it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ConsentRecord {
    #[sqlx(flatten)]
    pub consent: Consent,
    /// Of the person as they are called now.
    pub username: String,
}

/// What a client says of itself that, once changed, makes it another client for the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownClient {
    pub name: Option<String>,
    /// Sorted.
    pub redirect_uris: Vec<String>,
    pub authentication: AuthMethod,
    /// Digest of its public keys, or of where they are published.
    pub keys: Option<String>,
    /// It gets no refresh token. Told of few, so that what is known of all others stays as it was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_short_lived: bool,
}
