//! What a person sees of `mcp-auth`: one test binary, a file per subject, the program itself as a process.
#![allow(clippy::unwrap_used)] // a test that cannot go on says where
#![allow(clippy::disallowed_methods)] // what binds the program does not bind who looks at it
mod attacks;
mod calls;
mod doctor;
mod entrances;
mod help;
mod logins;
mod profiles;
mod refresh;
mod status;
mod support;
