//! Plain data types without behaviour, except that they check their own form.
mod access_token_claims;
mod answered_form;
mod audit;
mod client;
mod device;
mod grant;
pub mod grant_type;
mod ids;
mod logo;
mod ready;
mod signing_key;
mod user;

pub use access_token_claims::{AccessTokenClaims, Confirmation, PersonClaims};
pub use answered_form::{AnsweredForm, FormAnswer};
pub use audit::{AuditEvent, AuditRecord, Link, SealedEvent};
pub use client::{Client, ClientPolicy, ClientSource};
pub use device::DeviceAuthorization;
pub use grant::{Code, Consent, ConsentRecord, Grant, GrantHolder, GrantRecord, IssuedCode, KnownClient};
pub use ids::{AuditEventId, ClientId, GrantId, UserId};
pub use logo::{Logo, Picture};
pub use ready::{Form, Ready};
pub use signing_key::{KeyStatus, SigningKey};
pub use user::{Role, User};

pub use keyward_oauth::{
    client_metadata::{ApplicationType, AuthMethod, ClientMetadata},
    scope::Scopes,
};
