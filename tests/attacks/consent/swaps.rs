//! A grant is exactly what the page showed: for every kind of page, the request is changed before the user allows it.
use super::{CALLBACK, EVIL, Form, LOOPBACK};
use crate::support::{
    app::{Answer, ISSUER, MCP, OTHER, PASSWORD, TestApp, authorize_path, encode, operator, send},
    browser::{Browser, borrowed, yes},
    device::{GRANT_TYPE, begin, enter, user_code},
    grants::grants_of,
    registration::{ON, manage, refreshing, registered},
};
use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use keyward::{
    app::App,
    config::{Config, ScopeSettings},
    http::router,
    model::ClientId,
    operations::consents,
};
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Page {
    First,
    FirstOnLoopback,
    More,
    Same,
    SameOnLoopback,
    Changed,
    Several,
    OpenId,
    Device,
}

/// What becomes another between page and yes.
#[derive(Clone, Debug)]
enum Swap {
    /// Members of the client's registration.
    Put(Value),
    /// The operator's settings, in a server that starts anew.
    Settings(fn(&mut Config)),
    /// The person's role.
    Role,
    Person,
    SignIn,
    Request,
    Allowed,
    Address,
    Age,
}

fn swaps(page: Page) -> Vec<Swap> {
    let name = |config: &mut Config| set(config, |main| main.name = Some("Other".into()));
    let words = |config: &mut Config| {
        let other = ScopeSettings::Words("Delete your notes".into());
        set(config, |main| drop(main.scopes.insert("mcp:read".into(), other)));
    };
    let roles = |config: &mut Config| {
        let other = serde_json::from_value(json!({"description": "Everything", "roles": ["user"]})).unwrap();
        set(config, |main| drop(main.scopes.insert("mcp:admin".into(), other)));
    };
    let longer = |config: &mut Config| config.tokens.refresh_lifetime *= 2;
    let mut all = vec![
        Swap::Put(json!({"client_name": "Other"})),
        Swap::Put(json!({"client_uri": "https://other.example"})),
        Swap::Put(json!({"logo_uri": "https://other.example/logo.png"})),
        Swap::Put(json!({"contacts": ["other@other.example"]})),
        Swap::Put(json!({"grant_types": [if page == Page::Device { GRANT_TYPE } else { "authorization_code" }]})),
        Swap::Settings(longer),
        Swap::Person,
        Swap::SignIn,
        Swap::Request,
    ];
    if page != Page::OpenId {
        all.extend([Swap::Role, Swap::Settings(name), Swap::Settings(words), Swap::Settings(roles)]);
    }
    if page == Page::Device {
        all.push(Swap::Address);
    } else {
        all.extend([
            Swap::Put(json!({"redirect_uris": [EVIL]})),
            Swap::Put(json!({"redirect_uris": [EVIL], "client_name": "Other", "scope": "mcp:write"})),
            Swap::Allowed,
            Swap::Age,
        ]);
    }
    all
}

fn set(config: &mut Config, change: impl FnOnce(&mut keyward::config::ResourceSettings)) {
    change(config.resources.get_mut("main").unwrap());
}

/// A page, its client, and what opens it again.
struct Shown {
    client: ClientId,
    token: String,
    body: Value,
    path: String,
    action: &'static str,
    page: Answer,
}

async fn show(t: &TestApp, browser: &mut Browser<'_>, page: Page) -> Shown {
    let loopback = matches!(page, Page::FirstOnLoopback | Page::SameOnLoopback);
    let mut body = refreshing("App", if loopback { LOOPBACK } else { CALLBACK });
    if page == Page::Device {
        body["grant_types"] = json!([GRANT_TYPE, "refresh_token"]);
    }
    let (id, token) = registered(t, &body).await;
    let client = ClientId::from(&*id);
    let scope = match page {
        Page::OpenId => "openid profile offline_access",
        Page::Several => "mcp:read mcp:admin other:read openid",
        Page::More => "mcp:read mcp:write mcp:admin",
        _ => "mcp:read mcp:admin",
    };
    let mut request = vec![("scope", scope)];
    if page == Page::Several {
        request.extend([("resource", MCP), ("resource", OTHER)]);
    }
    if page == Page::Same {
        request.push(("prompt", "consent"));
    }
    if matches!(page, Page::More | Page::Same | Page::SameOnLoopback | Page::Changed) {
        browser.approve(&authorize_path(&client, &[("scope", "mcp:read")])).await.returned("code").unwrap();
    }
    if page == Page::Changed {
        body["client_name"] = json!("Renamed");
        put(t, &client, &token, &body).await;
    }
    let (path, action, page) = if page == Page::Device {
        let device = begin(t, &client, &request).await;
        (user_code(&device).to_owned(), "/device/decision", enter(browser, user_code(&device)).await)
    } else {
        let path = authorize_path(&client, &request);
        (path.clone(), "/consent", browser.get(&path).await)
    };
    page.page(200);
    Shown { client, token, body, path, action, page }
}

