//! What a client sees of the resource server: one test binary, a file per subject.
#![allow(clippy::unwrap_used)] // a test that cannot go on says where
mod challenges;
mod conformance;
mod debug;
mod dpop;
mod introspection;
mod keys;
mod legacy;
mod metadata;
mod modern;
mod origins;
mod results;
mod scopes;
mod serving;
mod session;
mod sets;
mod settings;
mod sse;
mod step_up;
mod support;
mod surfaces;
mod tokens;
mod tools;
mod upstream;
