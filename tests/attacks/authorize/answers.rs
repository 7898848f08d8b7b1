//! Attacks on the authorization response: its content, its destination, and responses without a question to the user.
use crate::support::{
    app::{Answer, CALLBACK, ISSUER, PASSWORD, TestApp, authorize_path},
    browser::{borrowed, hidden},
    grants::{grants_of, nothing_was_granted, sent_back},
};
use axum::{body::Body, http::Request};
use keyward::config::Config;

#[tokio::test]
async fn attack_10_state_comes_back_exact_and_is_never_raw_on_the_way() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let longest = "<".repeat(4096);
    for state in [
        "<script>alert(1)</script>",
        "\"' autofocus onfocus=\"alert(1)",
        "a\r\nSet-Cookie: a=b\r\n\r\n<p>",
        "ä € \u{202e} 🦀",
        "a+b%20c&iss=https://evil.example&code=x#fragment",
        &longest,
    ] {
        let path = authorize_path(&client, &[("state", state)]);
        let mut browser = t.browser();
        let to_login = browser.get(&path).await;
        let login = browser.get(to_login.location()).await;
        assert_eq!(login.status, 200, "{login:?}");
        assert_eq!(browser.sign_in("alice", PASSWORD, &path).await.location(), path);
        let consent = browser.get(&path).await;
        for page in [&login, &consent] {
            assert!(!page.body.contains(state), "{page:?}");
        }
        let done = browser.approve(&path).await;
        let denied = browser.decide(&format!("{path}&prompt=consent"), "deny").await;
        let wrong = browser.get(&format!("{path}&response_type=token")).await;
        for answer in [done, denied, wrong] {
            assert_eq!(answer.returned("state").as_deref(), Some(state));
            assert_eq!(answer.returned("iss").as_deref(), Some(ISSUER));
            let plain = |byte: u8| byte.is_ascii_graphic() && !b"<>\"'\\#".contains(&byte);
            assert!(answer.location().bytes().all(plain), "{answer:?}");
            assert!(answer.headers.get("set-cookie").is_none_or(|cookie| !cookie.as_bytes().starts_with(b"a=b")));
        }
    }
    let before = grants_of(&t, "alice").await.len();
    for length in [4097, 10_000] {
        let long = "s".repeat(length);
        let answer = t.signed_in("alice").await.get(&authorize_path(&client, &[("state", &long)])).await;
        answer.page(400);
        assert!(answer.body.contains("invalid_request") && !answer.body.contains("sss"), "{answer:?}");
    }
    assert_eq!(grants_of(&t, "alice").await.len(), before);
}

#[tokio::test]
async fn attack_10_a_posted_request_is_neither_cut_short_nor_sent_on_raw() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let path = authorize_path(&client, &[]);
    let (_, query) = path.split_once('?').unwrap();
    let post = async |body: String| {
        let request = Request::post("/authorize").header("content-type", "application/x-www-form-urlencoded");
        t.send(request.body(Body::from(body)).unwrap()).await
    };
    assert_eq!(post(query.to_owned()).await.location(), path);
    for raw in ["#cut", "<script>", "\"", "a b", "a\r\nSet-Cookie: a=b", "ä", "\\"] {
        post(format!("{query}&nonce={raw}")).await.page(400);
    }
}

#[tokio::test]
async fn attack_11_tokens_never_come_through_the_browser() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    for response_type in ["token", "id_token", "id_token token", "code token", "code id_token", "none", "Code"] {
        let path = authorize_path(&client, &[("response_type", response_type)]);
        for answer in [t.get(&path).await, alice.get(&path).await] {
            sent_back(&answer, CALLBACK, "unsupported_response_type");
        }
    }
    let missing = authorize_path(&client, &[("response_type", "")]);
    sent_back(&alice.get(&missing).await, CALLBACK, "invalid_request");
    for mode in ["fragment", "form_post", "web_message"] {
        let path = authorize_path(&client, &[("response_mode", mode)]);
        sent_back(&alice.get(&path).await, CALLBACK, "invalid_request");
    }
    nothing_was_granted(&t).await;
}

#[tokio::test]
async fn attack_12_nobody_is_bounced_to_an_unverified_host_before_signing_in() {
    let t = TestApp::start().await;
    let stranger = t.stranger("stranger", &["https://stranger.example/cb"]).await;
    let trusted = t.public_client("trusted", &[CALLBACK]).await;
    for (wrong, error) in [
        (("scope", "mcp:nothing"), "invalid_scope"),
        (("scope", "a  b"), "invalid_scope"),
        (("resource", "https://unknown.example"), "invalid_target"),
        (("prompt", "none"), "login_required"),
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge", ""), "invalid_request"),
        (("id_token_hint", "e.y.J"), "invalid_request"),
    ] {
        let answer = t.get(&authorize_path(&stranger, &[wrong])).await;
        answer.page(400);
        assert_eq!(answer.header("refresh"), "");
        for moves in ["http-equiv", "<script", "<form", "<iframe", "<img src=\"http"] {
            assert!(!answer.body.contains(moves), "{moves} in {answer:?}");
        }
        // The way on is named, and taken by hand only.
        assert!(answer.body.contains("stranger.example") && answer.body.contains(error), "{answer:?}");
        assert_eq!(answer.body.matches("<a ").count(), 1, "{answer:?}");
        sent_back(&t.get(&authorize_path(&trusted, &[wrong])).await, CALLBACK, error);
    }
    // Whoever signed in here knows where they are.
    let wrong = authorize_path(&stranger, &[("scope", "mcp:nothing")]);
    let answer = t.signed_in("alice").await.get(&wrong).await;
    sent_back(&answer, "https://stranger.example/cb", "invalid_scope");
    nothing_was_granted(&t).await;
}

