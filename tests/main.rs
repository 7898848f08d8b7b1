//! The one test binary: a module per room or story.
mod storage;
mod support {
    pub mod db;
}
