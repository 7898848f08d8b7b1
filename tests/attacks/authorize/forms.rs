//! Attacks on the forms of our pages: sent from another site, made for another user, changed, or sent twice.
use crate::support::{
    app::{Answer, CALLBACK, ISSUER, PASSWORD, TestApp, authorize_path},
    browser::{borrowed, hidden, yes},
    grants::{grants_of, nothing_was_granted, sent_back},
};

type Form = Vec<(String, String)>;

/// The form with one field replaced.
fn with(form: &Form, name: &str, value: &str) -> Form {
    let mut form = form.clone();
    form.iter_mut().filter(|(held, _)| held == name).for_each(|(_, held)| value.clone_into(held));
    form
}

#[tokio::test]
async fn attack_15_a_decision_from_another_site_or_another_session_decides_nothing() {
    let t = TestApp::start().await;
    let client = t.stranger("c", &[CALLBACK]).await;
    let path = authorize_path(&client, &[]);
    let mut alice = t.signed_in("alice").await;
    let form = yes(&alice.get(&path).await, "/consent");
    let from_elsewhere: [&[(&str, &str)]; 7] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://auth.example")],
        &[("origin", ISSUER), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example"), ("host", "evil.example"), ("x-forwarded-host", "evil.example")],
    ];
    for headers in from_elsewhere {
        alice.post_from("/consent", &borrowed(&form), headers).await.page(403);
    }
    // Old browsers say nothing of where a form comes from: the token decides.
    let others = yes(&t.signed_in("bob").await.get(&path).await, "/consent");
    let own_elsewhere = yes(&t.signed_in("alice").await.get(&path).await, "/consent");
    let login = hidden(&t.browser().get("/login").await, "/login");
    let mut nothing = form.clone();
    nothing.retain(|(name, _)| name != "form_token");
    // Made elsewhere, though by us: the question is asked anew.
    for elsewhere in [others, own_elsewhere] {
        for headers in [&[][..], &[("origin", ISSUER)]] {
            let again = alice.post_from("/consent", &borrowed(&elsewhere), headers).await;
            again.page(409);
            assert_ne!(yes(&again, "/consent"), elsewhere);
        }
    }
    for wrong in [
        nothing,
        with(&form, "form_token", ""),
        with(&form, "form_token", "AAAA"),
        with(&form, "form_token", "!"),
        with(&form, "form_token", &login[0].1),
    ] {
        alice.post_from("/consent", &borrowed(&wrong), &[]).await.page(403);
        alice.post("/consent", &borrowed(&wrong)).await.page(403);
    }
    let nobody = t.browser().post("/consent", &borrowed(&form)).await;
    assert!(nobody.location().starts_with("/login?return_to=%2Fauthorize"), "{nobody:?}");
    nothing_was_granted(&t).await;
    // There was nothing wrong with the form.
    assert!(alice.post("/consent", &borrowed(&form)).await.returned("code").is_some());
}

#[tokio::test]
async fn attack_15_a_form_is_too_old_after_half_an_hour() {
    let t = TestApp::start().await;
    let client = t.stranger("c", &[CALLBACK]).await;
    let mut alice = t.signed_in("alice").await;
    let form = yes(&alice.get(&authorize_path(&client, &[])).await, "/consent");
    t.app.clock.advance(time::Duration::minutes(31));
    let again = alice.post("/consent", &borrowed(&form)).await;
    again.page(409);
    assert!(again.body.contains("open for more than 30 minutes"), "{again:?}");
    nothing_was_granted(&t).await;
    assert!(alice.post("/consent", &borrowed(&yes(&again, "/consent"))).await.returned("code").is_some());
}

#[tokio::test]
async fn attack_16_what_the_attacker_began_cannot_be_ended_by_the_victim() {
    let t = TestApp::start().await;
    let client = t.stranger("c", &[CALLBACK]).await;
    let path = authorize_path(&client, &[]);
    let begun = yes(&t.signed_in("bob").await.get(&path).await, "/consent");
    let mut victim = t.signed_in("alice").await;
    victim.post("/consent", &borrowed(&begun)).await.page(409);
    // The address alone carries no answer: the victim is asked as if for the first time.
    hidden(&victim.get(&path).await, "/consent");

    // Nor does a sign-in form of the attacker sign the victim in.
    let mut form = hidden(&t.browser().get("/login").await, "/login");
    form.push(("username".into(), "bob".into()));
    form.push(("password".into(), PASSWORD.into()));
    let mut fresh = t.browser();
    fresh.get("/login").await;
    fresh.post("/login", &borrowed(&form)).await.page(403);
    assert!(fresh.get(&path).await.location().starts_with("/login?"));
    nothing_was_granted(&t).await;
}

