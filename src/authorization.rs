//! What a client asks of a person: checked, put to them, and answered.
pub mod checks;
pub mod consent;
pub mod device;
mod known_client;
pub mod pushed_request;
pub mod request;
