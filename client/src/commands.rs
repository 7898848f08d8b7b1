//! The verbs, one file each, and what they share.
pub mod call;
mod context;
pub mod debug;
pub mod discover;
pub mod doctor;
pub mod login;
pub mod logout;
pub mod profile;
pub mod read;
mod session;
pub mod status;
pub mod token;
pub mod tools;

pub use context::Context;
