//! The output of operators' commands: a table or a sentence for people, or JSON for programs.
use crate::{
    oauth::visible::{json, visible},
    operations::{Page, date},
};
use anyhow::Context;
use keyward_shared::mask::Masker;
use serde_json::{Map, Value};
use std::{
    fmt,
    io::{self, ErrorKind, Write},
};
use time::OffsetDateTime;

/// The result of a command.
pub struct CommandOutput {
    json: Value,
    text: String,
    /// Whether the result holds a secret that is to be printed, such as a new token.
    is_secret: bool,
}

impl CommandOutput {
    pub fn new(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), is_secret: false }
    }

    /// A result that holds a secret which the operator asked for.
    pub fn secret(json: Value, text: impl Into<String>) -> Self {
        Self { is_secret: true, ..Self::new(json, text) }
    }

    /// The result of a command that has printed everything already.
    pub fn printed() -> Self {
        Self::new(Value::Null, "")
    }

    /// A page of a list; `name` is its member in JSON.
    pub fn list<T, const N: usize>(
        name: &str,
        page: &Page<T>,
        shown: impl Fn(&T) -> Value,
        headings: [&str; N],
        row: impl Fn(&T) -> [String; N],
    ) -> Self {
        let mut members = Map::new();
        members.insert(name.to_owned(), page.rows.iter().map(shown).collect());
        members.insert("next".to_owned(), page.next.clone().into());
        let rows: Vec<_> = page.rows.iter().map(row).collect();
        let mut text = if rows.is_empty() { "There are none.".to_owned() } else { table(headings, &rows) };
        if let Some(next) = &page.next {
            text = format!("{text}\n\nThere are more: --after {}", visible(next));
        }
        Self::new(members.into(), text)
    }

    /// One object, with a line of text for each field.
    pub fn one<const N: usize>(json: Value, fields: [(&str, String); N]) -> Self {
        let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let lines = fields.into_iter().map(|(name, value)| line([name, &visible(&value)], [width, 0]));
        Self::new(json, lines.collect::<Vec<_>>().join("\n"))
    }

    /// Prints the sentence `said` above the text.
    pub fn after(self, said: &str) -> Self {
        Self { text: format!("{said}{}", self.text), ..self }
    }

    /// Prints to standard output and masks secrets that somebody may have put into a name or an identifier.
    pub fn print(self, as_json: bool, masker: &Masker) -> anyhow::Result<()> {
        let Self { json: value, text, is_secret } = self;
        let text = match (as_json, is_secret) {
            (true, true) => json(&value),
            (true, false) => json(&masker.without_secrets(&value)),
            (false, true) => text,
            (false, false) => masker.text(&text),
        };
        if value.is_null() { Ok(()) } else { say!("{text}") }
    }
}

/// Prints a line to standard output.
macro_rules! say {
    ($($line:tt)*) => {
        $crate::commands::output::print_line(format_args!($($line)*))
    };
}
pub(super) use say;

/// A closed pipe (`| head`) is no error; any other failure to write is.
pub fn print_line(line: fmt::Arguments<'_>) -> anyhow::Result<()> {
    unless_gone(writeln!(io::stdout(), "{line}")).context("cannot write to standard output")
}

/// A reader that closed the pipe has seen enough: that is no error.
pub fn unless_gone(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Characters up to which a cell makes its column wider. A longer one, such as a `client_id` that is a URL, pushes only
/// the rest of its own row aside.
const MAX_COLUMN_CHARACTERS: usize = 60;

/// A table with columns as wide as their longest cell, but for very long ones.
fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| visible(cell))).collect();
    let widths = std::array::from_fn(|at| {
        let cells = rows.iter().map(|row| row[at].chars().count()).filter(|length| *length <= MAX_COLUMN_CHARACTERS);
        cells.chain([headings[at].len()]).max().unwrap_or_default()
    });
    let mut lines = vec![line(headings, widths)];
    lines.extend(rows.iter().map(|row| line(row.each_ref().map(String::as_str), widths)));
    lines.join("\n")
}

/// Joins cells into a row; each cell is padded to its width.
pub fn line<const N: usize>(cells: [&str; N], widths: [usize; N]) -> String {
    let cells: Vec<_> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    cells.join("  ").trim_end().to_owned()
}

/// The state of a user or client in a list.
pub fn status(disabled_at: Option<OffsetDateTime>) -> &'static str {
    if disabled_at.is_some() { "disabled" } else { "enabled" }
}

/// The state of a single user or client, with its date.
pub fn disabled(disabled_at: Option<OffsetDateTime>) -> String {
    disabled_at.map_or_else(|| "no".to_owned(), |at| format!("since {}", date(at)))
}

/// A dash stands for a missing value.
pub fn or_dash(text: Option<&str>) -> String {
    text.unwrap_or("-").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_is_as_wide_as_its_widest_cell_and_nothing_in_it_acts_on_a_terminal() {
        let rows = [["a".to_owned(), "x\x1b[2J".to_owned()], ["ländlich".to_owned(), String::new()]];
        assert_eq!(table(["ID", "NAME"], &rows), "ID        NAME\na         x\\u{1b}[2J\nländlich");
    }

    #[test]
    fn a_very_long_cell_is_whole_and_widens_no_other_row() {
        let long = "x".repeat(MAX_COLUMN_CHARACTERS + 1);
        let rows = [[long.clone(), "a".to_owned()], ["y".to_owned(), "b".to_owned()]];
        assert_eq!(table(["ID", "NAME"], &rows), format!("ID  NAME\n{long}  a\ny   b"));
    }

    #[test]
    fn a_list_says_how_to_go_on_if_there_is_more() {
        let list = |rows: Vec<&'static str>, next: Option<&str>| {
            let page = Page { rows, next: next.map(str::to_owned) };
            CommandOutput::list("things", &page, |row| json!(row), ["NAME"], |row| [(*row).to_owned()])
        };
        let some = list(vec!["a", "b"], Some("b"));
        assert_eq!(some.text, "NAME\na\nb\n\nThere are more: --after b");
        assert_eq!(some.json, json!({"things": ["a", "b"], "next": "b"}));
        let none = list(vec![], None);
        assert_eq!((&*none.text, none.json), ("There are none.", json!({"things": [], "next": null})));
    }
}
