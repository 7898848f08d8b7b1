//! What a client asks of a person: judged, put to them, and answered.
pub mod consent;
pub mod device;
mod known_client;
pub mod pushed_request;
pub mod request;
