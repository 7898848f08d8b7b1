//! Issuers that are away or elsewhere, that break off, that say what cannot be meant, or that sign what they say.
use super::{Asking, METADATA, SIGNED};
use crate::support::{Signer, TestServer, bearer};
use axum::{body::Body, extract::ConnectInfo};
use futures_util::{StreamExt, stream::FuturesUnordered};
use keyward_resource_server::Guard;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;
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

#[tokio::test]
async fn attack_124_a_token_of_anybody_else_or_for_anybody_else_is_shown_to_no_issuer() {
    let asking = Asking::start().await;
    let (t, now) = (&asking.t, asking.t.clock.now().unix_timestamp());
    let stranger = Signer::eddsa("k1");
    for (changes, reason) in [
        (json!({"iss": "https://evil.example"}), "issuer: "),
        (json!({"iss": format!("{}/", t.issuer.uri())}), "issuer: "),
        (json!({"iss": [t.issuer.uri()]}), "issuer: "),
        (json!({"aud": "https://other.example/mcp"}), "audience: "),
        (json!({"aud": format!("{}/", crate::support::RESOURCE)}), "audience: "),
        (json!({"aud": ["https://other.example/mcp", [crate::support::RESOURCE]]}), "audience: "),
        (json!({"aud": []}), "audience: "),
        (json!({"aud": {}}), "audience: "),
        (json!({"exp": now}), "expired: "),
        (json!({"exp": now - 3600}), "expired: "),
        (json!({"exp": 0.5}), "expired: "),
        (json!({"exp": "soon"}), "expired: "),
    ] {
        // However they are signed, and whatever their header says.
        let claims = t.changed(&changes);
        let odd = t.signer.sign_as(&json!({"alg": "none", "typ": "x"}), &claims);
        for token in [t.token_with(changes.clone()), stranger.sign(&stranger.header(), &claims), odd] {
            asking.say_good(&token, json!({}));
            let refused = asking.judge(&token).await.unwrap_err();
            assert!(refused.starts_with(reason), "{changes}: {refused}");
        }
    }
    assert_eq!(asking.asked().await, 0);
    let several = json!({"aud": ["https://other.example", crate::support::RESOURCE]});
    for good in [json!({}), several, json!({"exp": now + 60}), json!({"iss": null, "aud": null, "exp": null})] {
        let token = t.token_with(good.clone());
        asking.say_good(&token, json!({}));
        assert_eq!(asking.judge(&token).await, Ok(()), "{good}");
    }
    for opaque in ["a.b.c", "a.e30.c", "....", "kwm_0123456789"] {
        asking.say_good(opaque, json!({}));
        assert_eq!(asking.judge(opaque).await, Ok(()), "{opaque}");
    }
    assert_eq!(asking.asked().await, 8);
}

#[tokio::test]
async fn attack_125_a_flood_of_tokens_has_a_share_of_the_questions_and_leaves_the_rest_to_others() {
    let asking = Asking::start().await;
    let (good, under_way) = (asking.good(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&under_way);
    let answer = move |body: String| {
        let (counted, good) = (Arc::clone(&counted), good.clone());
        async move {
            if body.contains("flood") {
                counted.fetch_add(1, Ordering::SeqCst);
                std::future::pending::<()>().await;
            }
            axum::Json(good)
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/introspect", listener.local_addr().unwrap());
    tokio::spawn(
        axum::serve(listener, axum::Router::new().route("/introspect", axum::routing::post(answer))).into_future(),
    );
    let uri = asking.t.issuer.uri();
    asking.t.issuer.reset().await;
    asking.t.answer(METADATA, json!({"issuer": uri, "introspection_endpoint": endpoint})).await;
    let from = |address: [u8; 4], token: &str| {
        let mut request = bearer(token).body(Body::from(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((address, 1))));
        asking.t.router.clone().oneshot(request)
    };
    // While something blocks, a paused clock stands still: whoever is answered was not waited for.
    tokio::time::pause();
    let (_ended, hung) = std::sync::mpsc::channel::<()>();
    let mut hung = tokio::task::spawn_blocking(move || hung.recv_timeout(std::time::Duration::from_mins(1)));
    let mut flood = FuturesUnordered::new();
    for number in 0..400 {
        flood.push(from([192, 0, 2, 1], &format!("flood-{number}")));
    }
    // Those beyond the queue are told at once that nobody can judge them now; the others wait.
    let refused = flood.by_ref().take(136).map(|answer| answer.unwrap().status()).collect::<Vec<_>>();
    tokio::select! {
        refused = refused => assert!(refused.iter().all(|status| *status == 503), "{refused:?}"),
        _ = &mut hung => panic!("nobody was refused"),
    }
    for number in 0..8 {
        let honest = from([192, 0, 2, 2], &format!("honest-{number}"));
        tokio::select! {
            answer = honest => assert_eq!(answer.unwrap().status(), 200),
            _ = flood.next() => panic!("the flood was answered first"),
        }
    }
    assert_eq!(under_way.load(Ordering::SeqCst), 8);
}
