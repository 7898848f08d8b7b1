//! Attacks on dynamic client registration (RFC 7591): dangerous metadata, deceptive names and logos, floods.
use crate::support::{
    app::{CALLBACK, TestApp, authorize_path},
    peers::from,
    registration::{public, register_from},
};
use axum::{body::Body, http::Request};
use keyward::{model::ClientId, oauth::params::form_urlencode, storage::clients};
use serde_json::{Value, json};

#[tokio::test]
async fn attack_82_a_redirect_uri_that_runs_code_or_leaks_codes_is_not_registered() {
    let t = TestApp::start().await;
    for uri in [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://client.example/x",
        "http://client.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.1/cb",
        "http://2130706433/cb",
        "http://localhost@evil.example/cb",
        "ws://client.example/cb",
        "https://client.example/cb#",
        "https://client.example/cb#fragment",
        "https://user@client.example/cb",
        "https://user:password@client.example/cb",
        "https://client.example/cb?code=1",
        "https://client.example/cb?a=b&state=1",
        "https://client.example/cb?%63ode=1",
        "https://client.example/c b",
        "https://client.example\\cb",
        "https://client.example/cb\r\nLocation: https://evil.example",
        "/cb",
        "",
    ] {
        t.register(&public("x", uri)).await.refused(400, "invalid_redirect_uri");
        // Nor does a good one beside it help.
        let both = json!({"redirect_uris": [CALLBACK, uri], "token_endpoint_auth_method": "none"});
        t.register(&both).await.refused(400, "invalid_redirect_uri");
    }
    t.register(&json!({"token_endpoint_auth_method": "none"})).await.refused(400, "invalid_redirect_uri");
    let many: Vec<_> = (0..21).map(|n| format!("https://client.example/{n}")).collect();
    t.register(&json!({"redirect_uris": many})).await.refused(400, "invalid_redirect_uri");
    assert_eq!(clients::count_unused(&t.db).await.unwrap(), 0);
}

