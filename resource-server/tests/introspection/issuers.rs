//! Issuers that are away or elsewhere, that break off, that say what cannot be meant, or that sign what they say.
use super::{Asking, METADATA, SIGNED};
use crate::support::{Signer, TestServer};
use keyward_resource_server::Guard;
use serde_json::{Value, json};
use time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wiremock::ResponseTemplate;

#[tokio::test]
async fn an_answer_that_is_none_lets_nobody_in() {
    let asking = Asking::start().await;
    let good = asking.good();
    for status in [201, 204, 302, 400, 401, 403, 404, 429, 500, 503] {
        let answer = ResponseTemplate::new(status).insert_header("location", "/introspect").set_body_json(&good);
        asking.say("t", answer);
        asking.no_verdict("t", &status.to_string()).await;
    }
    let text = good.to_string();
    for body in [
        "",
        "yes",
        "{}",
        "[]",
        "true",
        r#"{"active":"true"}"#,
        r#"{"active":1}"#,
        r#"{"active":null}"#,
        r#"{"active":true}"#,
        &text.replace("\"active\":true", "\"active\":false,\"active\":true"),
        &text.replace("\"aud\"", "\"sub\""),
        &format!("{text}{}", " ".repeat(256 * 1024)),
    ] {
        asking.say("t", ResponseTemplate::new(200).set_body_raw(body, "application/json"));
        asking.no_verdict("t", body.get(..60).unwrap_or(body)).await;
    }
    for member in ["iss", "sub", "aud", "client_id", "exp", "iat", "jti"] {
        asking.say_good("t", json!({member: null}));
        asking.no_verdict("t", member).await;
    }
    asking.say_good("t", json!({"iss": "https://evil.example"}));
    asking.no_verdict("t", "another issuer").await;
    asking.say_good("t", json!({}));
    assert_eq!(asking.judge("t").await, Ok(()));
}

#[tokio::test]
async fn while_the_issuer_is_away_only_answers_just_given_count() {
    let asking = Asking::start().await;
    asking.say_good("known", json!({}));
    asking.say_good("new", json!({}));
    assert_eq!(asking.judge("known").await, Ok(()));
    asking.t.issuer.reset().await;
    assert_eq!(asking.judge("known").await, Ok(()));
    asking.no_verdict("new", "not asked before").await;
    asking.t.clock.advance(Duration::seconds(30));
    asking.no_verdict("known", "too long ago").await;
    asking.online().await;
    assert_eq!((asking.judge("known").await, asking.judge("new").await), (Ok(()), Ok(())));
}

#[tokio::test]
async fn the_endpoint_is_the_one_of_the_issuers_own_metadata() {
    let asking = Asking::start().await;
    asking.say_good("t", json!({}));
    let uri = asking.t.issuer.uri();
    let endpoint = format!("{uri}/introspect");
    for metadata in [
        json!({"issuer": uri}),
        json!({"issuer": format!("{uri}/"), "introspection_endpoint": endpoint}),
        json!({"issuer": uri, "introspection_endpoint": "/introspect"}),
    ] {
        asking.t.issuer.reset().await;
        asking.t.answer(METADATA, metadata.clone()).await;
        asking.no_verdict("t", &metadata.to_string()).await;
        assert_eq!(asking.asked().await, 0);
    }
    asking.online().await;
    assert_eq!(asking.judge("t").await, Ok(()));
    // Looked up again after ten minutes; who then says nothing of it has not taken it back.
    let lookups = async || {
        let requests = asking.t.issuer.received_requests().await.unwrap();
        requests.iter().filter(|request| request.url.path() == METADATA).count()
    };
    assert_eq!(lookups().await, 1);
    asking.t.clock.advance(Duration::minutes(9));
    assert!(asking.judge("other").await.is_err());
    assert_eq!(lookups().await, 1);
    asking.t.clock.advance(Duration::minutes(1));
    assert!(asking.judge("other").await.is_err());
    assert_eq!(lookups().await, 2);
}