#[tokio::test]
async fn attack_17_changed_fields_change_nothing_and_a_decision_counts_once() {
    let t = TestApp::start().await;
    let client = t.stranger("c", &[CALLBACK, "https://client.example/2"]).await;
    t.public_client("other", &["https://other.example/cb"]).await;
    let asked = authorize_path(&client, &[("scope", "mcp:read"), ("redirect_uri", CALLBACK)]);
    let mut alice = t.signed_in("alice").await;
    let form = yes(&alice.get(&asked).await, "/consent");
    let (_, request) = asked.split_once('?').unwrap();
    for (status, changed) in [
        (409, request.replace("mcp%3Aread", "mcp%3Aread%20mcp%3Awrite")),
        (409, request.replace("client.example%2Fcb", "client.example%2F2")),
        (400, request.replace("client_id=c", "client_id=other")),
        (409, request.replace("E9Melhoa", "AAAAAAAA")),
        (409, format!("{request}&nonce=n")),
    ] {
        assert_ne!(changed, request);
        let again = alice.post("/consent", &borrowed(&with(&form, "request", &changed))).await;
        again.page(status);
        assert!(status == 400 || again.body.contains("another request than before"), "{again:?}");
    }
    let malformed = alice.post("/consent", &borrowed(&with(&form, "request", "client_id=other"))).await;
    assert_eq!((malformed.returned("error").as_deref(), malformed.returned("code")), (Some("invalid_request"), None));
    alice.post("/consent", &borrowed(&with(&form, "request", ""))).await.page(400);
    let mut twice = form.clone();
    twice.push(("request".into(), request.replace("mcp%3Aread", "mcp%3Awrite")));
    alice.post("/consent", &borrowed(&twice)).await.page(400);
    nothing_was_granted(&t).await;

    let mut more = form.clone();
    for (name, value) in [
        ("scope", "mcp:write"),
        ("client_id", "other"),
        ("redirect_uri", "https://client.example/2"),
        ("username", "bob"),
        ("state", "evil"),
    ] {
        more.push((name.into(), value.into()));
    }
    let done = alice.post("/consent", &borrowed(&more)).await;
    assert!(done.location().starts_with(&format!("{CALLBACK}?code=")), "{done:?}");
    assert_eq!(done.returned("state").as_deref(), Some("af0ifjsldkj"));

    // Sent again it brings no other code.
    for _ in 0..2 {
        assert_eq!(alice.post("/consent", &borrowed(&form)).await.location(), done.location());
    }
    let granted = grants_of(&t, "alice").await;
    assert_eq!((granted.len(), granted[0].scopes.to_string().as_str()), (1, "mcp:read"));
    // The page counts once; the code that it brought is as good as before, once.
    assert_eq!(t.redeem(&client, &done.returned("code").unwrap()).await.status, 200);
    alice.post("/consent", &borrowed(&form)).await.page(200);
    sent_back(&alice.decide(&format!("{asked}&prompt=consent"), "deny").await, CALLBACK, "access_denied");
}

#[tokio::test]
async fn attack_17_of_many_posts_of_one_decision_at_once_one_brings_a_code() {
    let t = TestApp::start().await;
    let client = t.stranger("c", &["http://127.0.0.1/cb"]).await;
    let mut alice = t.signed_in("alice").await;
    let form = yes(&alice.get(&authorize_path(&client, &[])).await, "/consent");
    let cookie = alice.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let headers = [("cookie", cookie.as_str()), ("origin", ISSUER)];
    let form = borrowed(&form);
    let post = || t.post_with("/consent", &form, &headers);
    let answers: [Answer; 4] = tokio::join!(post(), post(), post(), post()).into();
    let codes = answers.map(|answer| answer.returned("code").unwrap());
    assert!(codes.iter().all(|code| *code == codes[0]), "{codes:?}");
    assert_eq!(t.db.number("SELECT count(*) FROM codes").await, 1);
    assert_eq!(grants_of(&t, "alice").await.len(), 1);
}

#[tokio::test]
async fn attack_18_a_posted_form_is_answered_by_303_and_its_content_goes_no_further() {
    let t = TestApp::start().await;
    let client = t.stranger("c", &[CALLBACK]).await;
    let path = authorize_path(&client, &[]);
    let mut browser = t.browser();
    let login = browser.sign_in("alice", PASSWORD, &path).await;
    let form = yes(&browser.get(&path).await, "/consent");
    let denied = browser.decide(&path, "deny").await;
    let allowed = browser.post("/consent", &borrowed(&form)).await;
    let form_post = t.post("/authorize", &[("client_id", "c"), ("response_type", "token")]).await;
    for answer in [&login, &denied, &allowed, &form_post] {
        assert_eq!(answer.status, 303, "{answer:?}");
        assert_eq!((answer.header("cache-control"), answer.body.as_str()), ("no-store", ""));
        for kept in ["password", "horse", "form_token", &form[0].1] {
            assert!(!answer.location().contains(kept), "{answer:?}");
        }
    }
}
