//! `call`, `tools`, `read`, `token`, `debug`: what goes over the wire and what is printed.
use crate::support::{Person, World, old_session, old_sse};
use serde_json::json;

fn signed_in(world: &World, scope: &str) -> Person {
    let person = Person::new();
    person.run(&["login", &world.mcp(), "--auth-mode", "auth-code", "--scope", scope]).done();
    person
}

fn call(person: &Person, world: &World, tool: &str, more: &[&str]) -> crate::support::Run {
    person.run(&[&["call", &world.mcp(), "tools/call", "--tool-name", tool], more].concat())
}

#[test]
fn a_call_prints_its_result_with_sorted_keys_and_mirrors_annotated_arguments() {
    let world = World::new();
    let person = signed_in(&world, "read");
    let done = call(&person, &world, "echo", &["--tool-arguments", r#"{"region": "eu ", "message": "hi"}"#]).done();
    assert_eq!(
        done.stdout,
        "{\n  \"content\": [\n    {\n      \"text\": \"hi\",\n      \"type\": \"text\"\n    }\n  ]\n}\n"
    );
    let seen = world.seen();
    let headers = seen.call_headers.last().unwrap();
    assert_eq!(headers["mcp-protocol-version"], "2026-07-28");
    assert_eq!(
        (&headers["mcp-method"], &headers["mcp-name"]),
        (&"tools/call".parse().unwrap(), &"echo".parse().unwrap())
    );
    assert_eq!(headers["mcp-param-region"], "=?base64?ZXUg?=");
    let meta = &seen.calls.last().unwrap()["params"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
}

#[test]
fn a_tool_with_an_unusable_header_is_neither_listed_nor_called() {
    let world = World::new();
    let person = signed_in(&world, "read");
    let listed = person.run(&["tools", &world.mcp()]).done();
    assert_eq!(listed.stdout, "echo    Says it again\nsecret  Needs more\n");
    assert!(listed.stderr.contains("broken"));
    let refused = call(&person, &world, "broken", &["--json"]).failed();
    assert_eq!(refused.json()["error"]["code"], "invalid_tool");
    assert!(world.seen().calls.iter().all(|call| call["method"] == "tools/list"));
}

#[test]
fn a_missing_scope_is_asked_for_together_with_all_before() {
    let world = World::new();
    let person = signed_in(&world, "read");
    call(&person, &world, "secret", &[]).done();
    let asked = world.seen().authorizations.last().unwrap()["scope"].clone();
    assert_eq!(asked, "read write");
    assert_eq!(world.seen().registrations.len(), 1);
}

#[test]
fn a_missing_scope_is_only_named_where_asking_is_forbidden() {
    let world = World::new();
    let person = signed_in(&world, "read");
    let refused = call(&person, &world, "secret", &["--no-step-up", "--json"]).failed();
    assert_eq!(refused.json()["error"]["code"], "insufficient_scope");
    assert_eq!(refused.json()["error"]["http_status"], 403);
    assert!(refused.stderr.contains("--scope \"read write\""), "{}", refused.stderr);
    assert_eq!(world.seen().authorizations.len(), 1);
}

#[test]
fn a_scope_that_was_not_granted_is_not_asked_for_again() {
    let world = World::with(&["never-grants"]);
    let person = signed_in(&world, "read");
    for _ in 0..3 {
        let refused = call(&person, &world, "secret", &["--json"]).failed();
        assert_eq!(refused.json()["error"]["code"], "insufficient_scope");
    }
    assert_eq!(world.seen().authorizations.len(), 2);
}

#[test]
fn no_scope_is_asked_for_at_another_authorization_server_than_that_of_the_login() {
    let world = World::new();
    let person = signed_in(&world, "read");
    person.edit(|file| file["profiles"][0]["issuer"] = "https://before.example".into());
    let refused = call(&person, &world, "secret", &["--json"]).failed();
    assert_eq!(refused.json()["error"]["code"], "issuer_changed");
    assert_eq!(world.seen().authorizations.len(), 1);
}

#[test]
fn without_a_login_the_refusal_says_what_to_do() {
    let (world, person) = (World::new(), Person::new());
    let refused = person.run(&["tools", &world.mcp()]).failed();
    assert!(refused.stderr.contains(&format!("mcp-auth login {}", world.mcp())), "{}", refused.stderr);
}

#[test]
fn errors_of_the_server_keep_their_code_and_failed_tools_their_result() {
    let world = World::new();
    let person = signed_in(&world, "read");
    let refused = person.run(&["call", &world.mcp(), "no/such", "--json"]).failed();
    assert_eq!(refused.json()["error"]["code"], "-32601");
    let failed = call(&person, &world, "fails", &["--json"]).failed();
    assert_eq!(failed.json()["isError"], true);
}

#[test]
fn resources_tokens_and_debug_views_are_read() {
    let world = World::new();
    let person = signed_in(&world, "read");
    let read = person.run(&["read", &world.mcp(), "user://profile"]).done().json();
    assert_eq!(read["contents"][0], json!({"uri": "user://profile", "text": "hello"}));
    assert_eq!(world.seen().call_headers.last().unwrap()["mcp-name"], "user://profile");
    assert_eq!(person.run(&["token", &world.mcp()]).done().stdout, "access-secret-1\n");
    let debug = person.run(&["debug", &world.mcp(), "tokens?limit=3"]).done().json();
    assert_eq!(debug, json!({"asked": "/debug/tokens", "query": {"limit": "3"}}));
}

#[test]
fn misuse_has_its_own_exit_code() {
    let person = Person::new();
    for arguments in [&["call"][..], &["login", "not a url"], &["login", "http://127.0.0.1:1/", "--auth-mode", "basic"]]
    {
        assert_eq!(person.run(arguments).code, 2, "{arguments:?}");
    }
    assert_eq!(person.run(&["--help"]).code, 0);
}

#[test]
fn nothing_secret_is_shown_by_verbose() {
    let world = World::new();
    let person = Person::new();
    let login = person.run(&["login", &world.mcp(), "--auth-mode", "auth-code", "--verbose"]).done();
    let listed = person.run(&["tools", &world.mcp(), "--verbose"]).done();
    let shown = format!("{}{}{}", login.stdout, login.stderr, listed.stderr);
    assert!(shown.contains("> POST") && shown.contains("www-authenticate"), "{shown}");
    for secret in ["access-secret", "refresh-secret", "code=read"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn a_session_is_named_in_every_request_and_begun_anew_when_it_is_gone() {
    let (url, posted) = old_session::serve();
    let person = Person::new();
    assert_eq!(person.run(&["tools", &url, "--protocol", "legacy"]).done().stdout, "lasting\n");
    let posted: Vec<_> = posted.try_iter().map(|seen| [seen.method, seen.session, seen.version]).collect();
    let wanted = [
        ["initialize", "", ""],
        ["notifications/initialized", "s1", "2025-06-18"],
        // The server has forgotten the session.
        ["tools/list", "s1", "2025-06-18"],
        ["initialize", "", ""],
        ["notifications/initialized", "s2", "2025-06-18"],
        ["tools/list", "s2", "2025-06-18"],
        ["DELETE", "s2", "2025-06-18"],
    ];
    assert_eq!(posted, wanted);
}

#[test]
fn a_server_of_2024_11_05_is_reached_over_its_stream_with_the_credential_on_every_request() {
    let (url, posted) = old_sse::serve();
    let person = Person::new();
    person.run(&["login", &url, "--bearer-token", "static-token"]).done();
    drop(posted.try_iter().collect::<Vec<_>>());
    assert_eq!(person.run(&["tools", &url]).done().stdout, "ancient  Still here\n");
    let posted: Vec<_> = posted.try_iter().collect();
    let methods: Vec<_> = posted.iter().map(|(_, message)| message["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["initialize", "notifications/initialized", "tools/list"]);
    assert!(posted.iter().all(|(authorization, _)| authorization == "Bearer static-token"));
}
