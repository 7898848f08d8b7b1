//! Authorization requests: checked, shown to the user as a question, and answered.
pub mod checks;
pub mod consent;
pub mod device;
mod known_client;
pub mod pushed_request;
pub mod request;
