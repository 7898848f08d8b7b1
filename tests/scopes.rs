//! Scopes that include narrower ones: tokens are issued and guards decide by the same rule.
use crate::support::{
    app::{CALLBACK, MCP, OTHER, TestApp, authorize_path, basic},
    client_credentials::ask,
    guarded::Guarded,
    token_exchange,
    tokens::text,
};
use keyward::clients::configured;
use serde_json::{Value, json};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// With a scope of another vocabulary that has parts and another name, and clients that hold some of it.
const SETTINGS: &str = r#"
[resources.main.scopes.files]
description = "Use your files"
implies = ["files-read", "files-list"]
aliases = ["f", "drive"]
[resources.main.scopes.files-read]
description = "Read your files"
implies = ["files-list"]
[resources.main.scopes.files-list]
description = "See which files you have"

[clients.writer]
secret = "0123456789abcdef0123456789abcdef"
scope = "mcp:write files"
[clients.parts]
secret = "0123456789abcdef0123456789abcdef"
scope = "mcp:tools:list mcp:tools:echo mcp:tools:read files-read"
"#;

async fn start() -> TestApp {
    let t = TestApp::with(SETTINGS).await;
    configured::write(&t.app).await.unwrap();
    t
}

fn call(tool: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": {}}})
}

#[tokio::test]
async fn a_client_may_ask_for_any_scope_that_is_smaller_than_one_it_holds_and_for_none_that_is_larger() {
    let t = start().await;
    for (client, scope, granted) in [
        ("writer", "mcp:tools:write mcp:read", Some("mcp:tools:write mcp:read")),
        ("writer", "mcp:tools:echo", Some("mcp:tools:echo")),
        ("writer", "files-list files", Some("files-list files")),
        ("writer", "drive", Some("drive")),
        ("writer", "f mcp:write", Some("f mcp:write")),
        ("writer", "mcp:admin", None),
        ("writer", "mcp:read mcp:tools:admin", None),
        ("writer", "mcp:read files:delete", None),
        ("writer", "openid", None),
        ("parts", "mcp:read", Some("mcp:tools:list mcp:tools:echo mcp:tools:read")),
        ("parts", "files-list", Some("files-list")),
        ("parts", "mcp:write", None),
        ("parts", "files", Some("files-read files-list")),
        ("parts", "mcp:tools:write", None),
    ] {
        let answer = ask(&t, client, SECRET, &[("scope", scope)]).await;
        match granted {
            Some(granted) => assert_eq!(answer.json()["scope"], granted, "{client} {scope}"),
            None => answer.refused(400, "invalid_scope"),
        }
    }
    assert_eq!(ask(&t, "writer", SECRET, &[]).await.json()["scope"], "mcp:write files");
}

#[tokio::test]
async fn a_refresh_narrows_along_the_hierarchy_and_what_was_granted_comes_back() {
    let t = start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let mut tokens = t.tokens(&client, &[("scope", "mcp:write"), ("resource", MCP)]).await;
    for (scope, granted) in [("mcp:tools:echo", "mcp:tools:echo"), ("mcp:read", "mcp:read"), ("", "mcp:write")] {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", text(&tokens, "refresh_token")),
            ("client_id", "c"),
            ("scope", scope),
        ];
        let form = if scope.is_empty() { &form[..3] } else { &form[..] };
        let refreshed = t.post("/token", form).await.json();
        assert_eq!(refreshed["scope"], granted, "{refreshed}");
        assert_eq!(TestApp::claims(&refreshed["access_token"])["scope"], granted);
        tokens = refreshed;
    }
    let wider = [
        ("grant_type", "refresh_token"),
        ("refresh_token", text(&tokens, "refresh_token")),
        ("client_id", "c"),
        ("scope", "mcp:admin"),
    ];
    t.post("/token", &wider).await.refused(400, "invalid_scope");
}

