//! Tokens: what a grant is turned into, and back.
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
