//! Tokens: what a grant is turned into, and back.
pub mod access_token;
pub mod dpop;
pub mod id_token;
pub mod issue;
pub mod opaque;
pub mod refresh_token;
pub mod restored;

pub use issue::{Permit, TokenResponse};
