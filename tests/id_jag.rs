//! Identity assertions of trusted issuers are exchanged for tokens (Identity Assertion JWT Authorization Grant §4.4).
mod people;

use crate::support::{
    app::{ISSUER, MCP, OTHER, TestApp, basic},
    client_key::{ClientKey, proof},
    dpop::DpopKey,
    internet::{Internet, json},
    issuer::{IDP, Trusting, settings},
};
use keyward::{
    config::Config,
    model::{GrantId, grant_type::JWT_BEARER},
    storage::{audit_events, grants},
};
use serde_json::{Value, json};
use std::collections::HashMap;
use time::Duration;

const METADATA: &str = "/.well-known/oauth-authorization-server";

fn grant_id(tokens: &Value) -> GrantId {
    TestApp::claims(&tokens["access_token"])["grant_id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_trusted_issuers_word_brings_a_persons_token_without_any_page() {
    for key in [ClientKey::es256("a"), ClientKey::ed25519("b"), ClientKey::rs256("c")] {
        let idp = Trusting::keyed(key, "link_by_email = ['people.example']").await;
        let answer = idp.redeem(&idp.assertion(&json!({})), &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"), "{answer:?}");
        let tokens = answer.json();
        assert_eq!((&tokens["scope"], &tokens["token_type"]), (&json!("mcp:read"), &json!("Bearer")));
        assert!(tokens.get("refresh_token").is_none() && tokens.get("id_token").is_none(), "{tokens}");
        let claims = TestApp::claims(&tokens["access_token"]);
        let alice = idp.t.user_named("alice").await;
        for (name, value) in
            [("sub", alice.id.to_string().as_str()), ("client_id", "agent"), ("aud", MCP), ("iss", ISSUER)]
        {
            assert_eq!(claims[name], value);
        }
        let seen = idp.t.introspect(tokens["access_token"].as_str().unwrap()).await.json();
        assert_eq!((&seen["active"], &seen["username"]), (&json!(true), &json!("alice")));
        let trail = audit_events::recent(idp.db(), 100).await.unwrap();
        for name in ["subject_linked", "identity_assertion"] {
            assert!(trail.iter().any(|event| event.event_type == name && event.user_id == Some(alice.id)), "{name}");
        }
    }
}

#[tokio::test]
async fn metadata_says_so_while_it_is_on_and_never_names_an_issuer() {
    let idp = Trusting::start().await;
    let on = idp.t.get(METADATA).await;
    assert_eq!(
        on.json()["authorization_grant_profiles_supported"],
        json!(["urn:ietf:params:oauth:grant-profile:id-jag"])
    );
    assert!(on.json()["grant_types_supported"].as_array().unwrap().contains(&json!(JWT_BEARER)));
    assert!(!on.body.contains(IDP));
    let off = format!("grants.off = ['{}']\n{}", JWT_BEARER, settings(&idp.key, ""));
    for settings in ["", &off] {
        let t = TestApp::with(settings).await;
        let metadata = t.get(METADATA).await.body;
        assert!(!metadata.contains("id-jag") && !metadata.contains(JWT_BEARER), "{metadata}");
        let client = t.confidential_client("agent", "secret").await;
        let header = basic(client.as_str(), "secret");
        let form = [("grant_type", JWT_BEARER), ("assertion", &idp.assertion(&json!({})))];
        t.post_with("/token", &form, &[("authorization", &header)]).await.refused(400, "unsupported_grant_type");
    }
}

#[tokio::test]
async fn an_assertion_may_come_again_until_it_expires_and_is_one_grant() {
    let idp = Trusting::start().await;
    let assertion = idp.assertion(&json!({"scope": "mcp:read mcp:write"}));
    let first = idp.redeem(&assertion, &[]).await.json();
    idp.t.app.clock.advance(Duration::seconds(200));
    let second = idp.redeem(&assertion, &[("scope", "mcp:write")]).await.json();
    assert_eq!((&first["scope"], &second["scope"]), (&json!("mcp:read mcp:write"), &json!("mcp:write")));
    assert_eq!(grant_id(&first), grant_id(&second));
    let alice = idp.t.user_named("alice").await;
    assert_eq!(grants::find_by_user(idp.db(), alice.id).await.unwrap().len(), 1);
    // What sweeps grants leaves this one until its last token is over.
    idp.t.app.clock.advance(Duration::seconds(550));
    keyward::jobs::sweep(&idp.t.app).await.unwrap();
    let seen = idp.t.introspect(second["access_token"].as_str().unwrap()).await.json();
    assert_eq!(seen["active"], true);
    idp.t.app.clock.advance(Duration::seconds(200));
    keyward::jobs::sweep(&idp.t.app).await.unwrap();
    assert!(grants::find_by_user(idp.db(), alice.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn revoking_what_an_assertion_brought_ends_the_assertion_too() {
    let idp = Trusting::start().await;
    let assertion = idp.assertion(&json!({}));
    let tokens = idp.redeem(&assertion, &[]).await.json();
    assert!(grants::revoke(idp.db(), grant_id(&tokens), idp.t.app.clock.now()).await.unwrap());
    idp.redeem(&assertion, &[]).await.refused(400, "invalid_grant");
    let seen = idp.t.introspect(tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(seen, json!({"active": false}));
    assert_eq!(idp.redeem(&idp.assertion(&json!({})), &[]).await.status, 200);
}

#[tokio::test]
async fn where_assertions_count_once_one_of_many_at_once_does() {
    let idp = Trusting::with("link_by_email = ['people.example']\nsingle_use = true").await;
    let assertion = idp.assertion(&json!({}));
    // What is refused uses nothing up.
    idp.redeem(&assertion, &[("scope", "mcp:write")]).await.refused(400, "invalid_scope");
    idp.redeem(&assertion, &[("resource", OTHER)]).await.refused(400, "invalid_target");
    let (one, two, three) = (idp.redeem(&assertion, &[]), idp.redeem(&assertion, &[]), idp.redeem(&assertion, &[]));
    let (one, two, three) = tokio::join!(one, two, three);
    assert_eq!([one, two, three].iter().filter(|answer| answer.status == 200).count(), 1);
    idp.redeem(&assertion, &[]).await.refused(400, "invalid_grant");
    assert_eq!(idp.redeem(&idp.assertion(&json!({})), &[]).await.status, 200);
}

#[tokio::test]
async fn scope_is_what_issuer_request_client_and_person_have_in_common() {
    let idp = Trusting::start().await;
    for (claimed, asked, granted) in [
        (Some("mcp:read mcp:write"), None, "mcp:read mcp:write"),
        (Some("mcp:read mcp:write"), Some("mcp:write mcp:admin other:read"), "mcp:write"),
        (Some("mcp:read mcp:admin files:read openid offline_access"), None, "mcp:read"),
        // It leaves them to us.
        (None, None, "mcp:read"),
    ] {
        let assertion = idp.assertion(&json!({"scope": claimed}));
        let more: Vec<_> = asked.map(|asked| ("scope", asked)).into_iter().collect();
        let tokens = idp.redeem(&assertion, &more).await.json();
        assert_eq!(tokens["scope"], granted, "{claimed:?} {asked:?}: {tokens}");
        assert_eq!(TestApp::claims(&tokens["access_token"])["scope"], granted);
    }
    for (claimed, asked) in [
        (json!("mcp:read"), "mcp:write"),
        (json!("mcp:admin"), ""),
        (json!("openid offline_access"), ""),
        (json!(""), ""),
        (json!("unknown"), ""),
        (json!("mcp:read"), "openid"),
        (json!("mcp:read"), "mcp:read  mcp:read"),
    ] {
        let assertion = idp.assertion(&json!({"scope": claimed}));
        idp.redeem(&assertion, &[("scope", asked)]).await.refused(400, "invalid_scope");
    }
    // An administrator has more.
    let root = idp.assertion(&json!({"sub": "root", "email": "root@people.example", "scope": "mcp:admin"}));
    assert_eq!(idp.redeem(&root, &[]).await.json()["scope"], "mcp:admin");
}

#[tokio::test]
async fn the_audience_is_the_resource_it_names_within_what_the_issuer_may_open() {
    let idp = Trusting::start().await;
    let aud = |tokens: &Value| TestApp::claims(&tokens["access_token"])["aud"].clone();
    let both = json!({"resource": [MCP, OTHER], "scope": "mcp:read other:read"});
    let tokens = idp.redeem(&idp.assertion(&both), &[]).await.json();
    assert_eq!((aud(&tokens), &tokens["scope"]), (json!(MCP), &json!("mcp:read")));
    let tokens = idp.redeem(&idp.assertion(&both), &[("resource", OTHER)]).await.json();
    assert_eq!((aud(&tokens), &tokens["scope"]), (json!(OTHER), &json!("other:read")));
    idp.redeem(&idp.assertion(&json!({})), &[("resource", OTHER)]).await.refused(400, "invalid_target");
    let elsewhere = idp.assertion(&json!({"resource": "https://elsewhere.example"}));
    idp.redeem(&elsewhere, &[]).await.refused(400, "invalid_target");
    idp.redeem(&idp.assertion(&json!({"resource": null})), &[]).await.refused(400, "invalid_grant");

    let more = format!("link_by_email = ['people.example']\nresources = ['{OTHER}']\ndefault_resource = '{OTHER}'");
    let narrow = Trusting::with(&more).await;
    narrow.redeem(&narrow.assertion(&json!({})), &[]).await.refused(400, "invalid_target");
    let silent = json!({"resource": null, "scope": null});
    assert_eq!(aud(&narrow.redeem(&narrow.assertion(&silent), &[]).await.json()), OTHER);
}

#[tokio::test]
async fn a_proof_of_possession_binds_the_token_and_a_named_key_must_be_the_one() {
    let idp = Trusting::start().await;
    let (key, other) = (DpopKey::es256(), DpopKey::es256());
    let redeem = async |assertion: &str, key: &DpopKey| {
        let proof = key.proof("POST", &format!("{ISSUER}/token"), idp.t.app.clock.now());
        idp.redeem_as("agent", assertion, &[], &[("dpop", &proof)]).await
    };
    let bound = idp.assertion(&json!({"cnf": {"jkt": key.thumbprint()}}));
    redeem(&bound, &other).await.refused(400, "invalid_grant");
    for assertion in [bound, idp.assertion(&json!({}))] {
        let tokens = redeem(&assertion, &key).await.json();
        assert_eq!(tokens["token_type"], "DPoP");
        assert_eq!(TestApp::claims(&tokens["access_token"])["cnf"]["jkt"], key.thumbprint());
    }
}

#[tokio::test]
async fn published_keys_are_fetched_and_only_from_the_public_internet() {
    const JWKS: &str = "https://idp.example/keys";
    let internet = Internet::new().await;
    let (key, next) = (ClientKey::rs256("one"), ClientKey::rs256("two"));
    let written = settings(&key, "link_by_email = ['people.example']");
    let written = written.replace(&format!("jwks = '{}'", key.jwks()), &format!("jwks_uri = '{JWKS}'"));
    let start = async |network| {
        let t = TestApp::reaching(network, &written).await;
        keyward::clients::configured::write(&t.app).await.unwrap();
        t
    };
    let mut idp = Trusting { t: start(internet.network()).await, key };
    internet.serve(JWKS, json(&idp.key.jwks())).await;
    for _ in 0..3 {
        assert_eq!(idp.redeem(&idp.assertion(&json!({})), &[]).await.status, 200);
    }
    assert_eq!(internet.requests().await, 1);
    internet.serve(JWKS, json(&next.jwks())).await;
    idp.t.app.clock.advance(Duration::minutes(1));
    idp.key = next;
    assert_eq!(idp.redeem(&idp.assertion(&json!({})), &[]).await.status, 200);
    idp.t = start(internet.leading_to(|_| vec!["127.0.0.1:80".parse().unwrap()])).await;
    idp.redeem(&idp.assertion(&json!({})), &[]).await.refused(503, "temporarily_unavailable");
}

#[tokio::test]
async fn a_client_with_a_document_is_known_once_its_issuer_vouches_for_it() {
    const ID: &str = "https://app.example/client.json";
    let internet = Internet::new().await;
    let document = json!({
        "client_id": ID, "client_name": "App", "redirect_uris": ["https://app.example/cb"],
        "grant_types": ["authorization_code", JWT_BEARER],
    });
    for public in [true, false] {
        let key = ClientKey::es256("idp");
        let more = format!("link_by_email = ['people.example']\npublic_clients = {public}");
        let t = TestApp::reaching(internet.network(), &settings(&key, &more)).await;
        let idp = Trusting { t, key };
        internet.publish(&document).await;
        let claims = idp.claims(&json!({"client_id": ID}));
        let [good, stranger] = [&idp.key, &ClientKey::es256("idp")].map(|key| key.sign(&idp.header(), &claims));
        let form = |assertion| [("grant_type", JWT_BEARER), ("assertion", assertion), ("client_id", ID)];
        // Nothing is fetched on the word of a stranger.
        idp.t.post("/token", &form(&stranger)).await.refused(401, "invalid_client");
        assert_eq!(internet.requests().await, 0);
        let answer = idp.t.post("/token", &form(&good)).await;
        if public {
            assert_eq!(TestApp::claims(&answer.json()["access_token"])["client_id"], ID);
        } else {
            answer.refused(400, "unauthorized_client");
        }
        assert_eq!(internet.requests().await, 1);
    }
}

#[tokio::test]
async fn a_client_proves_itself_by_key_too_and_must_have_the_grant() {
    let idp = Trusting::start().await;
    let key = ClientKey::ed25519("k");
    let written = format!(
        "[clients.robot]\njwks = '{}'\ngrant_types = ['{}']\n{}",
        key.jwks(),
        JWT_BEARER,
        settings(&idp.key, "link_by_email = ['people.example']")
    );
    let robot = Trusting { t: TestApp::with(&written).await, key: idp.key };
    keyward::clients::configured::write(&robot.t.app).await.unwrap();
    let assertion = robot.assertion(&json!({"client_id": "robot"}));
    let proof_of_client = key.assertion(&robot.t, "robot");
    let form = [&[("grant_type", JWT_BEARER), ("assertion", &assertion)], &proof(&proof_of_client)[..]].concat();
    assert_eq!(robot.t.post("/token", &form).await.status, 200);
    let other = robot.assertion(&json!({"client_id": "other"}));
    robot.redeem_as("other", &other, &[], &[]).await.refused(400, "unauthorized_client");
    // Nobody gives it to himself.
    let registered = robot.t.register(&json!({"grant_types": [JWT_BEARER]})).await;
    registered.refused(400, "invalid_client_metadata");
}

#[test]
fn what_an_operator_got_wrong_is_told_with_the_issuers_name() {
    let jwks = ClientKey::es256("k").jwks();
    let load = |settings: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keyward.toml");
        std::fs::write(&file, format!("issuer = 'https://auth.example'\n[trusted_issuers.mine]\n{settings}")).unwrap();
        Config::load("", Some(&file), HashMap::new())
    };
    let good = format!("issuer = 'https://idp.example'\njwks = '{jwks}'\nidentity_assertions = true\n");
    load(&good).unwrap();
    for (settings, told) in [
        (good.replace("idp.example", "auth.example"), "this server itself"),
        (good.replace("https://idp", "http://idp"), "must be https"),
        (good.replace("https://idp.example", "idp"), "no URL"),
        (format!("{good}jwks_uri = 'https://idp.example/keys'"), "one of jwks and jwks_uri"),
        ("issuer = 'https://idp.example'\nidentity_assertions = true".into(), "one of jwks and jwks_uri"),
        ("issuer = 'https://i.example'\nidentity_assertions = true\njwks_uri = 'http://i.example/'".into(), "https"),
        ("issuer = 'https://i.example'\nidentity_assertions = true\njwks = '{'".into(), "JSON"),
        ("issuer = 'https://i.example'\nidentity_assertions = true\njwks = { keys = [] }".into(), "no key"),
        (good.replace("identity_assertions = true", ""), "trusted for nothing"),
        (format!("{good}algorithms = ['HS256']"), "HS256"),
        (format!("{good}assertion_lifetime = 86400"), "assertion_lifetime"),
        (format!("{good}default_resource = 'https://elsewhere.example'"), "elsewhere"),
        (format!("{good}link_by_email = ['*.example.com']"), "link_by_email"),
        (format!("{good}[trusted_issuers.twin]\n{good}"), "two have the issuer"),
        (format!("{good}link_by_mail = true"), "link_by_mail"),
    ] {
        let error = format!("{:#}", load(&settings).unwrap_err());
        assert!(error.contains(told) && error.contains("trusted_issuers"), "{settings}: {error}");
    }
}