#[tokio::test]
async fn attack_83_keys_that_leaked_and_grants_nobody_offers_are_refused_or_reported() {
    let t = TestApp::start().await;
    let with = |name: &str, value: Value| {
        let mut body = public("x", CALLBACK);
        body[name] = value;
        body
    };
    let key = json!({"kty": "EC", "crv": "P-256", "x": "x", "y": "y"});
    let private = json!({"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "d": "d"});
    let mut both = with("jwks", json!({"keys": [key]}));
    both["jwks_uri"] = json!("https://client.example/jwks");
    for body in [
        both,
        with("jwks", json!({"keys": [key, private]})),
        with("jwks", json!({"keys": [{"kty": "oct", "k": "k"}]})),
        with("jwks_uri", json!("http://client.example/jwks")),
        with("grant_types", json!(["implicit"])),
        with("grant_types", json!(["client_credentials"])),
        with("grant_types", json!(["password", "refresh_token"])),
        with("grant_types", json!("authorization_code")),
        with("response_types", json!(["token"])),
        with("token_endpoint_auth_method", json!("private_key_jwt")),
        with("token_endpoint_auth_method", json!("client_secret_jwt")),
        with("id_token_signed_response_alg", json!("none")),
        with("id_token_signed_response_alg", json!("HS256")),
        with("logo_uri", json!("javascript:alert(1)")),
        with("client_uri", json!("http://client.example")),
        with("scope", json!("a  b")),
        with("application_type", json!("desktop")),
    ] {
        t.register(&body).await.refused(400, "invalid_client_metadata");
    }
    t.register(&with("software_statement", json!("x"))).await.refused(400, "unapproved_software_statement");
    assert_eq!(clients::count_unused(&t.db).await.unwrap(), 0);

    // Beside one that is offered they are left out, and the answer says what was registered.
    let asked = ["authorization_code", "implicit", "client_credentials", "refresh_token"];
    let mut body = with("grant_types", json!(asked));
    body["client_id"] = json!("chosen-by-the-client");
    body["client_secret"] = json!("chosen-by-the-client");
    let registered = t.register(&body).await;
    assert_eq!((registered.status.as_u16(), registered.header("cache-control")), (201, "no-store"));
    let registered = registered.json();
    assert_eq!(registered["grant_types"], json!(["authorization_code", "refresh_token"]));
    assert!(registered["client_id"].as_str().unwrap().starts_with("kw_"));
    assert!(registered.get("client_secret").is_none());
}

#[tokio::test]
async fn attack_84_a_made_up_name_is_plain_text_one_short_line_and_unverified() {
    let t = TestApp::start().await;
    // As the operator's own client is called.
    t.public_client("notes", &[CALLBACK]).await;
    let mut browser = t.signed_in("alice").await;
    for (name, shown) in [
        ("<script>alert(1)</script>", "&#60;script&#62;alert(1)"),
        ("\" onmouseover=\"x", "&#39; onmouseover=&#39;x"),
        ("Good\u{202e}live\u{200b}\r\n\u{0} App", "Goodlive App"),
        (&"long ".repeat(2_048), "long long"),
        ("Client notes", "Client notes"),
    ] {
        let registered = t.register(&public(name, "https://evil.example/cb")).await.json();
        if name.contains('\0') {
            assert_eq!(registered["error"], "invalid_client_metadata");
            continue;
        }
        let stored = registered["client_name"].as_str().unwrap();
        assert!(stored.chars().count() <= 100 && !stored.contains(['\u{202e}', '\u{200b}', '\r', '\n']), "{stored}");
        let client = ClientId::from(registered["client_id"].as_str().unwrap());
        let page = browser.get(&authorize_path(&client, &[])).await;
        page.page(200);
        assert!(page.body.contains(shown), "{shown} is not on {}", page.body);
        assert!(page.body.contains("The name is its own choice") && page.body.contains("evil.example"));
        assert!(!page.body.contains(">verified<") && page.body.len() < 20_000);
        let login = format!("/login?return_to={}", form_urlencode(&authorize_path(&client, &[])));
        for body in [page.body, t.get(&login).await.body] {
            assert!(!body.contains("<script") && !body.contains("\" onmouseover") && !body.contains('\u{202e}'));
        }
    }
    // Behind an address that is no proof, nothing is.
    let registered = t.register(&public("Client notes", "http://127.0.0.1/cb")).await.json();
    let client = ClientId::from(registered["client_id"].as_str().unwrap());
    let page = browser.get(&authorize_path(&client, &[])).await;
    assert!(page.body.contains(">unverified<") && !page.body.contains(">verified<"), "{page:?}");
    let turned = t.register(&public("Good\u{202e}live\u{200b}\r\n App", CALLBACK)).await.json();
    assert_eq!(turned["client_name"], "Goodlive App");
}

#[tokio::test]
async fn attack_85_ten_thousand_registrations_from_one_source_starve_nobody_else() {
    let t = TestApp::with("registration.burst = 20\nregistration.per_minute = 1").await;
    let shared = [192, 0, 2, 1];
    let connector = public("Connector", "https://connector.example/callback");
    let known = register_from(&t, shared, &connector).await.json();
    let mut refused = 0;
    for n in 0..10_000 {
        // Confidential ones, so that each is a client of its own.
        let body = json!({"client_name": format!("{n}"), "redirect_uris": ["https://flood.example/cb"]});
        let answer = register_from(&t, shared, &body).await;
        if answer.status != 201 {
            answer.refused(429, "too_many_requests");
            assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
            refused += 1;
        }
    }
    assert!(refused > 9_900, "only {refused} refused");
    assert!(clients::count_unused(&t.db).await.unwrap() < 100);

    // The same again is free, and another app behind the same address has a budget of its own.
    for _ in 0..50 {
        assert_eq!(register_from(&t, shared, &connector).await.json()["client_id"], known["client_id"]);
    }
    let neighbour = public("Neighbour", "https://neighbour.example/cb");
    assert_eq!(register_from(&t, shared, &neighbour).await.status, 201);
    // Hosts made up for each request don't lift the limit of the address.
    let mut made_up = 0;
    for n in 0..200 {
        let body = public("x", &format!("https://h{n}.flood.example/cb"));
        made_up += usize::from(register_from(&t, shared, &body).await.status == 429);
    }
    assert!(made_up > 100, "only {made_up} refused");
    let elsewhere = public("Elsewhere", "https://flood.example/cb");
    assert_eq!(register_from(&t, [198, 51, 100, 1], &elsewhere).await.status, 201);
}

#[tokio::test]
async fn attack_85_an_address_nobody_vouches_for_brings_no_new_budget() {
    let t = TestApp::with("registration.burst = 2\nregistration.per_minute = 1").await;
    let mut answers = Vec::new();
    for n in 0..6 {
        let request = Request::post("/register")
            .header("content-type", "application/json")
            .header("x-forwarded-for", format!("198.51.100.{n}"))
            .header("forwarded", format!("for=198.51.100.{n}"));
        let body = Body::from(public(&format!("{n}"), CALLBACK).to_string());
        answers.push(t.send(from([192, 0, 2, 1], request.body(body).unwrap())).await.status.as_u16());
    }
    assert_eq!(answers, [201, 201, 429, 429, 429, 429]);
    // A proxy of ours is believed, but for the hop it saw only.
    let mut through_proxy = Vec::new();
    for n in 0..4 {
        let request = Request::post("/register")
            .header("content-type", "application/json")
            .header("x-forwarded-for", format!("198.51.100.{n}, 203.0.113.5, 10.0.0.2"));
        let body = Body::from(public(&format!("proxied {n}"), CALLBACK).to_string());
        through_proxy.push(t.send(from([10, 0, 0, 1], request.body(body).unwrap())).await.status.as_u16());
    }
    assert_eq!(through_proxy, [201, 201, 429, 429]);
}

#[tokio::test]
async fn a_full_house_forgets_the_oldest_of_whoever_made_most_and_never_what_is_used() {
    let t = TestApp::with("registration.max_unused = 2").await;
    let mut ids = Vec::new();
    for name in ["first", "second", "third"] {
        ids.push(t.register(&public(name, CALLBACK)).await.json()["client_id"].clone());
        t.app.clock.advance(time::Duration::seconds(1));
    }
    assert_eq!(clients::count_unused(&t.db).await.unwrap(), 2);
    assert_eq!(t.register(&public("second", CALLBACK)).await.json()["client_id"], ids[1]);
    assert_ne!(t.register(&public("first", CALLBACK)).await.json()["client_id"], ids[0]);
}
