//! Clients: authenticated, registered, configured, or described by documents.
pub mod authenticate;
pub mod configured;
pub mod keys;
pub mod logos;
pub mod manage;
pub mod metadata_document;
pub mod publishers;
pub mod register;
