//! Lists for operators: filtered by name or id, in pages.
use crate::support::{
    app::{TestApp, operator},
    tokens::family,
};
use keyward::{
    model::{Role, User},
    operations::{
        OperationError, OperationResult, Page, Paging, clients, consents, grants, registration_tokens, users,
    },
    people::sign_in::new_user,
    storage,
};
use std::collections::BTreeSet;
use time::Duration;

/// Every row of a list, in pages of `limit`.
async fn walk<T>(
    limit: u32,
    list: impl AsyncFn(Paging) -> OperationResult<Page<T>>,
    id: impl Fn(&T) -> String,
) -> Vec<String> {
    let (mut ids, mut after) = (vec![], None);
    loop {
        let page = list(Paging { limit, after }).await.unwrap();
        assert!(page.rows.len() <= usize::try_from(limit).unwrap());
        ids.extend(page.rows.iter().map(&id));
        match page.next {
            Some(next) => after = Some(next),
            None => return ids,
        }
    }
}

/// The same rows in the same order, however large the pages are.
macro_rules! is_walked {
    ($count:expr, $list:expr, $id:expr) => {
        let whole = walk(100, $list, $id).await;
        assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), $count, "{whole:?}");
        for limit in [1, 2, $count] {
            assert_eq!(walk(limit, $list, $id).await, whole, "{limit}");
        }
        for place in ["nothing", ""] {
            let wrong = $list(Paging { limit: 2, after: Some(place.to_owned()) }).await;
            assert!(!matches!(wrong, Ok(_) | Err(OperationError::Failed(_))), "{place:?}");
        }
    };
}

#[tokio::test]
async fn each_list_is_walked_page_after_page_and_refuses_a_place_that_is_none() {
    let t = TestApp::start().await;
    for id in ["one", "two", "three"] {
        family(&t, id).await;
        let wanted = registration_tokens::TokenLimits { uses: 1, expires_in: Duration::DAY, scope: None };
        registration_tokens::make(&t.app, &operator(), &wanted).await.unwrap();
    }
    let app = &t.app;
    let of_users = async |paging| users::list(app, &users::Filter::default(), &paging).await;
    is_walked!(3, of_users, |user| user.id.to_string());
    let of_clients = async |paging| clients::list(app, &clients::Filter::default(), &paging).await;
    is_walked!(3, of_clients, |client| client.id.to_string());
    let of_grants = async |paging| grants::list(app, &grants::Filter::default(), &paging).await;
    is_walked!(3, of_grants, |record| record.grant.id.to_string());
    let of_consents = async |paging| consents::list(app, &consents::Filter::default(), &paging).await;
    is_walked!(3, of_consents, |record| record.consent.client_id.to_string());
    let of_tokens = async |paging| registration_tokens::list(app, &paging).await;
    is_walked!(3, of_tokens, |token| token.token_hash.fingerprint());
}

async fn insert(t: &TestApp, name: &str) -> User {
    let user = User { username: name.to_owned(), ..new_user(&t.app, "x", "y", Role::User).await.unwrap() };
    assert!(storage::users::insert(&t.db, &user).await.unwrap());
    user
}

#[tokio::test]
async fn somebody_is_found_by_name_or_id_and_nobody_by_calling_themselves_by_anothers_id() {
    let t = TestApp::start().await;
    let alice = t.user_named("alice").await;
    let mallory = insert(&t, &alice.id.to_string()).await;
    for (named, id) in [
        ("alice", alice.id),
        ("ALICE", alice.id),
        (&alice.id.to_string(), alice.id),
        (&mallory.id.to_string(), mallory.id),
    ] {
        assert_eq!(users::find(&t.app, named).await.unwrap().id, id, "{named}");
    }
    // A name that looks like an id, which nobody has.
    let odd = insert(&t, "0123456789abcdef0123456789abcdef").await;
    assert_eq!(users::find(&t.app, &odd.username).await.unwrap().id, odd.id);
}

#[tokio::test]
async fn a_slip_is_told_with_the_name_that_was_surely_meant() {
    let t = TestApp::start().await;
    for (named, said) in [
        ("alcie", "\"alcie\"; did you mean \"alice\"?"),
        ("Rooot", "\"Rooot\"; did you mean \"root\"?"),
        ("zebedee", "nobody has this username or id: \"zebedee\""),
        ("a\x1b[2J", "\"a\\u{1b}[2J\""),
    ] {
        let refusal = users::find(&t.app, named).await.unwrap_err().to_string();
        assert!(refusal.ends_with(said), "{refusal}");
    }
}
