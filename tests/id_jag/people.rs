//! Whom an identity assertion is about: an account that is known, one that its address finds, or a new one.
use crate::support::{
    app::{Answer, TestApp},
    client_key::with,
    issuer::{IDP, Trusting},
};
use keyward::{
    model::UserId,
    storage::{subject_links, users},
};
use serde_json::{Value, json};

const CREATE: &str = "create_users = true\nlink_by_email = ['people.example']";

#[tokio::test]
async fn a_person_is_known_by_issuer_tenant_and_subject_whatever_becomes_of_the_address() {
    let idp = Trusting::start().await;
    let sub = async |changes: Value| {
        let answer = idp.redeem(&idp.assertion(&changes), &[]).await;
        (answer.status == 200).then(|| TestApp::claims(&answer.json()["access_token"])["sub"].clone())
    };
    let alice = json!(idp.t.user_named("alice").await.id.to_string());
    assert_eq!(sub(json!({"email": "ALICE@People.example"})).await, Some(alice.clone()));
    for changes in [json!({"email": null}), json!({"email": "bob@people.example"})] {
        assert_eq!(sub(changes).await, Some(alice.clone()));
    }
    // The address was given to somebody else: that is not alice.
    assert_eq!(sub(json!({"sub": "00u2"})).await, None);
    // Nor is the same subject of another tenant, whom nothing links.
    assert_eq!(sub(json!({"tenant": "acme", "email": null})).await, None);
    assert_eq!(sub(json!({"tenant": "acme"})).await, Some(alice));
}

#[tokio::test]
async fn an_address_links_only_where_the_issuer_answers_for_it_and_means_one_account() {
    let idp = Trusting::start().await;
    let root = idp.t.user_named("root").await;
    for (name, email) in [("twin", "Root@people.example"), ("dave", "dave@evil.example")] {
        let mut user = keyward::people::sign_in::new_user(&idp.t.app, name, "x", root.role).await.unwrap();
        user.email = Some(email.into());
        users::insert(idp.db(), &user).await.unwrap();
    }
    for changes in [
        json!({"email": "dave@evil.example"}),
        json!({"email": "alice@evil.example"}),
        json!({"email": "alice@people.example.evil.example"}),
        json!({"email": "alice@evil.example@sub.people.example"}),
        json!({"email": "people.example"}),
        json!({"email": ["alice@people.example"]}),
        json!({"email": null}),
        json!({"email_verified": false}),
        json!({"email_verified": "true"}),
        json!({"email": "root@people.example"}),
        json!({"email": null, "aud_sub": root.id.to_string()}),
    ] {
        idp.redeem(&idp.assertion(&changes), &[]).await.refused(400, "invalid_grant");
    }
    assert!(subject_links::find(idp.db(), IDP, "", "00u1").await.unwrap().is_none());
    let verified = idp.assertion(&json!({"email_verified": true}));
    assert_eq!(idp.redeem(&verified, &[]).await.status, 200);
}

#[tokio::test]
async fn an_issuer_that_may_says_outright_which_account_is_meant() {
    let idp = Trusting::with("link_by_aud_sub = true").await;
    let bob = idp.t.user_named("bob").await;
    let meant = |id: String| idp.assertion(&json!({"aud_sub": id}));
    for wrong in [UserId::new().to_string(), "bob".into(), String::new()] {
        idp.redeem(&meant(wrong), &[]).await.refused(400, "invalid_grant");
    }
    let tokens = idp.redeem(&meant(bob.id.to_string()), &[]).await.json();
    assert_eq!(TestApp::claims(&tokens["access_token"])["sub"], bob.id.to_string());
}

#[tokio::test]
async fn somebody_new_gets_an_account_where_the_operator_says_so_and_nothing_is_made_in_vain() {
    let idp = Trusting::with(CREATE).await;
    let find = async |sub: &'static str| subject_links::find(idp.db(), IDP, "", sub).await.unwrap();
    let carol = json!({"sub": "00u9", "email": "carol@people.example", "name": "Carol\u{202e} C."});
    for (wrong, more) in [
        (json!({"scope": "unknown"}), vec![]),
        (json!({"resource": "https://elsewhere.example"}), vec![]),
        (json!({}), vec![("scope", "mcp:write")]),
        (json!({"scope": "mcp:admin"}), vec![]),
    ] {
        let answer = idp.redeem(&idp.assertion(&with(carol.clone(), &wrong)), &more).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(find("00u9").await.is_none());
    }
    let first = idp.redeem(&idp.assertion(&carol), &[]).await.json();
    let user = find("00u9").await.unwrap();
    assert_eq!((user.username.as_str(), user.name.as_deref()), ("carol@people.example", Some("Carol C.")));
    assert_eq!(user.email.as_deref(), Some("carol@people.example"));
    let again = idp.redeem(&idp.assertion(&carol), &[]).await.json();
    for tokens in [first, again] {
        assert_eq!(TestApp::claims(&tokens["access_token"])["sub"], user.id.to_string());
    }
    // An address that it does not answer for is neither a name here nor kept.
    let dave = json!({"sub": "00u8", "email": "dave@evil.example"});
    assert_eq!(idp.redeem(&idp.assertion(&dave), &[]).await.status, 200);
    let user = find("00u8").await.unwrap();
    assert!(user.username.starts_with("user-") && user.email.is_none(), "{user:?}");
    // Nor does a name that is taken bring the account that has it.
    let taken = json!({"sub": "00u7", "email": "CAROL@people.example"});
    assert_eq!(idp.redeem(&idp.assertion(&taken), &[]).await.status, 200);
    assert!(find("00u7").await.unwrap().username.starts_with("user-"));
}

#[tokio::test]
async fn of_many_first_assertions_at_once_one_makes_the_account() {
    let idp = Trusting::with(CREATE).await;
    let new = || idp.assertion(&json!({"sub": "00u9", "email": "carol@people.example"}));
    let (one, two) = (new(), new());
    let (a, b, c) = tokio::join!(idp.redeem(&one, &[]), idp.redeem(&two, &[]), idp.redeem(&two, &[]));
    let sub = |answer: &Answer| {
        assert_eq!(answer.status, 200, "{answer:?}");
        TestApp::claims(&answer.json()["access_token"])["sub"].clone()
    };
    let subs = [a, b, c].each_ref().map(sub);
    assert!(subs.iter().all(|sub| *sub == subs[0]), "{subs:?}");
}

#[tokio::test]
async fn a_disabled_account_stays_out_and_is_not_made_anew() {
    let idp = Trusting::with(CREATE).await;
    let now = idp.t.app.clock.now();
    let bob = idp.t.user_named("bob").await;
    idp.t.db.set_user_disabled(bob.id, Some(now)).await;
    let new = idp.assertion(&json!({"email": "bob@people.example"}));
    idp.redeem(&new, &[]).await.refused(400, "invalid_grant");
    assert!(subject_links::find(idp.db(), IDP, "", "00u1").await.unwrap().is_none());

    let assertion = idp.assertion(&json!({}));
    let tokens = idp.redeem(&assertion, &[]).await.json();
    let alice = idp.t.user_named("alice").await;
    idp.t.db.set_user_disabled(alice.id, Some(now)).await;
    idp.redeem(&assertion, &[]).await.refused(400, "invalid_grant");
    let seen = idp.t.introspect(tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(seen, json!({"active": false}));
}
