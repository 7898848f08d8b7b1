//! The guard as programs use it.
#![allow(clippy::unwrap_used)] // a test that cannot go on says where
mod additions;
mod examples;
mod remembered;
mod support;