#[tokio::test]
async fn people_are_asked_for_parts_and_other_names_in_words_and_never_again_for_less_than_they_allowed() {
    let t = start().await;
    let client = t.public_client("web", &[CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    let path = |scope: &str| authorize_path(&client, &[("scope", scope)]);
    let page = alice.get(&path("mcp:tools:write drive")).await;
    page.page(200);
    assert!(page.body.contains("Use its tools that change things") && page.body.contains("Use your files"), "{page:?}");
    assert!(alice.approve(&path("mcp:write")).await.returned("code").is_some());
    for smaller in ["mcp:write", "mcp:read", "mcp:tools:write mcp:tools:echo"] {
        assert!(alice.get(&path(smaller)).await.returned("code").is_some(), "{smaller}");
    }
    alice.get(&path("mcp:read files-list")).await.page(200);
}

#[tokio::test]
async fn a_step_ups_token_carries_what_the_page_showed_and_keeps_what_was_allowed() {
    let t = start().await;
    let client = t.public_client("web", &[CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    let asking = |scope: &str| authorize_path(&client, &[("scope", scope)]);
    assert!(alice.approve(&asking("mcp:read")).await.returned("code").is_some());
    let page = alice.get(&asking("mcp:tools:write")).await;
    page.page(200);
    assert!(page.body.contains("Read your notes"), "{page:?}");
    let code = alice.approve(&asking("mcp:tools:write")).await.returned("code").unwrap();
    let tokens = t.redeem(&client, &code).await.json();
    let scope = keyward::model::Scopes::parse(text(&tokens, "scope")).unwrap();
    for carried in ["mcp:tools:write", "mcp:read"] {
        assert!(scope.contains(carried), "{scope}");
    }
    // Who asks for less than that gets less.
    let code = alice.get(&asking("mcp:read")).await.returned("code").unwrap();
    let tokens = t.redeem(&client, &code).await.json();
    assert_eq!(tokens["scope"], "mcp:read");
}

#[tokio::test]
async fn a_step_ups_token_still_tells_who_it_is_and_holds_nothing_of_other_servers() {
    let t = start().await;
    let client = t.public_client("web", &[CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    let elsewhere = authorize_path(&client, &[("scope", "other:read"), ("resource", OTHER)]);
    for before in [&elsewhere, &authorize_path(&client, &[("scope", "openid mcp:read")])] {
        assert!(alice.approve(before).await.returned("code").is_some());
    }
    let more = authorize_path(&client, &[("scope", "mcp:write")]);
    let page = alice.get(&more).await;
    assert!(page.body.contains("Know that it is you") && page.body.contains("other:read"), "{page:?}");
    let code = alice.approve(&more).await.returned("code").unwrap();
    let tokens = t.redeem(&client, &code).await.json();
    let scope = keyward::model::Scopes::parse(text(&tokens, "scope")).unwrap();
    assert_eq!(scope, ["mcp:write", "mcp:read", "openid"].into_iter().collect(), "{scope}");
}

#[tokio::test]
async fn a_guard_obeys_the_rule_that_its_issuer_publishes_for_its_resource_and_no_other() {
    let g = Guarded::with(SETTINGS, |guard| guard.tool("list", "files-list").tool("drop", "files")).await;
    configured::write(&g.t.app).await.unwrap();
    let metadata = g.at.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["scopes_implied"][MCP]["files-read"], json!(["files-list"]));
    assert_eq!(metadata["scopes_implied"][MCP]["f"], json!(["files"]));
    let listed = metadata["scopes_supported"].as_array().unwrap();
    for told in ["files", "files-list", "mcp:write"] {
        assert!(listed.contains(&json!(told)), "{told}");
    }
    for untold in ["f", "drive", "mcp:tools:write"] {
        assert!(!listed.contains(&json!(untold)), "{untold}");
    }
    let authorization = basic("writer", SECRET);
    for (scope, tool, status) in [
        ("files", "list", 200),
        ("drive", "list", 200),
        ("drive", "drop", 200),
        ("files-read", "list", 200),
        ("files-read", "drop", 403),
        ("mcp:write", "list", 403),
    ] {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        let tokens = g.at.post_with("/token", &form, &[("authorization", &authorization)]).await.json();
        let answer = g.ask(text(&tokens, "access_token"), &call(tool)).await;
        assert_eq!(answer.status, status, "{scope} {tool}: {answer:?}");
    }
}

#[tokio::test]
async fn what_a_guard_asks_for_in_a_step_up_a_client_that_holds_enough_is_given_at_once() {
    let g = Guarded::with(SETTINGS, |guard| guard.tool("send", "mcp:tools:write").tool("read", "mcp:tools:read")).await;
    configured::write(&g.t.app).await.unwrap();
    let authorization = basic("writer", SECRET);
    let token = async |scope: &str| {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        let answer = g.at.post_with("/token", &form, &[("authorization", &authorization)]).await;
        assert_eq!(answer.status, 200, "{scope}: {answer:?}");
        text(&answer.json(), "access_token").to_owned()
    };
    // As clients do: first what the first challenge names, then what the refusal names. Other names are kept, too.
    for first in ["mcp:read", "f mcp:read"] {
        let token_before = token(first).await;
        assert_eq!(g.ask(&token_before, &call("read")).await.status, 200);
        let refused = g.ask(&token_before, &call("send")).await;
        assert_eq!(refused.status, 403);
        let challenge = refused.header("www-authenticate").to_owned();
        let wanted = challenge.split_once("scope=\"").unwrap().1.split('"').next().unwrap();
        assert_eq!(wanted, format!("mcp:tools:write {first}"));
        let token_after = token(wanted).await;
        for tool in ["send", "read"] {
            assert_eq!(g.ask(&token_after, &call(tool)).await.status, 200, "{tool}");
        }
    }
}

#[tokio::test]
async fn an_exchanged_token_may_be_for_less_than_the_rule_says_along_the_hierarchy_of_the_target() {
    let t = token_exchange::start("").await;
    let there = token_exchange::allowed(&t, "mcp:read").await;
    let there = token_exchange::exchanged(&token_exchange::exchange(&t, "notes", &there, &[]).await);
    for (scope, granted) in [("", Some("mcp:read")), ("mcp:tools:echo", Some("mcp:tools:echo")), ("mcp:write", None)] {
        let answer = token_exchange::exchange(&t, "other", &there, &[("resource", MCP), ("scope", scope)]).await;
        match granted {
            Some(granted) => assert_eq!(answer.json()["scope"], granted, "{answer:?}"),
            None => answer.refused(400, "invalid_scope"),
        }
    }
}

#[tokio::test]
async fn a_rule_that_cannot_hold_is_told_to_the_operator_by_name() {
    let load = |scopes: &str| {
        let settings = format!(
            "issuer = 'https://as.example'\n[resources.r]\nidentifier = 'https://mcp.example'\n[resources.r.scopes]\n{scopes}"
        );
        keyward::config::Config::load(&settings, None, std::collections::HashMap::new()).unwrap_err().to_string()
    };
    let stray = load("a = { description = 'A', implies = ['b'] }");
    let told = "resources.r.scopes.a.implies: the scope a implies b, which is not among the scopes";
    assert!(stray.starts_with(told), "{stray}");
    let twice = load("a = { description = 'A', aliases = ['b'] }\nb = 'B'");
    assert!(twice.starts_with("resources.r.scopes.a: the scope b is there twice"), "{twice}");
}
