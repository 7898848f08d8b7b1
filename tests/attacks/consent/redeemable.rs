//! Users are never asked for access that the token endpoint would refuse: tested with generated roles, scopes,
//! resources and grants.
use super::{LOOPBACK, texts};
use crate::support::{
    app::{Answer, CALLBACK, ISSUER, MCP, OTHER, TestApp, VERIFIER, authorize_path},
    browser::{Browser, borrowed},
    device::{GRANT_TYPE, ask, decision, enter, user_code},
    par::push,
};
use keyward::model::ClientId;
use serde_json::{Value, json};

const ROBOTS: &str = "https://robots.example/mcp";
const ROBOTS_SETTINGS: &str = r#"
[resources.robots]
identifier = "https://robots.example/mcp"
name = "Robots"
[resources.robots.scopes."robots:run"]
description = "Run robots"
roles = ["service"]
"#;

const ROLES: [&str; 4] = [
    "UPDATE users SET role = 'user' WHERE username = 'alice'",
    "UPDATE users SET role = 'readonly' WHERE username = 'alice'",
    "UPDATE users SET role = 'service' WHERE username = 'alice'",
    "UPDATE users SET role = 'admin' WHERE username = 'alice'",
];

const SCOPES: [&str; 13] = [
    "",
    "mcp:read",
    "mcp:admin",
    "mcp:admin offline_access",
    "mcp:admin openid",
    "mcp:read mcp:admin offline_access",
    "mcp:read other:read",
    "openid profile email offline_access",
    "profile",
    "offline_access",
    "bogus offline_access",
    "openid bogus",
    "robots:run mcp:read",
];

const RESOURCES: [&[&str]; 8] =
    [&[], &[MCP], &[OTHER], &[ROBOTS], &[MCP, OTHER], &[MCP, ROBOTS], &[ISSUER], &[ISSUER, MCP]];

async fn client(t: &TestApp, grant_types: Value) -> ClientId {
    let answer = t
        .register(&json!({"client_name": "App", "redirect_uris": [LOOPBACK], "grant_types": grant_types,
            "token_endpoint_auth_method": "none"}))
        .await;
    ClientId::from(answer.json()["client_id"].as_str().unwrap())
}

/// The request's parameters.
fn request<'a>(scope: &'a str, resources: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let scope = [("scope", scope)].into_iter().filter(|(_, scope)| !scope.is_empty());
    scope.chain(resources.iter().map(|resource| ("resource", *resource))).collect()
}

/// Scopes that a page shows.
fn shown(page: &Answer) -> Vec<String> {
    texts(page, ".scopes li code")
}

/// What was asked of the person is what the tokens are worth, at each server that was named.
async fn redeem_all(
    t: &TestApp,
    client: &ClientId,
    first: &[(&str, &str)],
    page: &Answer,
    resources: &[&str],
    refreshes: bool,
) {
    let what = format!("{first:?} {resources:?}");
    let id = ("client_id", client.as_str());
    // Us only where it is asked who somebody is.
    let about_person = shown(page).iter().any(|scope| scope == "openid");
    let mut named: Vec<_> = resources.iter().filter(|one| **one != ISSUER || about_person).copied().collect();
    if refreshes {
        named.truncate(1);
    }
    let first_of: Vec<_> = named.last().map(|resource| ("resource", *resource)).into_iter().collect();
    let answer = t.post("/token", &[first, &[id], &first_of].concat()).await;
    assert_eq!(answer.status, 200, "{what}: {answer:?}");
    let tokens = answer.json();
    assert_eq!(tokens.get("refresh_token").is_some(), refreshes, "{what}");
    let granted: Vec<_> = tokens["scope"].as_str().unwrap().split(' ').map(str::to_owned).collect();
    assert!(refreshes || !granted.contains(&"offline_access".to_owned()), "{what}");
    assert!(
        granted.iter().filter(|scope| *scope != "offline_access").all(|scope| shown(page).contains(scope)),
        "{what}"
    );
    let mut refresh_token = tokens["refresh_token"].as_str().map(str::to_owned);
    for resource in resources.iter().filter(|one| **one != ISSUER) {
        let Some(token) = &refresh_token else { break };
        let next = t.refresh_with(client, token, &[("resource", resource)]).await;
        assert_eq!(next.status, 200, "{what} at {resource}: {next:?}");
        let prefix = if *resource == MCP {
            "mcp:"
        } else if *resource == OTHER {
            "other:"
        } else {
            "robots:"
        };
        let claims = TestApp::claims(&next.json()["access_token"]);
        assert!(claims["scope"].as_str().unwrap().contains(prefix), "{what}: nothing at {resource}");
        refresh_token = next.json()["refresh_token"].as_str().map(str::to_owned);
    }
}

