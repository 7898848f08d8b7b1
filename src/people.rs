//! People: how they authenticate.
pub mod known_browser;
pub mod setup_link;
pub mod sign_in;
pub mod subject;
