//! `keyward audit list`: its filters, its output, and how it ends.
use crate::support::process::House;
use keyward::{
    clock::date,
    model::{AuditEvent, AuditEventId, ClientId, Role, User, UserId},
    storage::{Db, audit_events, users},
};
use serde_json::{Value, json};

/// What a stranger may have called himself.
const HOSTILE: &str = "evil\x1b]0;owned\x07\x1b[2J\u{9b}31m\r\n2026-11-30T00:00:00Z  \u{202e}txet";

async fn started() -> House {
    let house = House::new().await.for_serving();
    house.serve().stop("TERM");
    house
}

fn event(event_type: &str, seconds: i64) -> AuditEvent {
    AuditEvent {
        id: AuditEventId::new(),
        event_type: event_type.into(),
        level: "info".into(),
        user_id: None,
        client_id: None,
        grant_id: None,
        success: true,
        details: json!({}),
        request_id: None,
        ip_address: None,
        user_agent: None,
        at: date(1_764_460_800 + seconds).unwrap(),
    }
}

fn alice() -> User {
    User {
        id: UserId::new(),
        username: "alice".into(),
        password_hash: String::new(),
        role: Role::User,
        name: None,
        email: None,
        created_at: event("", 0).at,
        disabled_at: None,
    }
}

async fn put(house: &House, events: &[AuditEvent], person: Option<&User>) {
    let db = Db::open(&house.database_url()).await.unwrap();
    if let Some(user) = person {
        users::insert(&db, user).await.unwrap();
    }
    for event in events {
        audit_events::insert(&db, event).await.unwrap();
    }
    db.close().await.unwrap();
}

