//! People: how they prove who they are, and what they allow.
pub mod consent;
pub mod device;
pub mod known_browser;
mod known_client;
pub mod pushed_request;
pub mod request;
pub mod setup_link;
pub mod sign_in;
