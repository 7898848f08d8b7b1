//! The log of a test, as the lines of JSON that operators collect.
use serde_json::Value;
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt;

/// What was logged on this thread since it began to listen.
pub struct Log {
    lines: Lines,
    _listening: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub fn listen() -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = fmt().json().with_writer(move || writer.clone()).finish();
        Self { lines, _listening: tracing::subscriber::set_default(subscriber) }
    }

    /// The fields of those lines whose message begins so.
    pub fn lines(&self, message: &str) -> Vec<Value> {
        let text = String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap();
        let fields = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["fields"].clone());
        fields.filter(|fields| fields["message"].as_str().is_some_and(|said| said.starts_with(message))).collect()
    }
}
