//! Attacks on PKCE: a verifier that is missing, weak, or guessed from what the browser saw.
use super::on_record;
use crate::support::{
    app::{CALLBACK, CHALLENGE, TestApp, VERIFIER, authorize_path, basic, challenge},
    grants::{nothing_was_granted, sent_back},
};
use keyward::{
    model::{Code, Grant, GrantId, Scopes},
    secrets::{AuthorizationCode, Digest},
    storage::grants,
};

/// Asserts that such a request gets an error and no code, from a public and a confidential client alike.
async fn refused_at_authorize(requests: &[&[(&str, &str)]]) {
    let t = TestApp::start().await;
    let clients = [t.public_client("public", &[CALLBACK]).await, t.confidential_client("web", "secret").await];
    let mut alice = t.signed_in("alice").await;
    for more in requests {
        for client in &clients {
            let path = authorize_path(client, more);
            sent_back(&alice.get(&path).await, CALLBACK, "invalid_request");
            sent_back(&t.get(&path).await, CALLBACK, "invalid_request");
        }
    }
    nothing_was_granted(&t).await;
}

#[tokio::test]
async fn attack_26_a_request_without_a_challenge_is_refused() {
    // A nonce is no substitute.
    let without: [&[(&str, &str)]; 3] = [
        &[("code_challenge", "")],
        &[("code_challenge", ""), ("code_challenge_method", "")],
        &[("code_challenge", ""), ("nonce", "n"), ("scope", "openid")],
    ];
    refused_at_authorize(&without).await;
}

#[tokio::test]
async fn attack_27_a_challenge_that_is_not_hashed_is_refused() {
    let plain: [&[(&str, &str)]; 5] = [
        &[("code_challenge_method", "")],
        &[("code_challenge_method", "plain")],
        &[("code_challenge_method", "s256")],
        &[("code_challenge_method", "S512")],
        &[("code_challenge_method", "plain"), ("code_challenge", VERIFIER)],
    ];
    refused_at_authorize(&plain).await;
}

#[tokio::test]
async fn attack_28_a_challenge_that_is_no_sha256_is_refused() {
    let short = &CHALLENGE[..42];
    let mut malformed = vec![short.to_owned(), format!("{CHALLENGE}A"), format!("{CHALLENGE}=")];
    malformed.extend(["=", "+", "/", " ", "."].map(|last| format!("{short}{last}")));
    let requests: Vec<_> = malformed.iter().map(|one| [("code_challenge", one.as_str())]).collect();
    let requests: Vec<&[(&str, &str)]> = requests.iter().map(|one| &one[..]).collect();
    refused_at_authorize(&requests).await;
}

#[tokio::test]
async fn attack_29_a_code_without_its_verifier_is_worth_nothing() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let code = t.code(&client, &[]).await;
    t.redeem_with(&client, &code, &[]).await.refused(400, "invalid_grant");
    t.redeem_with(&client, &code, &[("code_verifier", "")]).await.refused(400, "invalid_grant");
    assert_eq!(on_record(&t, &code).await.consumed_at, None);
    assert_eq!(t.redeem(&client, &code).await.status, 200);

    // A secret is no substitute.
    let web = t.confidential_client("web", "secret").await;
    let code = t.code(&web, &[]).await;
    let form = [("grant_type", "authorization_code"), ("code", &code)];
    let secret = [("authorization", &*basic("web", "secret"))];
    t.post_with("/token", &form, &secret).await.refused(400, "invalid_grant");
    let whole = [&form[..], &[("code_verifier", VERIFIER)]].concat();
    assert_eq!(t.post_with("/token", &whole, &secret).await.status, 200);
}

#[tokio::test]
async fn attack_30_a_challenge_stripped_on_the_way_brings_no_code_and_no_tokens() {
    let stripped: [&[(&str, &str)]; 1] = [&[("code_challenge", ""), ("code_challenge_method", "")]];
    refused_at_authorize(&stripped).await;

    // Even if a code without a challenge were on record, nothing would redeem it.
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let (secret, now) = (AuthorizationCode::random(), t.app.clock.now());
    let later = now + time::Duration::minutes(1);
    let grant = Grant {
        id: GrantId::new(),
        client_id: client.clone(),
        user_id: t.user_named("alice").await.id,
        grant_type: "authorization_code".into(),
        scopes: Scopes::parse("mcp:read").unwrap(),
        resources: vec![],
        auth_time: now,
        acr: None,
        created_at: now,
        expires_at: later,
        revoked_at: None,
        generation: 1,
        refresh_hash: Digest::of(""),
        refreshed_at: now,
        dpop_jkt: None,
    };
    let code = Code {
        code_hash: secret.digest(),
        grant_id: grant.id,
        client_id: client.clone(),
        redirect_uri: CALLBACK.into(),
        code_challenge: String::new(),
        nonce: None,
        expires_at: later,
        consumed_at: None,
        failures: 0,
        dpop_jkt: None,
    };
    let approval = keyward::audit::Event::new(keyward::events::EventType::Approval).happened(&t.app.audit);
    assert!(grants::authorize(&t.db, &grant, &code, None, &[], &approval).await.unwrap());
    t.redeem_with(&client, secret.expose(), &[]).await.refused(400, "invalid_grant");
    t.redeem(&client, secret.expose()).await.refused(400, "invalid_grant");
    assert_eq!(on_record(&t, secret.expose()).await.consumed_at, None);
}

#[tokio::test]
async fn attack_31_the_challenge_itself_is_no_verifier() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let code = t.code(&client, &[]).await;
    let seen = ("code_verifier", CHALLENGE);
    let tries: [&[(&str, &str)]; 3] = [
        &[seen],
        &[seen, ("code_challenge_method", "plain")],
        &[seen, ("code_challenge", CHALLENGE), ("code_challenge_method", "plain")],
    ];
    for more in tries {
        t.redeem_with(&client, &code, more).await.refused(400, "invalid_grant");
    }
    assert_eq!(on_record(&t, &code).await.consumed_at, None);
    assert_eq!(t.redeem(&client, &code).await.status, 200);
}

#[tokio::test]
async fn attack_32_a_verifier_outside_the_grammar_fails_although_its_hash_is_right() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let of = |length: usize| "v".repeat(length);
    let (spaced, accented) = (format!("{} ", of(42)), format!("{}ä", of(43)));
    for (verifier, good) in [
        (of(42), false),
        (of(129), false),
        (spaced, false),
        (accented, false),
        (format!("{}+", of(43)), false),
        (of(43), true),
        (of(128), true),
        (format!("{}-._~", of(43)), true),
    ] {
        let code = t.code(&client, &[("code_challenge", &challenge(&verifier))]).await;
        let answer = t.redeem_with(&client, &code, &[("code_verifier", &verifier)]).await;
        if good {
            assert_eq!(answer.status, 200, "{verifier}: {answer:?}");
        } else {
            answer.refused(400, "invalid_grant");
            assert_eq!(on_record(&t, &code).await.consumed_at, None);
        }
    }
}

#[tokio::test]
async fn attack_32_a_verifier_cannot_be_guessed_at_for_long() {
    let t = TestApp::start().await;
    let client = t.public_client("c", &[CALLBACK]).await;
    let wrong = "w".repeat(43);
    for (guesses, good) in [(4, true), (5, false)] {
        let code = t.code(&client, &[]).await;
        for _ in 0..guesses {
            t.redeem_with(&client, &code, &[("code_verifier", &wrong)]).await.refused(400, "invalid_grant");
        }
        let answer = t.redeem(&client, &code).await;
        assert_eq!(answer.status, if good { 200 } else { 400 }, "{answer:?}");
    }
}
