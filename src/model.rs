//! The nouns: plain data, no behaviour beyond being well-formed.
mod audit;
mod client;
mod grant;
mod ids;
mod scope;
mod signing_key;
mod user;

pub use audit::AuditEvent;
pub use client::{ApplicationType, AuthMethod, Client, ClientMetadata, ClientSource};
pub use grant::{Code, Consent, Grant};
pub use ids::{AuditEventId, ClientId, GrantId, UserId};
pub use scope::Scopes;
pub use signing_key::{KeyStatus, SigningKey};
pub use user::{Role, User};