#[tokio::test]
async fn attack_13_a_denied_client_gets_an_error_and_never_a_code() {
    let t = TestApp::start().await;
    for (id, redirect_uri) in [("web", "https://stranger.example/cb"), ("native", "http://127.0.0.1:7/cb")] {
        let client = t.stranger(id, &[redirect_uri]).await;
        let mut alice = t.signed_in("alice").await;
        let path = authorize_path(&client, &[]);
        for _ in 0..2 {
            // Nothing is remembered of a no: each time there is a page to say it on.
            assert_eq!(alice.get(&path).await.status, 200);
            sent_back(&alice.decide(&path, "deny").await, redirect_uri, "access_denied");
        }
        // Neither a yes nor a no is no yes.
        for decision in ["", "Allow", "maybe"] {
            alice.decide(&path, decision).await.page(400);
        }
        let silent = authorize_path(&client, &[("prompt", "none")]);
        sent_back(&alice.get(&silent).await, redirect_uri, "consent_required");
    }
    nothing_was_granted(&t).await;
}

#[tokio::test]
async fn attack_20_a_public_client_on_this_computer_is_asked_for_each_time() {
    let t = TestApp::start().await;
    for (id, registered, used) in [
        ("loopback", "http://127.0.0.1/cb", "http://127.0.0.1:51004/cb"),
        ("localhost", "http://localhost/cb", "http://localhost:51004/cb"),
        ("app", "com.example.app:/cb", "com.example.app:/cb"),
    ] {
        // Whoever wrote it down: another program can use its id all the same.
        for client in [t.stranger(id, &[registered]).await, t.public_client(&format!("{id}2"), &[registered]).await] {
            let path = authorize_path(&client, &[("redirect_uri", used)]);
            let mut alice = t.signed_in("alice").await;
            assert!(alice.approve(&path).await.returned("code").is_some());
            let before = grants_of(&t, "alice").await.len();
            let again = alice.get(&path).await;
            assert_eq!(again.status, 200, "{again:?}");
            hidden(&again, "/consent");
            sent_back(&alice.get(&format!("{path}&prompt=none")).await, used, "consent_required");
            assert_eq!(grants_of(&t, "alice").await.len(), before);
        }
    }
}

fn issuer_of(answer: &Answer) -> String {
    answer.returned("iss").unwrap_or_else(|| panic!("no iss: {answer:?}"))
}

#[tokio::test]
async fn attack_24_every_redirect_names_the_issuer_byte_for_byte_as_the_metadata_does() {
    for issuer in [ISSUER, "https://auth.example/one", "https://auth.example/one/Two"] {
        let t = TestApp::with(&format!("issuer = \"{issuer}\"")).await;
        let path = issuer.strip_prefix(ISSUER).unwrap();
        let metadata = t.get(&format!("/.well-known/oauth-authorization-server{path}")).await.json();
        assert_eq!(metadata["issuer"], issuer);
        assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);

        let client = t.public_client("c", &[CALLBACK]).await;
        let path = |name, value| authorize_path(&client, &[(name, value)]);
        for (wrong, error) in [
            (path("prompt", "none"), "login_required"),
            (path("scope", "\""), "invalid_scope"),
            (path("resource", "https://unknown.example"), "invalid_target"),
            (path("response_type", "token"), "unsupported_response_type"),
            (path("request", "e.y.J"), "request_not_supported"),
            (path("request_uri", "urn:x"), "request_uri_not_supported"),
            (path("code_challenge", ""), "invalid_request"),
        ] {
            let answer = t.get(&wrong).await;
            assert_eq!((answer.returned("error").as_deref(), issuer_of(&answer).as_str()), (Some(error), issuer));
        }
        let mut alice = t.signed_in("alice").await;
        let asked = path("scope", "mcp:read");
        let silent = alice.get(&format!("{asked}&prompt=none")).await;
        let denied = alice.decide(&asked, "deny").await;
        for (answer, error) in [(silent, "consent_required"), (denied, "access_denied")] {
            assert_eq!((answer.returned("error").as_deref(), issuer_of(&answer).as_str()), (Some(error), issuer));
        }
        let done = alice.approve(&asked).await;
        assert_eq!(issuer_of(&done), issuer);
        let tokens = t.redeem(&client, &done.returned("code").unwrap()).await.json();
        assert_eq!(TestApp::claims(&tokens["access_token"])["iss"], issuer);
        assert_eq!(issuer_of(&alice.get(&asked).await), issuer, "without a page");
    }
    // Two issuers that a slash tells apart would be mixed up by those who trim it.
    let slash = "issuer = \"https://auth.example/\"\nkeys.master_key = \"x\"";
    assert!(Config::load(slash, None, [].into()).unwrap_err().to_string().contains("slash"));
}

#[tokio::test]
async fn attack_24_the_code_of_one_issuer_is_worth_nothing_at_its_neighbour() {
    let one = TestApp::with("issuer = \"https://auth.example/one\"").await;
    let two = TestApp::with("issuer = \"https://auth.example/two\"").await;
    let client = one.public_client("c", &[CALLBACK]).await;
    two.public_client("c", &[CALLBACK]).await;
    let mut alice = one.signed_in("alice").await;
    let path = authorize_path(&client, &[]);
    // A form of one is no form of the other either, although the names on it are the same.
    let mut form = hidden(&alice.get(&path).await, "/consent");
    form.push(("decision".into(), "allow".into()));
    let mut there = two.signed_in("alice").await;
    there.post("/consent", &borrowed(&form)).await.page(409);
    let code = alice.approve(&path).await.returned("code").unwrap();
    two.redeem(&client, &code).await.refused(400, "invalid_grant");
    nothing_was_granted(&two).await;
    assert_eq!(one.redeem(&client, &code).await.status, 200);
}
