//! Publishers of client documents: whom the operator admits, and how pages describe them.
use crate::support::{
    app::{Answer, CALLBACK, TestApp, VERIFIER, authorize_path},
    client_key::{ClientKey, proof, with},
    internet::{Internet, json},
};
use keyward::{events::EventType, model::ClientId, trace::Verdict};
use serde_json::{Value, json};
use time::Duration;

const URL: &str = "https://app.example/clients/agent.json";

fn document(url: &str) -> Value {
    json!({
        "client_id": url, "client_name": "Agent", "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
    })
}

fn path(url: &str) -> String {
    authorize_path(&ClientId::from(url), &[("redirect_uri", CALLBACK)])
}

async fn seen_by(t: &TestApp, name: &str, url: &str) -> Answer {
    t.signed_in(name).await.get(&path(url)).await
}

/// What the published client gets for one approval, with or without proof.
async fn redeemed(t: &TestApp, key: Option<&ClientKey>) -> Answer {
    let answer = t.signed_in("alice").await.approve(&path(URL)).await;
    let code = answer.returned("code").unwrap_or_else(|| panic!("no code: {answer:?}"));
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
    match key {
        Some(key) => t.post("/token", &[&form[..], &proof(&key.assertion(t, URL))[..]].concat()).await,
        None => t.post("/token", &[&form[..], &[("client_id", URL)]].concat()).await,
    }
}

#[tokio::test]
async fn exactly_the_methods_that_document_and_server_share_are_taken() {
    let off = "client_authentication.private_key_jwt = false";
    for (single, list, settings, without, with_keys) in [
        ("private_key_jwt", json!(["none", "private_key_jwt"]), "", true, true),
        ("none", json!(["private_key_jwt"]), "", false, true),
        ("private_key_jwt", json!(["none"]), "", true, false),
        ("private_key_jwt", json!(["none", "private_key_jwt"]), off, true, false),
        ("private_key_jwt", Value::Null, "", false, true),
        ("none", Value::Null, "", true, false),
    ] {
        let (internet, key) = (Internet::new().await, ClientKey::es256("k"));
        let members = json!({"token_endpoint_auth_method": single, "jwks": key.jwks()});
        let mut about = with(document(URL), &members);
        about["token_endpoint_auth_methods_supported"] = list.clone();
        internet.publish(&about).await;
        let t = TestApp::reaching(internet.network(), settings).await;
        for (key, taken) in [(None, without), (Some(&key), with_keys)] {
            let answer = redeemed(&t, key).await;
            if taken {
                assert_eq!(answer.status, 200, "{single} {list} {settings}: {answer:?}");
            } else {
                answer.refused(401, "invalid_client");
            }
        }
    }
}

#[tokio::test]
async fn what_a_document_breaks_is_told_on_the_page_with_its_cure_and_nothing_is_kept() {
    let alone =
        |more: Value| with(document(URL), &with(json!({"token_endpoint_auth_method": "private_key_jwt"}), &more));
    let private = json!({"keys": [with(ClientKey::es256("k").jwk, &json!({"d": "secret-part"}))]});
    for (about, told) in [
        (alone(json!({})), "publish the public keys there, or offer none in token_endpoint_auth_methods_supported"),
        (alone(json!({"jwks": {"keys": []}})), "has no key for ES256, RS256 or EdDSA"),
        (alone(json!({"jwks": private})), "only public keys may leave the client"),
        (with(document(URL), &json!({"jwks": private})), "only public keys may leave the client"),
        (
            with(document(URL), &json!({"token_endpoint_auth_methods_supported": ["tls_client_auth"]})),
            "offer none or private_key_jwt",
        ),
        (with(document(URL), &json!({"redirect_uris": []})), "redirect_uris is missing"),
        (with(document(URL), &json!({"client_secret": "s"})), "client_secret must not be in a document"),
    ] {
        let internet = Internet::new().await;
        internet.publish(&about).await;
        let t = TestApp::reaching(internet.network(), "").await;
        let page = seen_by(&t, "alice", URL).await;
        page.page(400);
        for shown in
            [told, "This app can&#39;t be let in", "Only its developer can fix that", "invalid_client_metadata"]
        {
            assert!(page.body.contains(shown), "{shown}: {}", page.body);
        }
        assert!(!page.body.contains("secret-part"), "{page:?}");
        assert!(keyward::storage::clients::find(&t.db, &ClientId::from(URL)).await.unwrap().is_none());
    }
    // Whose document it is, is not known: then nothing is told of it.
    let internet = Internet::new().await;
    internet.serve(URL, json(&with(document("https://app.example/other"), &json!({"redirect_uris": []})))).await;
    let page = seen_by(&TestApp::reaching(internet.network(), "").await, "alice", URL).await;
    page.page(400);
    assert!(page.body.contains("missing or not valid") && !page.body.contains("redirect_uris"), "{page:?}");
}

