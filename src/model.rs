//! The nouns: plain data, no behaviour beyond being well-formed.
mod audit;
mod client;
mod device;
mod grant;
mod ids;
mod initial_access_token;
mod logo;
mod pushed_request;
mod scope;
mod signing_key;
mod user;

pub use audit::AuditEvent;
pub use client::{ApplicationType, AuthMethod, Client, ClientMetadata, ClientSource};
pub use device::DeviceAuthorization;
pub use grant::{Code, Consent, Grant, KnownClient};
pub use ids::{AuditEventId, ClientId, GrantId, UserId};
pub use initial_access_token::InitialAccessToken;
pub use logo::{Logo, Picture};
pub use pushed_request::PushedRequest;
pub use scope::Scopes;
pub use signing_key::{KeyStatus, SigningKey};
pub use user::{Role, User};
