//! Attacks on keys, metadata, parsers and clocks.
use crate::support::{
    app::{Answer, CALLBACK, ISSUER, TestApp, authorize_path, basic},
    node::Node,
};
use axum::{body::Body, http::Request};
use keyward::{
    jobs,
    model::{ClientId, GrantId},
    storage::{clients, grants},
};
use serde_json::{Value, json};
use std::collections::HashSet;
use time::Duration;

const METADATA: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

#[tokio::test]
async fn attack_92_the_key_set_is_public_and_each_key_is_known_by_one_name() {
    let t = TestApp::start().await;
    let answer = t.get("/jwks").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    assert!(answer.header("cache-control").starts_with("public, max-age="));
    let set = answer.json();
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3);
    let mut names = HashSet::new();
    for key in keys {
        let public: &[&str] = match key["kty"].as_str().unwrap() {
            "EC" => &["crv", "x", "y"],
            "OKP" => &["crv", "x"],
            "RSA" => &["n", "e"],
            other => panic!("a key of kind {other}"),
        };
        let members = key.as_object().unwrap().keys().map(String::as_str);
        for member in members {
            assert!(public.contains(&member) || ["kty", "kid", "use", "alg"].contains(&member), "{member}");
        }
        assert_eq!(key["use"], "sig");
        assert!(names.insert(key["kid"].as_str().unwrap()), "a kid twice");
    }
    let known = Request::get("/jwks").header("if-none-match", answer.header("etag"));
    assert_eq!(t.send(known.body(Body::empty()).unwrap()).await.status, 304);

    // What signs is published.
    let client = t.public_client("c", &[CALLBACK]).await;
    let tokens = t.tokens(&client, &[("scope", "openid mcp:read")]).await;
    for token in ["access_token", "id_token"] {
        let header = keyward::secrets::from_base64url(tokens[token].as_str().unwrap().split('.').next().unwrap());
        let header: Value = serde_json::from_slice(&header.unwrap()).unwrap();
        let key = keys.iter().find(|key| key["kid"] == header["kid"]).unwrap();
        assert_eq!(key["alg"], header["alg"]);
    }
}

#[tokio::test]
async fn attack_93_every_well_known_place_says_the_same_and_nothing_is_left_to_bad_defaults() {
    for issuer in [ISSUER, "https://auth.example/t1"] {
        let t = TestApp::with(&format!("issuer = {issuer:?}")).await;
        let path = t.app.config.issuer_path().to_owned();
        let mut places = METADATA.map(|place| format!("{place}{path}")).to_vec();
        places.push(format!("{path}/.well-known/openid-configuration"));
        let documents = [t.get(&places[0]).await, t.get(&places[1]).await, t.get(&places[2]).await];
        for document in &documents {
            assert_eq!((document.status.as_u16(), document.header("content-type")), (200, "application/json"));
            assert_eq!(document.body, documents[0].body);
        }
        let metadata = documents[0].json();
        assert_eq!(metadata["issuer"], issuer);
        assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
        let device_code = "urn:ietf:params:oauth:grant-type:device_code";
        assert_eq!(
            metadata["grant_types_supported"],
            json!(["authorization_code", "client_credentials", device_code, "refresh_token"])
        );
        assert_eq!(metadata["response_types_supported"], json!(["code"]));
        assert_eq!(metadata["response_modes_supported"], json!(["query"]));
        assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
        assert_eq!(metadata["request_uri_parameter_supported"], false);
        let signed = metadata["id_token_signing_alg_values_supported"].as_array().unwrap();
        assert!(signed.contains(&json!("RS256")) && !signed.contains(&json!("none")));
        for methods in ["token_endpoint_auth_methods_supported", "revocation_endpoint_auth_methods_supported"] {
            assert!(metadata[methods].as_array().unwrap().contains(&json!("none")));
        }
        for (member, value) in metadata.as_object().unwrap() {
            assert_ne!(value, &json!([]), "{member} is empty");
            // What is advertised is there.
            if member.ends_with("_endpoint") || member == "jwks_uri" {
                let path = value.as_str().unwrap().strip_prefix(ISSUER).unwrap();
                assert_ne!(t.get(path).await.status, 404, "{member}");
            }
        }
        for elsewhere in ["/.well-known/oauth-authorization-server/other", "/.well-known/x", "/t2/.well-known/jwks"] {
            t.get(elsewhere).await.refused(404, "not_found");
        }
        if !path.is_empty() {
            t.get(METADATA[0]).await.refused(404, "not_found");
        }
    }
}

