//! The catalogue of events, and the page that documents it.
use keyward::events::{AccountKind, EventType, FailureReason, Level};
use std::{collections::BTreeSet, fs, path::Path};

fn page() -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md")).unwrap();
    let (_, section) = page.split_once("## Audit trail").unwrap();
    section.split_once("\n## ").unwrap().0.to_owned()
}

#[test]
fn the_page_tells_of_each_event_of_the_trail_its_level_and_its_details_and_of_no_other() {
    let of = |event: &EventType| {
        let entry = event.entry();
        let details: Vec<_> = entry.details.iter().map(|name| format!("`{name}`")).collect();
        format!("| `{event}` | {} | {} |", entry.level.as_str(), details.join(" "))
    };
    let audited = EventType::ALL.iter().filter(|event| event.entry().sinks.audit());
    let expected: BTreeSet<_> = audited.map(of).collect();
    let page = page();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let told: BTreeSet<_> = rows.map(|row| row.splitn(5, '|').take(4).collect::<Vec<_>>().join("|") + "|").collect();
    assert_eq!(told, expected);
}

#[test]
fn the_page_tells_each_kind_of_account_and_each_reason_and_no_other() {
    let page = page();
    let kinds = AccountKind::ALL.iter().map(|kind| kind.as_str());
    assert_eq!(quoted(&page, "An account begins to wait; `account` is", "|"), kinds.collect());
    let reasons = FailureReason::ALL.iter().map(|reason| reason.as_str());
    assert_eq!(quoted(&page, "in `reason` why it failed:", "The reason is in the trail only"), reasons.collect());
}

#[test]
fn the_page_of_endpoints_tells_of_each_event_of_the_trace_and_of_no_other() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/endpoints.md")).unwrap();
    let traced = EventType::ALL.iter().filter(|event| event.entry().sinks.trace());
    let told = quoted(&page, "Event types of traces:", "Each is also a line in the log");
    assert_eq!(told, traced.map(|event| event.as_str()).collect());
}

/// The words in code marks between two places of a page.
fn quoted<'a>(page: &'a str, from: &str, to: &str) -> BTreeSet<&'a str> {
    let (_, after) = page.split_once(from).unwrap_or_else(|| panic!("the page does not say {from:?}"));
    after.split_once(to).unwrap().0.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_name_of_an_event_is_that_of_its_variant() {
    let snake = |variant: String| {
        let words = variant.chars().flat_map(|c| ['_'].into_iter().filter(move |_| c.is_ascii_uppercase()).chain([c]));
        words.skip(1).collect::<String>().to_ascii_lowercase()
    };
    for event in EventType::ALL {
        assert_eq!(event.as_str(), snake(format!("{event:?}")));
    }
}

#[test]
fn no_two_events_have_one_name_and_names_are_words_in_snake_case() {
    let names: BTreeSet<_> = EventType::ALL.iter().map(|event| event.as_str()).collect();
    assert_eq!(names.len(), EventType::ALL.len());
    assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    assert!(Level::Info < Level::Warning && Level::Warning < Level::Critical);
}
