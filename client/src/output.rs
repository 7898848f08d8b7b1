//! All that is printed, and what a person types: results on standard output, everything else on standard error.
//!
//! What is printed is lines. Whatever text stands in one, servers' too, it stays that line: nothing in it ends the
//! line, moves, colours or hides anything.
use crate::{
    address::Address,
    bounds,
    error::{Failure, TOOL_ERROR},
    mask,
};
use serde_json::Value;
use std::{
    fmt::Write as _,
    io::{BufRead, IsTerminal, Read, Write},
    sync::OnceLock,
};
use tokio::sync::{Mutex, mpsc};
use unicode_general_category::{GeneralCategory, get_general_category};

#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub json: bool,
}

impl Output {
    /// The result of a verb: the object, or the lines for people.
    pub fn result(self, object: &Value, people: impl FnOnce() -> Vec<String>) {
        print(&if self.json { pretty(object) } else { people() });
    }

    /// What a person must read while the verb runs.
    pub fn say(self, lines: &[&str]) {
        if self.json {
            for line in lines {
                complain(line);
            }
        } else {
            print(lines);
        }
    }

    /// An address to go to, as it is: one that can be gone to is all an [`Address`] can be.
    pub fn visit(self, before: &str, url: &Address, after: &[&str]) {
        self.say(&[before, "", &format!("  {}", url.as_str()), ""]);
        self.say(after);
    }

    pub fn failure(self, failure: &Failure) {
        if self.json && failure.code != TOOL_ERROR {
            object(&failure.to_json());
        }
        note(&format!("mcp-auth: {}", failure.message));
    }
}

pub fn object(object: &Value) {
    print(&pretty(object));
}

/// Something forgiven.
pub fn warn(line: &str) {
    note(&format!("warning: {line}"));
}

/// For whoever looks on; no credential is in it.
pub fn note(line: &str) {
    complain(&mask::text(line));
}

/// A yes of somebody at the terminal; nobody there is a no.
pub async fn confirmed(question: &str) -> bool {
    if !std::io::stdin().is_terminal() || !stderr().is_terminal() {
        return false;
    }
    let _ = write!(stderr(), "{} [y/N] ", visible(question));
    let _ = stderr().flush();
    matches!(typed().await.as_deref(), Some("y" | "Y" | "yes"))
}

/// The next line that somebody types or pastes; None at the end of standard input.
pub async fn typed() -> Option<String> {
    static LINES: OnceLock<Mutex<mpsc::Receiver<String>>> = OnceLock::new();
    LINES.get_or_init(|| Mutex::new(lines())).lock().await.recv().await
}

/// Read apart, for reading cannot be given up: the process ends without it.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        loop {
            let mut line = Vec::new();
            let read = std::io::stdin().lock().take(bounds::PASTE).read_until(b'\n', &mut line);
            let text = String::from_utf8_lossy(&line).trim().to_owned();
            if !read.is_ok_and(|read| read > 0) || sender.blocking_send(text).is_err() {
                return;
            }
        }
    });
    receiver
}

#[allow(clippy::disallowed_methods)] // the one place that prints
fn stderr() -> std::io::Stderr {
    std::io::stderr()
}

/// A closed pipe is not our failure.
#[allow(clippy::disallowed_methods)] // the one place that prints
fn print(lines: &[impl AsRef<str>]) {
    let mut out = std::io::stdout().lock();
    for line in lines {
        let _ = writeln!(out, "{}", visible(line.as_ref()));
    }
}

fn complain(line: &str) {
    let shown = visible(line);
    let end = shown.char_indices().nth(bounds::LINE).map_or(shown.len(), |(at, _)| at);
    let more = if end < shown.len() { "…" } else { "" };
    let _ = writeln!(stderr(), "{}{more}", &shown[..end]);
}

/// One line of text, whoever wrote it: what does not show itself is shown by its number.
fn visible(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, character| {
        if hides(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
        shown
    })
}

/// Controls, directions, joiners, separators of lines, and what is nothing yet.
fn hides(character: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, Unassigned};
    !matches!(character, ' '..='~')
        && matches!(
            get_general_category(character),
            Control | Format | LineSeparator | ParagraphSeparator | PrivateUse | Unassigned
        )
}

/// Two spaces, keys in order, and the same value in visible characters.
pub fn pretty(value: &Value) -> Vec<String> {
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    let text = serde_json::to_string_pretty(&sorted).unwrap_or_default();
    let escaped = |line: &str| {
        line.chars().fold(String::with_capacity(line.len()), |mut shown, character| {
            if hides(character) {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(shown, "\\u{unit:04x}");
                }
            } else {
                shown.push(character);
            }
            shown
        })
    };
    text.split('\n').map(escaped).collect()
}

/// A word of a command that somebody may paste into a shell.
pub fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/._~+-,=@%".contains(&byte);
    match word {
        _ if !word.is_empty() && word.bytes().all(plain) => word.to_owned(),
        _ if word.bytes().all(|byte| plain(byte) || byte == b' ') => format!("\"{word}\""),
        _ => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HOSTILE: &str =
        "a\u{1b}]8;;javascript:x\u{7}b\r\nc\td\u{9b}2J\u{85}\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}\u{e0041}\u{7f}é👍";

    #[test]
    fn attack_165_text_of_others_stays_one_line_of_visible_characters() {
        let shown = visible(HOSTILE);
        assert!(!shown.contains(hides) && !shown.contains('\n'), "{shown}");
        assert!(shown.starts_with("a\\u{1b}]8;;") && shown.ends_with("é👍"), "{shown}");
        let value = json!({HOSTILE: [HOSTILE]});
        let lines = pretty(&value);
        assert!(lines.iter().all(|line| visible(line) == *line), "{lines:?}");
        assert_eq!(serde_json::from_str::<Value>(&lines.join("\n")).unwrap(), value);
    }

    #[test]
    fn attack_166_a_command_to_be_pasted_has_no_words_but_ours() {
        assert_eq!(quoted("https://mcp.example/mcp"), "https://mcp.example/mcp");
        assert_eq!(quoted("read write"), "\"read write\"");
        assert_eq!(quoted("x\"; $(evil) '`"), "'x\"; $(evil) '\\''`'");
        assert_eq!(quoted(""), "\"\"");
    }
}
