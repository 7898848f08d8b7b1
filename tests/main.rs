//! The one test binary: a module per room or story.
#![allow(clippy::unwrap_used)] // a test that cannot go on fails
mod storage;
mod support {
    pub mod db;
}
