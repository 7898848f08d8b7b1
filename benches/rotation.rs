//! Rotation under load.
fn main() {}
