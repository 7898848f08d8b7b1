//! The web: what people see.
pub mod views;
