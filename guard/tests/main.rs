//! The guard as programs use it.
mod additions;
mod examples;
mod support;
