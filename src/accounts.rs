//! People: how they prove who they are, and what they allow.
pub mod consent;
pub mod request;
pub mod sign_in;
