//! Table `answered_forms`.
use super::{a_pair, answered, event, new_code, new_grant, now};
use crate::support::db::fresh_db;
use keyward::{
    model::{AnsweredForm, FormAnswer},
    secrets::Digest,
    storage::{answered_forms, codes, grants},
};
use time::Duration;

#[tokio::test]
async fn the_first_answer_to_a_form_stays_for_an_hour() {
    let db = fresh_db().await;
    let answer = FormAnswer::Consent {
        allowed: true,
        client_id: "c".into(),
        redirect_uri: "https://client.example/cb".into(),
        state: Some("é\"".into()),
    };
    let first = AnsweredForm { answer, ..answered("f") };
    assert!(answered_forms::insert(&db, &first).await.unwrap());
    assert!(!answered_forms::insert(&db, &answered("f")).await.unwrap());
    let stored = answered_forms::find(&db, &first.form_hash).await.unwrap().unwrap();
    assert_eq!(format!("{stored:?}"), format!("{first:?}"));
    assert!(answered_forms::find(&db, &Digest::of("other")).await.unwrap().is_none());
    assert_eq!(answered_forms::sweep(&db, now() + Duration::hours(1)).await.unwrap(), 0);
    assert_eq!(answered_forms::sweep(&db, now() + Duration::seconds(3_601)).await.unwrap(), 1);
    assert!(answered_forms::find(&db, &first.form_hash).await.unwrap().is_none());
}

#[tokio::test]
async fn a_yes_by_a_form_that_said_no_grants_nothing() {
    let db = fresh_db().await;
    let (client, user) = a_pair(&db).await;
    let no = answered("f");
    assert!(answered_forms::insert(&db, &no).await.unwrap());
    let grant = new_grant(&client, &user);
    let code = new_code(&grant);
    assert!(!grants::authorize(&db, &grant, &code, Some(&no), &[], &event("approval")).await.unwrap());
    assert!(grants::find(&db, grant.id).await.unwrap().is_none());
    assert!(codes::find(&db, &code.code_hash).await.unwrap().is_none());
}
