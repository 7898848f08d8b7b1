//! Attacks on the user's decision: a question that changes after it was shown, misleading texts and names.
mod redeemable;
mod swaps;

use crate::support::{
    app::{Answer, CALLBACK, MCP, TestApp, authorize_path},
    browser::{borrowed, hidden, yes},
    grants::{grants_of, nothing_was_granted},
    registration::{ON, manage, refreshing, registered},
};
use keyward::{model::ClientId, oauth::params::form_urlencode};
use scraper::{Html, Selector};
use serde_json::{Value, json};

type Form = Vec<(String, String)>;

const LOOPBACK: &str = "http://127.0.0.1/cb";
const EVIL: &str = "https://evil.example/cb";

/// The text of each of these elements, in one line.
fn texts(page: &Answer, selector: &str) -> Vec<String> {
    let (html, selector) = (Html::parse_document(&page.body), Selector::parse(selector).unwrap());
    let found = html.select(&selector).map(|one| one.text().collect::<String>());
    found.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test]
async fn attack_97_a_client_that_changes_between_page_and_yes_gets_nothing_and_is_not_remembered() {
    let t = TestApp::with(ON).await;
    let body = refreshing("App", CALLBACK);
    let (id, token) = registered(&t, &with_scope(&body, "mcp:read")).await;
    let client = ClientId::from(&*id);
    let mut alice = t.signed_in("alice").await;
    let path = authorize_path(&client, &[]);
    let page = alice.get(&path).await;
    assert!(page.body.contains("returns to <bdi>client.example</bdi>") && !page.body.contains("mcp:write"));
    let mut changed = with_scope(&refreshing("App", EVIL), "mcp:write");
    changed["client_id"] = json!(id);
    assert_eq!(manage(&t, "PUT", &id, &token, Some(&changed)).await.status, 200);
    let again = alice.post("/consent", &borrowed(&yes(&page, "/consent"))).await;
    again.page(409);
    for told in ["Look again", "says something else of itself", "another address", "What it could do", "evil.example"] {
        assert!(again.body.contains(told), "{told}: {again:?}");
    }
    nothing_was_granted(&t).await;
    // Nor is a no sent where nobody was told of.
    let mut no = hidden(&page, "/consent");
    no.push(("decision".into(), "deny".into()));
    alice.post("/consent", &borrowed(&no)).await.page(409);
    // Nothing is remembered of it: the page asks as if for the first time.
    let page = alice.get(&path).await;
    assert_eq!(texts(&page, "h1"), ["“App” wants to use Notes"]);
    assert_eq!(texts(&page, ".scopes code"), [MCP, "mcp:write"]);
}

fn with_scope(body: &Value, scope: &str) -> Value {
    let mut body = body.clone();
    body["scope"] = json!(scope);
    body
}

