//! Received text as one line of visible characters, which cannot control a terminal, change direction or hide.
use super::display_name::is_invisible;
use serde_json::Value;
use std::fmt::Write;

/// Invisible characters become escapes: `\u{1b}`.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if hides(character) {
            line.extend(character.escape_unicode());
        } else {
            line.push(character);
        }
    }
    line
}

/// As [`visible`], cut to a number of characters.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    let shown: String = text.chars().take(most).collect();
    let dots = if shown.len() < text.len() { "…" } else { "" };
    format!("{}{dots}", visible(&shown))
}

/// JSON on one line: invisible characters can only be inside strings, where they are escaped (RFC 8259 §7).
#[must_use]
pub fn json(value: &Value) -> String {
    let (text, mut line) = (value.to_string(), String::new());
    for character in text.chars() {
        if hides(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` cannot fail.
                let _ = write!(line, "\\u{unit:04x}");
            }
        } else {
            line.push(character);
        }
    }
    line
}

fn hides(character: char) -> bool {
    is_invisible(character) || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_acts_on_a_terminal_or_turns_a_line_around_is_shown_as_what_it_is() {
        for (text, seen) in [
            ("plain, naïve, 日本語", "plain, naïve, 日本語"),
            ("a\x1b[2Jb\r\n", "a\\u{1b}[2Jb\\u{d}\\u{a}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}gpj.exe", "\\u{202e}gpj.exe"),
            ("a\u{200b}\u{2028}\u{e0041}", "a\\u{200b}\\u{2028}\\u{e0041}"),
        ] {
            assert_eq!(visible(text), seen);
        }
        assert_eq!(cut("\x1babc", 3), "\\u{1b}ab…");
        assert_eq!(cut("abc", 3), "abc");
    }

    proptest! {
        #[test]
        fn json_says_the_same_in_visible_characters(text in "\\PC*|.*", control in any::<char>()) {
            let value = json!({"text": format!("{text}{control}"), "escapes": "\u{9b}\u{202e}\u{e0041}\u{2028}\x7f"});
            let line = json(&value);
            prop_assert!(!line.chars().any(hides), "{line:?}");
            prop_assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
        }
    }
}
