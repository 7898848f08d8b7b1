//! All that is printed: results on standard output, everything else on standard error.
//!
//! Everything is printed as lines. No text in a line, of a server or of anybody else, can end that line, or move,
//! colour or hide anything.
use crate::{
    address::Address,
    bounds,
    error::{Failure, TOOL_ERROR},
    mask,
};
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup as Group},
};
use serde_json::Value;
use std::{
    fmt::Write as _,
    io::{IsTerminal, Write},
};

#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub json: bool,
}

impl Output {
    /// Prints the result of a verb: the object with `--json`, else the lines for people.
    pub fn result(self, object: &Value, people: impl FnOnce() -> Vec<String>) {
        print(&if self.json { pretty(object) } else { people() });
    }

    /// Prints what a person must read while the verb runs.
    pub fn say(self, lines: &[&str]) {
        if self.json {
            for line in lines {
                print_error_line(line);
            }
        } else {
            print(lines);
        }
    }

    /// Prints an address for a person to open. Any [`Address`] is safe to open.
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

/// Prints a deviation that this client tolerates.
pub fn warn(line: &str) {
    note(&format!("warning: {line}"));
}

/// Prints a line on standard error, with its credentials masked.
pub fn note(line: &str) {
    print_error_line(&mask::text(line));
}

/// Prints a question. The answer is typed behind it.
pub fn prompt(question: &str) {
    let _ = write!(stderr(), "{} ", visible(question));
    let _ = stderr().flush();
}

/// Whether standard error is a terminal, so that a person reads it.
pub fn is_seen() -> bool {
    stderr().is_terminal()
}

#[allow(clippy::disallowed_methods)] // the one place that prints
fn stderr() -> std::io::Stderr {
    std::io::stderr()
}

/// Prints lines on standard output. A reader that has closed the pipe is no failure of this program.
#[allow(clippy::disallowed_methods)] // the one place that prints
fn print(lines: &[impl AsRef<str>]) {
    let mut out = std::io::stdout().lock();
    for line in lines {
        let _ = writeln!(out, "{}", visible(line.as_ref()));
    }
}

fn print_error_line(line: &str) {
    let shown = visible(line);
    let end = shown.char_indices().nth(bounds::LINE).map_or(shown.len(), |(at, _)| at);
    let more = if end < shown.len() { "…" } else { "" };
    let _ = writeln!(stderr(), "{}{more}", &shown[..end]);
}

/// A text of anybody as one line, in which invisible characters are written as their numbers.
fn visible(text: &str) -> String {
    with_numbers(text, |shown, character| shown.extend(character.escape_unicode()))
}

fn with_numbers(text: &str, number: impl Fn(&mut String, char)) -> String {
    let (mut shown, mut marks) = (String::with_capacity(text.len()), 0);
    for character in text.chars() {
        let category = category(character);
        marks = if Group::Mark.contains(category) { marks + 1 } else { 0 };
        if marks > MAX_MARKS || hides(character, category) {
            number(&mut shown, character);
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Marks on one letter. No language needs more (Unicode Technical Standard #39 §5.4), and more would paint over other
/// lines.
const MAX_MARKS: usize = 4;

/// Whether a character is invisible or changes how others are shown: controls, directions, joiners, fillers, separators
/// of lines, and unassigned ones.
fn hides(character: char, category: GeneralCategory) -> bool {
    use GeneralCategory::{LineSeparator, ParagraphSeparator};
    Group::Other.contains(category)
        || matches!(category, LineSeparator | ParagraphSeparator)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

/// The lines of a JSON value, indented by two spaces, with sorted keys and visible characters only.
pub fn pretty(value: &Value) -> Vec<String> {
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    let text = serde_json::to_string_pretty(&sorted).unwrap_or_default();
    let escape = |shown: &mut String, character: char| {
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(shown, "\\u{unit:04x}");
        }
    };
    text.split('\n').map(|line| with_numbers(line, escape)).collect()
}

/// A word of a command, quoted so that a person can paste the command into a shell.
pub fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/._~+-,=@%".contains(&byte);
    match word {
        _ if !word.is_empty() && word.bytes().all(plain) => word.to_owned(),
        _ if word.bytes().all(|byte| plain(byte) || byte == b' ') => format!("\"{word}\""),
        _ => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests;