/// Sends bytes, whatever they are.
async fn raw(t: &TestApp, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post(path)
        .header("content-type", content_type)
        .header("authorization", basic("notes-server", "notes-server-secret"));
    t.send(request.body(body.into()).unwrap()).await
}

fn monsters() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        &b"token=\xff\xfe"[..],
        b"\xff=x",
        b"token=%ff",
        b"token=%",
        b"token=%zz",
        b"token=a%00b",
        b"token=\0",
        b"token=a&token=b",
        b"a[]=1&a[]=2&token=x",
        b"&&&&",
        b"=",
        b"",
    ]
    .map(<[u8]>::to_vec)
    .into();
    all.push((0..10_000).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&").into_bytes());
    all.push(format!("token={}", "x".repeat(1 << 20)).into_bytes());
    all.push(format!("token={}", "x".repeat(9_000)).into_bytes());
    all.push(format!("{}=x", "x".repeat(9_000)).into_bytes());
    all.push("=&".repeat(30_000).into_bytes());
    all
}

#[tokio::test]
async fn attack_94_no_form_however_broken_is_a_failure_of_ours() {
    let t = TestApp::start().await;
    for path in ["/token", "/revoke", "/introspect", "/userinfo", "/authorize", "/login", "/logout", "/consent"] {
        for body in monsters() {
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            let answer = raw(&t, path, "application/x-www-form-urlencoded", body).await;
            // Parameters that mean nothing may be in the query of an authorization request.
            let redirect = path == "/authorize" && answer.status == 303 && answer.location().starts_with("/authorize?");
            // Nobody is signed in who could sign out.
            let nothing_to_do = path == "/logout" && answer.status == 200;
            assert!(answer.status.is_client_error() || redirect || nothing_to_do, "{path} {shown}: {answer:?}");
            if answer.body.starts_with('{') {
                assert!(!answer.json()["error_description"].as_str().unwrap().contains("xxx"));
            }
        }
    }
    let good = "a[]=1&token=x&unknown=1";
    let ignored = raw(&t, "/introspect", "application/x-www-form-urlencoded; charset=utf-8", good).await;
    assert_eq!(ignored.json(), json!({"active": false}));
}

#[tokio::test]
async fn attack_94_no_query_however_broken_is_a_failure_of_ours() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let good = authorize_path(&client, &[]);
    let many = (0..9_000).map(|n| format!("&p{n}")).collect::<Vec<_>>().concat();
    for more in ["&x=%ff", "&x=%", "&x=%zz", "&x=%00", "&%00=x", &format!("&x={}", "y".repeat(40_000)), &many] {
        t.get(&format!("{good}{more}")).await.page(400);
        t.get(&format!("/login?return_to=%2F{more}")).await.page(400);
    }
    let unknown = t.get(&format!("{good}&a[]=1&b[c]=2")).await;
    assert!(unknown.location().starts_with("/login?"));
    for path in ["/%00", "/%ff", "/authorize/", "//authorize", "/../jwks", "/setup?token=%00", "/setup?token=x"] {
        let answer = t.get(path).await;
        assert!(answer.status.is_client_error(), "{path}: {answer:?}");
    }
    for cookie in ["__Host-keyward=x", "__Host-keyward=", "=;=;", "__Host-keyward=AAAAAAAAAAAAAAAAAAAAAA", "\"\\"] {
        let request = Request::get(&good).header("cookie", cookie).body(Body::empty()).unwrap();
        assert!(t.send(request).await.location().starts_with("/login?"), "{cookie}");
    }
}

