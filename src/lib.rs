//! Keyward: an OAuth 2.1 authorization server for MCP servers.
pub mod clock;
pub mod error;
pub mod http;
pub mod model;
pub mod oauth;
pub mod secrets;
pub mod storage;