#[tokio::test]
async fn a_token_of_another_issuer_is_verified_by_its_keys_and_not_shown_around() {
    let second = TestServer::start().await;
    let issuer = second.issuer.uri();
    let asking = Asking::guarded(|guard| guard.issuer(&issuer).unwrap()).await;
    assert_eq!(asking.judge(&second.token("mcp:read")).await, Ok(()));
    let forged = Signer::es256("k1");
    let forged = forged.sign(&forged.header(), &second.claims("mcp:read"));
    assert!(asking.judge(&forged).await.is_err());
    assert_eq!(asking.asked().await, 0);
    // One of the first is what the first says now, however well it is signed.
    let own = asking.t.token("mcp:read");
    assert!(asking.judge(&own).await.unwrap_err().contains("knows no such"));
    asking.say_good(&own, json!({}));
    assert_eq!(asking.judge(&own).await, Ok(()));
}

#[tokio::test]
async fn a_token_that_nobody_issues_is_not_asked_about() {
    let asking = Asking::start().await;
    assert!(asking.judge(&"a".repeat(8 * 1024 + 1)).await.is_err());
    assert_eq!(asking.asked().await, 0);
    assert!(asking.judge(&"a".repeat(8 * 1024)).await.is_err());
    assert_eq!(asking.asked().await, 1);
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/introspect", listener.local_addr().unwrap());
    let asking = Asking::start().await;
    let uri = asking.t.issuer.uri();
    asking.t.issuer.reset().await;
    asking.t.answer(METADATA, json!({"issuer": uri, "introspection_endpoint": endpoint})).await;
    let body = asking.good().to_string();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let served = tokio::spawn(async move {
        for broken in [true, false, true, true] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            if !broken {
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    assert_eq!(asking.judge("t").await, Ok(()));
    asking.no_verdict("other", "twice broken").await;
    served.await.unwrap();
}

#[tokio::test]
async fn a_guard_that_wants_signed_answers_takes_no_others() {
    let asking = Asking::guarded(Guard::require_signed_answers).await;
    let (t, now) = (&asking.t, asking.t.clock.now().unix_timestamp());
    let header = json!({"typ": "token-introspection+jwt", "alg": "ES256", "kid": "k1"});
    let claims = json!({"iss": t.issuer.uri(), "aud": "rs", "iat": now, "token_introspection": asking.good()});
    let with = |members: &Value, name: &str, value: Value| {
        let mut all = members.clone();
        all[name] = value;
        all
    };
    let say = |jws: String| asking.say("t", ResponseTemplate::new(200).set_body_raw(jws, SIGNED));
    for (header, claims) in [
        (with(&header, "typ", json!("at+jwt")), claims.clone()),
        (with(&header, "typ", json!("JWT")), claims.clone()),
        (with(&header, "kid", json!("k2")), claims.clone()),
        (with(&header, "alg", json!("none")), claims.clone()),
        (with(&header, "alg", json!("HS256")), claims.clone()),
        (with(&header, "crit", json!(["b64"])), claims.clone()),
        (header.clone(), with(&claims, "iss", json!("https://evil.example"))),
        (header.clone(), with(&claims, "aud", json!("another"))),
        (header.clone(), with(&claims, "aud", Value::Null)),
        (header.clone(), with(&claims, "token_introspection", json!("yes"))),
        (header.clone(), asking.good()),
    ] {
        say(t.signer.sign_as(&header, &claims));
        asking.no_verdict("t", &format!("{header} {claims}")).await;
    }
    say(Signer::es256("k1").sign_as(&header, &claims));
    asking.no_verdict("t", "another key of that name").await;
    asking.say_good("t", json!({}));
    asking.no_verdict("t", "not signed").await;

    say(t.signer.sign_as(&header, &claims));
    assert_eq!(asking.judge("t").await, Ok(()));
    assert_eq!(asking.questions().await[0].headers["accept"], SIGNED);
    say(t.signer.sign_as(&header, &with(&claims, "token_introspection", json!({"active": false}))));
    t.clock.advance(Duration::seconds(30));
    assert!(asking.judge("t").await.unwrap_err().contains("knows no such"));
}
