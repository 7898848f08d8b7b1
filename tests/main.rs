//! The one test binary: a module per room or story.
#![allow(clippy::unwrap_used)] // a test that cannot go on fails
mod attacks;
mod cimd;
mod dpop;
mod fetch;
mod openid;
mod process;
mod refresh;
mod sign_in;
mod storage;
mod stories;
mod wire;
mod support {
    pub mod app;
    pub mod browser;
    pub mod db;
    pub mod dpop;
    pub mod internet;
    pub mod node;
    pub mod process;
    pub mod remote;
}