/// The lines of a list, which must succeed.
fn list(house: &House, arguments: &[&str]) -> Vec<String> {
    let output = house.outcome(&[&["audit", "list"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn rows(house: &House, arguments: &[&str]) -> Vec<Value> {
    let lines = list(house, &[arguments, &["--json"]].concat());
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(house: &House, arguments: &[&str]) -> Vec<String> {
    rows(house, arguments).iter().map(|row| row["event_type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_trail_is_listed_newest_first_by_person_client_type_date_address_and_outcome() {
    let house = started().await;
    let alice = alice();
    let mut events = [event("first", 0), event("second", 60), event("third", 86_400)];
    events[0].user_id = Some(alice.id);
    (events[1].client_id, events[1].success) = (Some(ClientId::from("robot")), false);
    events[2].ip_address = Some("2001:db8::7".into());
    put(&house, &events, Some(&alice)).await;
    let id = alice.id.to_string();
    let day = ["--since", "2025-11-30", "--until", "2025-12-01"];
    for (arguments, found) in [
        (&day[..], &["third", "second", "first"][..]),
        (&["--limit", "1", "--since", "2025-11-30", "--until", "2025-12-01"], &["third"]),
        (&["--person", "alice"], &["first"]),
        (&["--person", "ALICE"], &["first"]),
        (&["--person", &id], &["first"]),
        (&["--client", "robot"], &["second"]),
        (&["--event", "third"], &["third"]),
        (&["--address", "2001:DB8:0::7"], &["third"]),
        (&["--failed"], &["second"]),
        (&["--until", "2025-11-30"], &["second", "first"]),
        (&["--until", "2025-11-30T00:00:59Z"], &["first"]),
        (&["--since", "2025-11-30T01:01:00+01:00", "--until", "2025-12-31"], &["third", "second"]),
        (&["--event", "third", "--failed"], &[]),
    ] {
        assert_eq!(names(&house, arguments), found, "{arguments:?}");
    }
    let all = list(&house, &[]);
    assert!(all[0].starts_with("TIME") && all[0].ends_with("DETAILS"), "{all:?}");
    let line = all.iter().find(|line| line.contains("first")).unwrap();
    assert_eq!(
        line.split_whitespace().collect::<Vec<_>>(),
        ["2025-11-30T00:00:00Z", "info", "first", "alice", "-", "-"]
    );
    // What the server did itself is there too.
    assert!(all.iter().any(|line| line.contains("server_stop")), "{all:?}");
    assert_eq!(list(&house, &["--event", "no-such"]), ["No event matches."]);
    assert!(rows(&house, &["--event", "no-such"]).is_empty());
}

#[tokio::test]
async fn nothing_that_is_stored_acts_on_the_terminal_or_makes_a_line_of_its_own() {
    let house = started().await;
    let mut user = alice();
    user.username = HOSTILE.into();
    let mut hostile = event("hostile", 0);
    hostile.user_id = Some(user.id);
    hostile.client_id = Some(ClientId::from(HOSTILE));
    hostile.details = json!({HOSTILE: [HOSTILE]});
    hostile.ip_address = Some(HOSTILE.into());
    hostile.user_agent = Some(HOSTILE.into());
    put(&house, &[hostile], Some(&user)).await;
    let text = list(&house, &["--event", "hostile"]);
    assert_eq!(text.len(), 2, "{text:?}");
    assert!(text[1].contains("evil\\u{1b}]0;owned"), "{text:?}");
    let json = list(&house, &["--event", "hostile", "--json"]);
    assert_eq!(json.len(), 1, "{json:?}");
    for line in text.iter().chain(&json) {
        assert!(line.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{line:?}");
    }
    let row: Value = serde_json::from_str(&json[0]).unwrap();
    assert_eq!((&row["client_id"], &row["details"][HOSTILE][0]), (&json!(HOSTILE), &json!(HOSTILE)));
}

#[tokio::test]
async fn a_trail_of_many_pages_is_listed_whole_and_in_order_if_all_of_it_is_wanted() {
    let house = started().await;
    let mut events: Vec<_> = (0..1_201).map(|n| event("many", n)).collect();
    events[300].success = false;
    put(&house, &events, None).await;
    let all = rows(&house, &["--event", "many", "--limit", "0"]);
    let ids: Vec<_> = all.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, events.iter().rev().map(|event| event.id.to_string()).collect::<Vec<_>>());
    assert_eq!(rows(&house, &["--event", "many"]).len(), 50);
    assert_eq!(rows(&house, &["--event", "many", "--limit", "501"]).len(), 501);
    // The oldest of a few, behind more than a page of others.
    assert_eq!(rows(&house, &["--event", "many", "--failed"]).len(), 1);
    assert_eq!(list(&house, &["--event", "many", "--limit", "0"]).len(), 1_202);
    // Whoever reads it may leave early.
    let keyward = format!("{} audit list --limit 0 | head -n 1", env!("CARGO_BIN_EXE_keyward"));
    let piped = house.shell(&keyward);
    assert!(piped.stderr.is_empty() && piped.stdout.starts_with(b"TIME"), "{piped:?}");
}

#[tokio::test]
async fn wrong_arguments_end_with_2_and_an_unknown_person_with_1_and_help_shows_an_example() {
    let house = started().await;
    for (arguments, code, says) in [
        (&["audit", "list", "--since", "yesterday"][..], 2, "write 2026-11-30"),
        (&["audit", "list", "--address", "here"], 2, "--address"),
        (
            &["audit", "list", "--since", "2026-12-02", "--until", "2026-12-01"],
            2,
            "--until (2026-12-01T23:59:59Z) is earlier than --since (2026-12-02T00:00:00Z)",
        ),
        (&["audit", "list", "--limit=-1"], 2, "--limit"),
        (&["audit", "list", "--colour"], 2, "--colour"),
        (&["audit", "read"], 2, "read"),
        (&["audit", "list", "--person", "nobody\x1b[2J"], 1, "nobody has this username"),
        (&["audit", "list", "--config", "no-such.toml"], 1, "no-such.toml"),
    ] {
        let output = house.outcome(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(code), true), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
        assert!(code == 2 || !said.contains('\x1b'), "{said:?}");
    }
    for arguments in [&["audit", "--help"][..], &["audit", "list", "--help"], &["audit", "verify", "--help"]] {
        let output = house.outcome(arguments);
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(said.contains("Example") && said.contains("Exit codes: 0"), "{said}");
    }
}
