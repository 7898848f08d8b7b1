//! The ways to a token, one file each; all end in a [`TokenResponse`](crate::token::TokenResponse).
pub mod auth_code;
mod callback;
pub mod client_credentials;
pub mod device;
pub mod id_jag;
pub mod jwt_bearer;
mod page;
mod request;

pub use request::{SignInPrompt, TokenRequest, client_auth};