async fn put(t: &TestApp, client: &ClientId, token: &str, body: &Value) {
    let mut body = body.clone();
    body["client_id"] = json!(client);
    let answer = manage(t, "PUT", client.as_str(), token, Some(&body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn post(at: &Router, browser: &Browser<'_>, action: &str, form: &Form, from: &str) -> Answer {
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = Request::post(action).header("content-type", "application/x-www-form-urlencoded");
    let request = request.header("origin", ISSUER).header("cookie", cookies.join("; "));
    let mut request = request.body(Body::from(encode(&borrowed(form)))).unwrap();
    request.extensions_mut().insert(ConnectInfo::<SocketAddr>(from.parse().unwrap()));
    send(at, request).await
}

async fn granted(t: &TestApp) -> usize {
    grants_of(t, "alice").await.len() + grants_of(t, "bob").await.len()
}

async fn swap(t: &TestApp, browser: &mut Browser<'_>, page: Page, swap: &Swap) {
    let shown = show(t, browser, page).await;
    let (mut form, mut at, mut from) = (yes(&shown.page, shown.action), router(t.app.clone()), "127.0.0.1:4711");
    match swap {
        Swap::Put(members) => {
            let mut body = shown.body.clone();
            for (name, value) in members.as_object().unwrap() {
                body[name] = value.clone();
            }
            put(t, &shown.client, &shown.token, &body).await;
        }
        Swap::Settings(change) => {
            let mut config = t.app.config.clone();
            change(&mut config);
            let db = keyward::storage::Db::open(&t.db.url).await.unwrap();
            at = router(Arc::from(Box::pin(App::build(config, db, t.app.clock.clone())).await.unwrap()));
        }
        Swap::Role => t.db.outside("UPDATE users SET role = 'admin' WHERE username = 'alice'").await,
        Swap::Person => drop(browser.sign_in("bob", PASSWORD, "/").await),
        Swap::SignIn => drop(browser.sign_in("alice", PASSWORD, "/").await),
        Swap::Request if page == Page::Device => {
            let other = begin(t, &shown.client, &[]).await;
            form.iter_mut()
                .filter(|(name, _)| name == "user_code")
                .for_each(|(_, code)| *code = user_code(&other).into());
        }
        Swap::Request => {
            form.iter_mut().filter(|(name, _)| name == "request").for_each(|(_, query)| query.push_str("&nonce=other"));
        }
        Swap::Allowed
            if matches!(page, Page::First | Page::FirstOnLoopback | Page::Several | Page::OpenId | Page::Changed) =>
        {
            browser.approve(&shown.path).await.returned("code").unwrap();
        }
        Swap::Allowed => {
            let (user_id, client_id) = (Some(t.user_named("alice").await.id), Some(shown.client.clone()));
            consents::delete(&t.app, &operator(), &consents::Filter { user_id, client_id }).await.unwrap();
        }
        Swap::Address => from = "192.0.2.7:4711",
        Swap::Age => t.app.clock.advance(time::Duration::minutes(31)),
    }
    let before = granted(t).await;
    let again = post(&at, browser, shown.action, &form, from).await;
    assert_eq!(again.status, 409, "{page:?}, {swap:?}: {again:?}");
    again.page(409);
    assert!(again.body.contains("Look again, then decide"), "{page:?}, {swap:?}: {again:?}");
    assert_eq!(granted(t).await, before, "{page:?}, {swap:?}");
    // The page that came instead is as good as the first would have been.
    let done = post(&at, browser, shown.action, &yes(&again, shown.action), from).await;
    assert!(done.status == if page == Page::Device { 200 } else { 303 }, "{page:?}, {swap:?}: {done:?}");
    t.db.outside("UPDATE users SET role = 'user' WHERE username = 'alice'").await;
    if matches!(swap, Swap::Person) {
        browser.sign_in("alice", PASSWORD, "/").await;
    }
}

async fn try_all(page: Page) {
    let t = TestApp::with(&format!("{ON}\nlogos.enabled = false")).await;
    let mut browser = t.signed_in("alice").await;
    for one in swaps(page) {
        Box::pin(swap(&t, &mut browser, page, &one)).await;
    }
    // And where nothing was swapped, a yes is a yes.
    let shown = show(&t, &mut browser, page).await;
    let done = browser.post(shown.action, &borrowed(&yes(&shown.page, shown.action))).await;
    assert!(done.status == if page == Page::Device { 200 } else { 303 }, "{page:?}: {done:?}");
}

#[tokio::test]
async fn attack_98_a_first_yes_is_to_what_was_shown() {
    try_all(Page::First).await;
    try_all(Page::FirstOnLoopback).await;
}

#[tokio::test]
async fn attack_98_a_yes_to_more_is_to_what_was_shown() {
    try_all(Page::More).await;
}

#[tokio::test]
async fn attack_98_a_yes_to_the_same_again_is_to_what_was_shown() {
    try_all(Page::Same).await;
    try_all(Page::SameOnLoopback).await;
}

#[tokio::test]
async fn attack_98_a_yes_to_a_changed_client_is_to_what_was_shown() {
    try_all(Page::Changed).await;
}

#[tokio::test]
async fn attack_98_a_yes_to_several_servers_is_to_what_was_shown() {
    try_all(Page::Several).await;
}

#[tokio::test]
async fn attack_98_a_yes_to_who_one_is_is_to_what_was_shown() {
    try_all(Page::OpenId).await;
}

#[tokio::test]
async fn attack_98_a_yes_to_a_device_is_to_what_was_shown() {
    try_all(Page::Device).await;
}