#[tokio::test]
async fn attack_99_a_word_is_granted_for_each_server_in_its_own_words_and_remembered_for_each() {
    let bank = "https://bank.example/mcp";
    let t = TestApp::with(
        r#"
[resources.weather]
identifier = "https://weather.example/mcp"
name = "Weather"
scopes = { read = "Read forecasts" }
[resources.bank]
identifier = "https://bank.example/mcp"
name = "Bank"
scopes = { read = "Read your balance" }
"#,
    )
    .await;
    let client = t.stranger("c", &[CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    let weather = [("scope", "read"), ("resource", "https://weather.example/mcp")];
    alice.approve(&authorize_path(&client, &weather)).await.returned("code").unwrap();
    // What the weather's word was allowed for is not the bank's.
    let page = alice.get(&authorize_path(&client, &[&weather[..], &[("resource", bank)]].concat())).await;
    assert_eq!(texts(&page, "h1"), ["“Client c” asks for more on Bank"]);
    let (new, kept) = page.body.split_once("Already allowed").unwrap();
    assert!(new.contains("Read your balance") && new.contains(bank) && !new.contains("Read forecasts"), "{new}");
    assert!(kept.contains("Read forecasts") && !kept.contains("Read your balance"), "{kept}");
    let silent = authorize_path(&client, &[("scope", "read"), ("resource", bank), ("prompt", "none")]);
    assert_eq!(alice.get(&silent).await.returned("error").as_deref(), Some("consent_required"));
    let page =
        t.signed_in("bob").await.get(&authorize_path(&client, &[&weather[..], &[("resource", bank)]].concat())).await;
    assert_eq!(texts(&page, "h1"), ["“Client c” wants to use Weather and Bank"]);
    assert_eq!(texts(&page, ".scopes .words"), ["Read forecasts", "Read your balance"]);
}

#[tokio::test]
async fn attack_101_what_was_allowed_for_one_host_is_not_silent_for_another_of_the_same_client() {
    let t = TestApp::start().await;
    let uris = [CALLBACK, "https://client.example/other", "https://client.example:8443/cb", EVIL, LOOPBACK];
    let client = t.stranger("c", &uris).await;
    let mut alice = t.signed_in("alice").await;
    let path = |uri| authorize_path(&client, &[("redirect_uri", uri)]);
    alice.approve(&path(CALLBACK)).await.returned("code").unwrap();
    for same_place in [CALLBACK, "https://client.example/other"] {
        assert!(alice.get(&path(same_place)).await.returned("code").is_some(), "{same_place}");
    }
    for elsewhere in ["https://client.example:8443/cb", EVIL] {
        let silent = format!("{}&prompt=none", path(elsewhere));
        assert_eq!(alice.get(&silent).await.returned("error").as_deref(), Some("consent_required"), "{elsewhere}");
        let page = alice.get(&path(elsewhere)).await;
        page.page(200);
        assert!(page.body.contains("when it returned to another address"), "{page:?}");
        assert_eq!(texts(&page, ".scopes .words"), ["Read your notes"]);
        // Allowed there, too, it is remembered for both.
        alice.approve(&path(elsewhere)).await.returned("code").unwrap();
        for known in [CALLBACK, elsewhere] {
            assert!(alice.get(&path(known)).await.returned("code").is_some(), "{known}");
        }
    }
    alice.get(&path(LOOPBACK)).await.page(200);
}

#[tokio::test]
async fn attack_102_an_app_under_an_allowed_name_is_asked_about_with_everything_it_wants() {
    let t = TestApp::start().await;
    for uri in [LOOPBACK, "com.example.app:/cb"] {
        let client = t.stranger(uri.split(':').next().unwrap(), &[uri]).await;
        let mut alice = t.signed_in("alice").await;
        let path = |scope| authorize_path(&client, &[("scope", scope), ("redirect_uri", uri)]);
        alice.approve(&path("mcp:read")).await.returned("code").unwrap();
        let name = format!("Client {client}");
        for (scope, words, heading, title, button, note) in [
            (
                "mcp:read",
                &["Read your notes"][..],
                "wants to connect again",
                format!("Connect {name} again?"),
                "Connect",
                "We ask each time because any program on this",
            ),
            (
                "mcp:read mcp:write openid",
                &["Read your notes", "Change your notes", "Know that it is you"],
                "wants to use Notes",
                format!("Allow {name}?"),
                "Allow",
                "You allowed an app under this name before, on",
            ),
        ] {
            let page = alice.get(&path(scope)).await;
            page.page(200);
            assert!(page.body.contains(note), "{page:?}");
            assert_eq!(texts(&page, ".scopes h2"), ["What it could do in your name"]);
            assert_eq!(texts(&page, ".scopes .words"), words);
            assert_eq!(texts(&page, "h1"), [format!("“{name}” {heading}")]);
            assert_eq!(texts(&page, "title"), [format!("{title} · Keyward")]);
            assert_eq!(texts(&page, "button[value=allow]"), [button]);
            assert!(!page.body.contains("asks for more") && !page.body.contains("Nothing beyond"));
        }
    }
}

#[tokio::test]
async fn attack_103_a_name_that_shows_nothing_or_paints_over_the_page_is_no_name_on_any_page() {
    let t = TestApp::start().await;
    let mut alice = t.signed_in("alice").await;
    let piled = format!("App{}", "\u{332}\u{30d}\u{e0100}".repeat(20));
    for name in ["\u{3164}", "\u{2800}\u{2800}", "\u{e0100}", "\u{301}\u{302}", &piled, "\u{202e}\u{2066}"] {
        let mut body = refreshing("App", EVIL);
        body["client_name"] = json!(name);
        let registered = t.register(&body).await.json();
        assert_eq!(registered.get("client_name"), None, "{name:?}");
        let id = registered["client_id"].as_str().unwrap();
        let path = authorize_path(&ClientId::from(id), &[]);
        let page = alice.get(&path).await;
        let login = t.get(&format!("/login?return_to={}", form_urlencode(&path))).await;
        for page in [&page, &login] {
            assert!(page.body.contains(&format!("“<bdi>{id}")[..20]) && !page.body.contains(name), "{page:?}");
        }
    }
    // What was on record before there was this rule shows no more.
    let client = t.stranger("old", &[EVIL]).await;
    let mut stored = keyward::storage::clients::find(&t.db, &client).await.unwrap().unwrap();
    stored.metadata.client_name = Some(format!("” Your session ended. {piled}"));
    keyward::storage::clients::put_seed(&t.db, &stored).await.unwrap();
    t.app.clients.forget(&client);
    assert_eq!(texts(&alice.get(&authorize_path(&client, &[])).await, "h1"), ["“old” wants to use Notes"]);
}

#[tokio::test]
async fn attack_104_a_form_of_one_purpose_is_none_of_another_whatever_text_it_was_made_with() {
    let t = TestApp::start().await;
    let client = t.stranger("c", &[CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    // Texts that once named purposes.
    for state in ["login", "logout", "device", "setup", "device AAAA"] {
        let page = alice.get(&authorize_path(&client, &[("state", state)])).await;
        let tokens =
            [hidden(&page, "/consent"), hidden(&page, "/logout"), hidden(&alice.get("/device").await, "/device")];
        let decisions: [(&str, &[usize], Form); 3] = [
            ("/consent", &[1, 2], yes(&page, "/consent")),
            ("/logout", &[0, 2], vec![("form_token".into(), String::new())]),
            ("/device", &[0, 1], vec![("form_token".into(), String::new()), ("user_code".into(), "BBBB-BBBB".into())]),
        ];
        for (action, foreign, form) in decisions {
            for other in foreign {
                let mut form = form.clone();
                form[0].1.clone_from(&tokens[*other][0].1);
                assert_eq!(form[0].0, "form_token");
                alice.post(action, &borrowed(&form)).await.page(403);
            }
        }
    }
    nothing_was_granted(&t).await;
    assert!(alice.get("/").await.body.contains("alice"), "signed out");
}

#[tokio::test]
async fn a_resource_that_was_named_alone_adds_its_default_which_is_shown_and_granted() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let named = [("scope", "openid profile email offline_access"), ("resource", MCP)];
    let page = t.signed_in("alice").await.get(&authorize_path(&client, &named)).await;
    let expected = ["Read your notes", "Know that it is you", "See your name and username", "See your e-mail address"];
    assert_eq!(texts(&page, ".scopes .words"), expected);
    let tokens = t.tokens(&client, &named).await;
    assert_eq!(tokens["scope"], "openid profile email offline_access mcp:read");
    assert_eq!(TestApp::claims(&tokens["access_token"])["aud"], MCP);
    // Where none was named, the person alone is meant, whatever else nobody knows.
    for scope in ["openid profile", "openid bogus"] {
        let page = t.signed_in("bob").await.get(&authorize_path(&client, &[("scope", scope)])).await;
        assert_eq!(texts(&page, "h1"), ["Client c asks who you are"], "{scope}");
        assert_eq!(texts(&page, ".scopes h2"), ["What it would learn"]);
    }
}

#[tokio::test]
async fn what_cannot_refresh_is_promised_no_long_access_and_what_evidently_wants_to_can() {
    let t = TestApp::start().await;
    let mut body = refreshing("App", CALLBACK);
    let mut alice = t.signed_in("alice").await;
    for (grant_types, scope, refreshes) in [
        (json!(["authorization_code"]), json!(null), false),
        (json!(["authorization_code", "refresh_token"]), json!(null), true),
        (json!(null), json!(null), false),
        (json!(null), json!("mcp:read offline_access"), true),
        (json!(["authorization_code"]), json!("mcp:read offline_access"), false),
        (json!([]), json!("offline_access"), true),
    ] {
        (body["grant_types"], body["scope"]) = (grant_types, scope);
        let registered = t.register(&body).await.json();
        assert_eq!(
            registered["grant_types"].as_array().unwrap().contains(&json!("refresh_token")),
            refreshes,
            "{body}"
        );
        let client = ClientId::from(registered["client_id"].as_str().unwrap());
        let path = authorize_path(&client, &[("scope", "mcp:read offline_access"), ("prompt", "consent")]);
        let page = alice.get(&path).await;
        let told =
            if refreshes { "Up to 180 days; it ends earlier if unused for 30 days." } else { "Up to 10 minutes." };
        assert!(page.body.contains(told), "{told}: {page:?}");
        assert_eq!(texts(&page, ".scopes .words"), ["Read your notes"]);
        let code = alice.approve(&path).await.returned("code").unwrap();
        let tokens = t.redeem(&client, &code).await.json();
        assert_eq!(tokens.get("refresh_token").is_some(), refreshes);
        assert_eq!(tokens["scope"], if refreshes { "mcp:read offline_access" } else { "mcp:read" });
    }
    // Switched off for all, nobody is promised it.
    let t = TestApp::with(r#"grants.off = ["refresh_token"]"#).await;
    let client = t.stranger("c", &[CALLBACK]).await;
    let page = t.signed_in("alice").await.get(&authorize_path(&client, &[])).await;
    assert!(page.body.contains("Up to 10 minutes."), "{page:?}");
    assert_eq!(t.tokens(&client, &[]).await.get("refresh_token"), None);
    assert_eq!(grants_of(&t, "alice").await.len(), 1);
}
