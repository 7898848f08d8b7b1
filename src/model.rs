//! The nouns: plain data, no behaviour beyond being well-formed.
mod access_token;
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
mod subject_link;
mod user;

pub use access_token::AccessToken;
pub use audit::{AuditEvent, AuditRecord, Link, SealedEvent};
pub use client::{ApplicationType, AuthMethod, Client, ClientMetadata, ClientSource};
pub use device::DeviceAuthorization;
pub use grant::{Code, Consent, Grant, IssuedCode, KnownClient};
pub use ids::{AuditEventId, ClientId, GrantId, UserId};
pub use initial_access_token::InitialAccessToken;
pub use logo::{Logo, Picture};
pub use pushed_request::PushedRequest;
pub use scope::Scopes;
pub use signing_key::{KeyStatus, SigningKey};
pub use subject_link::SubjectLink;
pub use user::{Role, User};