#[tokio::test]
async fn attack_94_no_registration_however_broken_is_a_failure_of_ours() {
    let t = TestApp::start().await;
    let deep = format!("{}{}", "[".repeat(15_000), "]".repeat(15_000));
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"null",
        b"\"x\"",
        b"{}{}",
        b"{\"redirect_uris\":[\"\xff\"]}",
        b"{\"redirect_uris\":[\"https://client.example/cb\"],\"redirect_uris\":[]}",
        b"{\"client_name\":\"\\u0000\",\"redirect_uris\":[\"https://client.example/cb\"]}",
        b"{\"client_name\":\"\\ud800\",\"redirect_uris\":[\"https://client.example/cb\"]}",
        b"{\"redirect_uris\":{\"0\":\"https://client.example/cb\"}}",
        b"{\"redirect_uris\":[1]}",
        b"{\"client_name\":1,\"redirect_uris\":[\"https://client.example/cb\"]}",
        b"{\"a\":1e999}",
        deep.as_bytes(),
        format!("{{\"a\":{deep}}}").as_bytes(),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = raw(&t, "/register", "application/json", body.to_vec()).await;
        assert_eq!(answer.status, 400, "{shown}: {answer:?}");
        assert!(answer.json()["error"].as_str().unwrap().starts_with("invalid_"), "{shown}");
    }
    for content_type in ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
        raw(&t, "/register", content_type, "{}").await.refused(400, "invalid_client_metadata");
    }
    let large = json!({"client_name": "x".repeat(33 * 1024), "redirect_uris": [CALLBACK]}).to_string();
    raw(&t, "/register", "application/json", large).await.refused(413, "request_too_large");
    assert_eq!(clients::count_unused(&t.db).await.unwrap(), 0);
}

#[tokio::test]
async fn attack_95_a_node_whose_clock_is_wrong_revives_nothing() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let ahead = Node::off_by(&t, Duration::minutes(2)).await;
    let behind = Node::off_by(&t, Duration::minutes(-2)).await;
    let token = |answer: &Value, member: &str| answer[member].as_str().unwrap().to_owned();
    let form = |token: &str| [("client_id", "c".to_owned()), ("token", token.to_owned())];

    // A used code stays used, and its second use is still one.
    let code = t.code(&client, &[]).await;
    let tokens = t.redeem(&client, &code).await.json();
    let redeem = [
        ("grant_type", "authorization_code"),
        ("client_id", "c"),
        ("code", code.as_str()),
        ("code_verifier", crate::support::app::VERIFIER),
    ];
    behind.post("/token", &redeem).await.refused(400, "invalid_grant");
    for node in [&ahead, &behind] {
        node.refresh(&client, &token(&tokens, "refresh_token")).await.refused(400, "invalid_grant");
    }

    // A revoked token stays revoked, also after a node that believes it expired has swept.
    let tokens = t.tokens(&client, &[]).await;
    let access = token(&tokens, "access_token");
    let revoke = form(&access);
    let revoke = revoke.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(t.post("/revoke", &revoke).await.status, 200);
    t.app.clock.advance(Duration::minutes(9));
    ahead.app.clock.advance(Duration::minutes(9));
    behind.app.clock.advance(Duration::minutes(9));
    jobs::sweep(&ahead.app).await.unwrap();
    let introspect =
        [("token", access.as_str()), ("client_id", "notes-server"), ("client_secret", "notes-server-secret")];
    for node in [&Node::itself(&t), &behind] {
        assert_eq!(node.post("/introspect", &introspect).await.json(), json!({"active": false}));
    }

    // A family that died by theft stays dead, and the sweep ahead of time kept what lives.
    let second = t.refresh(&client, &token(&tokens, "refresh_token")).await.json();
    let third = behind.refresh(&client, &token(&second, "refresh_token")).await.json();
    let fourth = ahead.refresh(&client, &token(&third, "refresh_token")).await.json();
    behind.refresh(&client, &token(&second, "refresh_token")).await.refused(400, "invalid_grant");
    for node in [&ahead, &behind, &Node::itself(&t)] {
        node.refresh(&client, &token(&fourth, "refresh_token")).await.refused(400, "invalid_grant");
    }
    let id = TestApp::claims(&fourth["access_token"])["grant_id"].as_str().unwrap().parse::<GrantId>().unwrap();
    jobs::sweep(&ahead.app).await.unwrap();
    assert!(grants::find(&t.db, id).await.unwrap().unwrap().revoked_at.is_some());
    assert!(clients::find(&t.db, &ClientId::from("c")).await.unwrap().is_some());
}
