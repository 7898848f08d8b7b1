//! Shared by both servers: routes with descriptions, and a mask for secrets.
pub mod api;
pub mod mask;
