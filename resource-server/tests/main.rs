//! What a client sees of the resource server: one test binary, a file per subject.
#![allow(clippy::unwrap_used)] // a test that cannot go on says where
mod broken;
mod challenges;
mod debug;
mod dpop;
mod explain;
mod introspection;
mod keys;
mod legacy;
mod limits;
mod matrix;
mod metadata;
mod modern;
mod origins;
mod process;
mod results;
mod scopes;
mod serving;
mod sets;
mod settings;
mod sse;
mod step_up;
mod support;
mod surfaces;
mod tokens;
mod tools;
mod upstream;
