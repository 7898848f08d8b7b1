//! Text of others stays one line of visible characters, and a command has no words but ours.
use super::*;
use serde_json::json;

const HOSTILE: &str = "a\u{1b}]8;;javascript:x\u{7}b\r\nc\td\u{9b}2J\u{85}\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}\u{e0041}\u{e0100}\u{3164}\u{7f}é👍";

#[test]
fn attack_165_text_of_others_stays_one_line_of_visible_characters() {
    let shown = visible(HOSTILE);
    assert!(!shown.chars().any(|c| hides(c, category(c))) && !shown.contains('\n'), "{shown}");
    assert!(shown.starts_with("a\\u{1b}]8;;") && shown.ends_with("é👍"), "{shown}");
    assert_eq!(
        visible("e\u{301}x\u{301}\u{301}\u{301}\u{301}\u{301}"),
        "e\u{301}x\u{301}\u{301}\u{301}\u{301}\\u{301}"
    );
    let value = json!({HOSTILE: [HOSTILE, "x\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}"]});
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