/// How a client asks.
#[derive(Clone, Copy)]
enum Way {
    Code,
    Device,
}

/// What somebody was asked, and the form that redeems their yes.
type Asked = (Answer, Vec<(&'static str, String)>);

async fn by_code(alice: &mut Browser<'_>, client: &ClientId, request: &[(&str, &str)]) -> Option<Asked> {
    let path = authorize_path(client, request);
    let page = alice.get(&path).await;
    if page.status != 200 {
        assert!(page.returned("code").is_none() && page.returned("error").is_some(), "{page:?}");
        return None;
    }
    let code = alice.approve(&path).await.returned("code").unwrap();
    Some((page, vec![("grant_type", "authorization_code".into()), ("code", code), ("code_verifier", VERIFIER.into())]))
}

async fn by_device(t: &TestApp, alice: &mut Browser<'_>, client: &ClientId, request: &[(&str, &str)]) -> Option<Asked> {
    t.app.clock.advance(time::Duration::minutes(10));
    let begun = ask(t, client, request).await;
    if begun.status != 200 {
        return None;
    }
    let device = begun.json();
    let page = enter(alice, user_code(&device)).await;
    if page.status != 200 {
        assert!(page.body.contains("Not available to you") && page.body.contains("sk the operator"), "{page:?}");
        return None;
    }
    assert_eq!(alice.post("/device/decision", &borrowed(&decision(&page, "allow"))).await.status, 200);
    t.app.clock.advance(time::Duration::seconds(6));
    let code = device["device_code"].as_str().unwrap().to_owned();
    Some((page, vec![("grant_type", GRANT_TYPE.into()), ("device_code", code)]))
}

/// Whether anybody was asked; then it was redeemed.
async fn try_one(
    t: &TestApp,
    alice: &mut Browser<'_>,
    (way, client): (Way, &ClientId),
    (scope, resources): (&str, &[&str]),
    refreshes: bool,
) -> bool {
    let request = request(scope, resources);
    let asked = match way {
        Way::Code => by_code(alice, client, &request).await,
        Way::Device => by_device(t, alice, client, &request).await,
    };
    let Some((page, form)) = asked else { return false };
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    redeem_all(t, client, &form, &page, resources, refreshes).await;
    true
}

#[tokio::test]
async fn attack_100_nothing_that_the_token_endpoint_refuses_was_ever_asked_of_a_person() {
    let t = TestApp::with(&format!("sessions.lifetime = 99999999\n{ROBOTS_SETTINGS}")).await;
    let mut alice = t.signed_in("alice").await;
    let combinations: Vec<_> =
        SCOPES.iter().enumerate().flat_map(|(at, scope)| RESOURCES.iter().map(move |all| (at, *scope, *all))).collect();
    let mut asked = 0;
    for refreshes in [true, false] {
        let refresh = if refreshes { vec!["refresh_token"] } else { vec![] };
        let code = client(&t, json!([&["authorization_code"][..], &refresh].concat())).await;
        let tv = client(&t, json!([&[GRANT_TYPE][..], &refresh].concat())).await;
        for role in ROLES {
            t.db.outside(role).await;
            for (number, (at, scope, resources)) in combinations.iter().enumerate() {
                // Each combination with devices once in a while.
                let by_device = (at + number % RESOURCES.len()).is_multiple_of(3);
                for by in [Some((Way::Code, &code)), by_device.then_some((Way::Device, &tv))].into_iter().flatten() {
                    asked += usize::from(try_one(&t, &mut alice, by, (scope, resources), refreshes).await);
                }
            }
        }
    }
    assert!(asked > 300, "{asked} were asked");
}

#[tokio::test]
async fn attack_100_whoever_may_not_have_it_is_told_so_before_the_question_and_the_client_too() {
    let t = TestApp::with(ROBOTS_SETTINGS).await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    for scope in ["mcp:admin", "mcp:admin offline_access", "mcp:admin openid"] {
        let refused = alice.get(&authorize_path(&client, &[("scope", scope)])).await;
        assert_eq!(refused.returned("error").as_deref(), Some("invalid_scope"), "{scope}");
        let told = refused.returned("error_description").unwrap();
        assert_eq!(told, "this account may not have mcp:admin: ask the operator of this server for it");
        assert!(t.signed_in("root").await.get(&authorize_path(&client, &[("scope", scope)])).await.status == 200);
    }
    // What nobody could allow is refused when it is pushed; what one role alone may, is not.
    for (scope, resource, status) in [
        ("offline_access", ISSUER, 400),
        ("bogus offline_access", MCP, 400),
        ("mcp:read", ISSUER, 400),
        ("robots:run", ROBOTS, 201),
        ("mcp:admin", MCP, 201),
    ] {
        let pushed = push(&t, &client, &[("scope", scope), ("resource", resource)]).await;
        assert_eq!(pushed.status, status, "{scope} of {resource}: {pushed:?}");
    }
    let page = alice.get(&authorize_path(&client, &[("scope", "mcp:read mcp:admin")])).await;
    assert!(page.body.contains("Not available to you: Everything (<code>mcp:admin</code>)."), "{page:?}");
}

#[tokio::test]
async fn attack_100_a_client_that_cannot_come_back_for_its_tokens_is_not_asked_about() {
    for (settings, members) in [
        (r#"grants.off = ["authorization_code"]"#, json!({})),
        ("client_authentication.private_key_jwt = false", json!({"token_endpoint_auth_method": "private_key_jwt"})),
        ("dpop.enabled = false", json!({"dpop_bound_access_tokens": true})),
    ] {
        let t = TestApp::with(settings).await;
        let client = t.public_client("c", &[CALLBACK]).await;
        let mut stored = keyward::storage::clients::find(&t.db, &client).await.unwrap().unwrap();
        let mut metadata = json!(stored.metadata);
        for (name, value) in members.as_object().unwrap() {
            metadata[name] = value.clone();
        }
        stored.metadata = serde_json::from_value(metadata).unwrap();
        keyward::storage::clients::put_seed(&t.db, &stored).await.unwrap();
        t.app.clients.forget(&client);
        let refused = t.signed_in("alice").await.get(&authorize_path(&client, &[])).await;
        assert_eq!(refused.returned("error").as_deref(), Some("unauthorized_client"), "{settings}");
    }
}

#[tokio::test]
async fn attack_100_a_device_that_can_no_longer_come_back_for_its_tokens_is_not_asked_about() {
    let t = TestApp::start().await;
    let tv = client(&t, json!([GRANT_TYPE, "refresh_token"])).await;
    let device = ask(&t, &tv, &[]).await.json();
    let mut alice = t.signed_in("alice").await;
    let page = enter(&mut alice, user_code(&device)).await;
    assert_eq!(page.status, 200);
    let mut stored = keyward::storage::clients::find(&t.db, &tv).await.unwrap().unwrap();
    stored.metadata.grant_types.retain(|name| name != GRANT_TYPE);
    keyward::storage::clients::update(&t.db, &stored).await.unwrap();
    t.app.clients.forget(&tv);
    enter(&mut alice, user_code(&device)).await.page(400);
    alice.post("/device/decision", &borrowed(&decision(&page, "allow"))).await.page(400);
    assert_eq!(t.db.number("SELECT count(*) FROM device_codes WHERE decided_at IS NOT NULL").await, 0);
}