#[tokio::test]
async fn a_document_that_names_no_method_is_taken_for_a_public_client_and_leaves_a_warning() {
    let internet = Internet::new().await;
    internet.publish(&with(document(URL), &json!({"token_endpoint_auth_method": null}))).await;
    let t = TestApp::reaching(internet.network(), "").await;
    assert_eq!(redeemed(&t, None).await.status, 200);
    let warned =
        || t.app.trace.recent().into_iter().find(|decision| decision.event_type == EventType::CimdNoAuthMethod);
    let warning = warned().unwrap();
    assert_eq!((warning.result, warning.client_id), (Verdict::Warning, Some(ClientId::from(URL))));
    assert!(warning.rule.unwrap().contains("token_endpoint_auth_methods_supported"));

    internet.publish(&document(URL)).await;
    let t = TestApp::reaching(internet.network(), "").await;
    assert_eq!(seen_by(&t, "alice", URL).await.status, 200);
    assert!(t.app.trace.recent().iter().all(|decision| decision.result != Verdict::Warning));
}

#[tokio::test]
async fn keys_behind_a_jwks_uri_that_gives_a_private_one_away_prove_nothing() {
    const JWKS: &str = "https://app.example/jwks.json";
    let (internet, key) = (Internet::new().await, ClientKey::es256("k"));
    internet
        .publish(&with(document(URL), &json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": JWKS})))
        .await;
    let private = with(ClientKey::es256("other").jwk, &json!({"d": "AAAA"}));
    internet.serve_too(JWKS, json(&json!({"keys": [key.jwk, private]}))).await;
    let t = TestApp::reaching(internet.network(), "").await;
    // Keys that cannot be had may come yet.
    redeemed(&t, Some(&key)).await.refused(503, "temporarily_unavailable");
    internet.serve(JWKS, json(&key.jwks())).await;
    t.app.clock.advance(Duration::minutes(2));
    assert_eq!(redeemed(&t, Some(&key)).await.status, 200);
}

#[tokio::test]
async fn the_operator_lets_documents_in_and_keeps_them_out_by_their_path() {
    for (settings, let_in) in [
        ("client_metadata_documents.allow = ['app.example/clients/*']", true),
        ("client_metadata_documents.allow = ['*.example/*/agent.json']", true),
        ("client_metadata_documents.allow = ['app.example/other/*']", false),
        ("client_metadata_documents.deny = ['app.example/clients/*']", false),
        ("client_metadata_documents.deny = ['app.example/CLIENTS/agent.json']", false),
        ("client_metadata_documents.deny = ['app.example/other/*']", true),
        ("client_metadata_documents = { allow = ['app.example'], deny = ['app.example/clients/*'] }", false),
    ] {
        let internet = Internet::new().await;
        internet.publish(&document(URL)).await;
        let t = TestApp::reaching(internet.network(), settings).await;
        let page = seen_by(&t, "alice", URL).await;
        assert_eq!(page.status.as_u16(), if let_in { 200 } else { 400 }, "{settings}: {page:?}");
        assert_eq!(internet.requests().await, usize::from(let_in), "{settings}");
    }
    // One that is known already goes, too.
    let internet = Internet::new().await;
    internet.publish(&document(URL)).await;
    let t = TestApp::reaching(internet.network(), "").await;
    let tokens = redeemed(&t, None).await.json();
    let t = TestApp::on(t.db, "client_metadata_documents.deny = ['app.example/clients/*']").await;
    t.refresh(&ClientId::from(URL), tokens["refresh_token"].as_str().unwrap()).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn where_anybody_may_publish_the_path_is_shown() {
    let shared = "https://nous.github.io/hermes/client.json";
    for (url, settings, shown) in [
        (shared, "", "described by <bdi>nous.github.io/hermes/client.json</bdi>"),
        (URL, "", "described by <bdi>app.example</bdi>"),
        (
            URL,
            "client_metadata_documents.shared_hosts = ['app.example']",
            "described by <bdi>app.example/clients/agent.json</bdi>",
        ),
    ] {
        let internet = Internet::new().await;
        internet.publish(&document(url)).await;
        let page = seen_by(&TestApp::reaching(internet.network(), settings).await, "alice", url).await;
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
        assert_eq!(page.body.contains("Anybody can publish at"), shown.contains(".json"), "{url}: {}", page.body);
    }
}

const NEW: &str = "New here: so far";

#[tokio::test]
async fn the_first_people_of_a_new_host_are_told_that_it_is_new_here() {
    let internet = Internet::new().await;
    internet.publish(&document(URL)).await;
    let t = TestApp::reaching(internet.network(), "client_metadata_documents.new_until = 2").await;
    let told = |page: &Answer, words: &str| assert!(page.body.contains(words), "{words}: {}", page.body);
    told(
        &seen_by(&t, "alice", URL).await,
        "New here: so far nobody here has allowed an app that app.example describes.",
    );
    t.signed_in("alice").await.approve(&path(URL)).await.returned("code").unwrap();
    told(&seen_by(&t, "bob", URL).await, "New here: so far only one person here has allowed an app that app.example");

    // It is the host that is new, not each of its apps; and to nobody who trusted it before.
    let second = "https://app.example/clients/second.json";
    internet.publish(&document(second)).await;
    told(&seen_by(&t, "bob", second).await, NEW);
    assert!(!seen_by(&t, "alice", second).await.body.contains(NEW));
    t.signed_in("bob").await.approve(&path(second)).await.returned("code").unwrap();
    let page = seen_by(&t, "root", second).await;
    assert!(page.status == 200 && !page.body.contains(NEW), "{page:?}");
}

#[tokio::test]
async fn a_host_that_the_operator_named_is_not_new_and_a_shared_one_is_for_each_document() {
    let internet = Internet::new().await;
    internet.publish(&document(URL)).await;
    for settings in ["client_metadata_documents.allow = ['app.example']", "client_metadata_documents.new_until = 0"] {
        let page = seen_by(&TestApp::reaching(internet.network(), settings).await, "alice", URL).await;
        assert!(page.status == 200 && !page.body.contains(NEW), "{settings}: {page:?}");
    }
    let [one, other] = ["https://raw.githubusercontent.com/a/x.json", "https://raw.githubusercontent.com/b/x.json"];
    internet.publish(&document(one)).await;
    let t = TestApp::reaching(internet.network(), "client_metadata_documents.new_until = 1").await;
    t.signed_in("alice").await.approve(&path(one)).await.returned("code").unwrap();
    assert!(!seen_by(&t, "bob", one).await.body.contains(NEW));
    internet.publish(&document(other)).await;
    for person in ["alice", "bob"] {
        let page = seen_by(&t, person, other).await;
        assert!(page.body.contains("nobody here has allowed an app that this document describes"), "{page:?}");
    }
}

#[tokio::test]
async fn a_decision_stands_though_others_trusted_the_host_meanwhile() {
    let internet = Internet::new().await;
    internet.publish(&document(URL)).await;
    let t = TestApp::reaching(internet.network(), "").await;
    let mut alice = t.signed_in("alice").await;
    let page = alice.get(&path(URL)).await;
    assert!(page.body.contains(NEW));
    t.signed_in("bob").await.approve(&path(URL)).await.returned("code").unwrap();
    t.app.clock.advance(Duration::minutes(1));
    let mut form = crate::support::browser::hidden(&page, "/consent");
    form.push(("decision".into(), "allow".into()));
    let done = alice.post("/consent", &crate::support::browser::borrowed(&form)).await;
    assert!(done.returned("code").is_some(), "{done:?}");
}
