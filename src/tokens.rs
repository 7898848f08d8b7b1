//! Tokens: issued for grants, and resolved to their grants again.
pub mod access_token;
pub mod dpop;
pub mod id_token;
pub mod issue;
mod limit;
pub mod opaque;
pub mod refresh_token;
mod request;
pub mod restored;

pub use issue::{Issuance, TokenResponse};
pub use request::TokenRequest;
