//! Results on standard output, for people or as one JSON object; everything else on standard error.
use crate::error::{Failure, TOOL_ERROR};
use serde_json::Value;
use std::io::Write;

#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub json: bool,
}

impl Output {
    /// The result of a verb: the object, or the lines for people.
    pub fn result(self, object: &Value, people: impl FnOnce() -> String) {
        let text = if self.json { pretty(object) } else { people() };
        print(&text);
    }

    /// What a person must read while the verb runs.
    pub fn say(self, line: &str) {
        if self.json {
            eprintln!("{line}");
        } else {
            let _ = writeln!(std::io::stdout(), "{line}");
        }
    }

    pub fn failure(self, failure: &Failure) {
        if self.json && failure.code != TOOL_ERROR {
            object(&failure.to_json());
        }
        eprintln!("mcp-auth: {}", failure.message);
    }
}

pub fn object(object: &Value) {
    print(&pretty(object));
}

/// Something forgiven.
pub fn warn(line: &str) {
    eprintln!("warning: {line}");
}

/// A closed pipe is not our failure, and no lines are not an empty one.
fn print(text: &str) {
    if text.is_empty() {
        return;
    }
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end_matches('\n'));
}

/// Two spaces, keys in order.
pub fn pretty(value: &Value) -> String {
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    serde_json::to_string_pretty(&sorted).unwrap_or_default()
}
