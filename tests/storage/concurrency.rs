//! Concurrent callers, some of whom disconnect before their response.
use super::{a_grant, a_pair, answered, event, idle_since, new_client, new_code, new_consent, new_grant, now};
use crate::support::db::{fresh_db, fresh_postgres, fresh_sqlite};
use keyward::{
    model::{Client, Code, Consent, Grant, Role, User},
    secrets::{self, Digest},
    storage::{
        Db, codes, consents, grants, revoked_tokens,
        setup_tokens::{self, StoredSetupLink},
        users::{self, SetupTokenUse},
    },
};
use sqlx::{Connection, SqliteConnection};
use std::{future::Future, future::poll_fn, pin::pin, task::Poll};
use time::Duration;
use tokio::task::JoinSet;

/// Runs all at once, on all threads.
async fn all<T: Send + 'static>(futures: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    futures.into_iter().collect::<JoinSet<_>>().join_all().await
}

/// Polls so many times and then drops, as a server does when the client hangs up.
async fn abandon_after<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut left) = (pin!(future), polls);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_writers_at_once_all_succeed_and_read_what_they_wrote() {
    let db = fresh_db().await;
    let answers = all((0..64).map(|writer| {
        let db = (*db).clone();
        async move {
            for turn in 0..8 {
                let jti = format!("{writer}.{turn}");
                revoked_tokens::insert(&db, &jti, now()).await.unwrap();
                assert!(revoked_tokens::contains(&db, &jti).await.unwrap());
            }
            let (grant, code) = a_grant(&db).await;
            assert!(grants::find(&db, grant.id).await.unwrap().is_some());
            assert!(codes::consume(&db, &code.code_hash, now(), 5, None).await.unwrap());
        }
    }))
    .await;
    assert_eq!(answers.len(), 64);
    assert_eq!(revoked_tokens::sweep(&db, now()).await.unwrap(), 64 * 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_rotations_of_one_token_one_succeeds() {
    let db = fresh_db().await;
    let (grant, _) = a_grant(&db).await;
    let answers = all((0..50).map(|_| {
        let (db, grant, next) = ((*db).clone(), grant.clone(), Digest::of(secrets::random()));
        async move {
            let (by, hashes) = (grants::Refresher::default(), [&grant.refresh_hash, &next]);
            grants::rotate(
                &db,
                grant.id,
                &grants::Rotation { generation: 1, hashes, jkt: None, by: &by },
                now(),
                idle_since(),
            )
            .await
            .unwrap()
        }
    }))
    .await;
    let rotated: Vec<_> = answers.into_iter().flatten().collect();
    assert_eq!(rotated.len(), 1);
    assert_eq!(grants::find(&db, grant.id).await.unwrap().unwrap().refresh_hash, rotated[0].refresh_hash);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_exchanges_of_one_code_one_succeeds() {
    let db = fresh_db().await;
    let (_, code) = a_grant(&db).await;
    let answers = all((0..50).map(|_| {
        let (db, hash) = ((*db).clone(), code.code_hash.clone());
        async move { codes::consume(&db, &hash, now(), 5, None).await.unwrap() }
    }))
    .await;
    assert_eq!(answers.into_iter().filter(|consumed| *consumed).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_sendings_of_one_decision_one_grants() {
    let db = fresh_db().await;
    let (client, user) = a_pair(&db).await;
    let answers = all((0..50).map(|_| {
        let (db, grant) = ((*db).clone(), new_grant(&client, &user));
        async move {
            grants::authorize(&db, &grant, &new_code(&grant), Some(&answered("d")), &[], &event("approval"))
                .await
                .unwrap()
        }
    }))
    .await;
    assert_eq!(answers.into_iter().filter(|granted| *granted).count(), 1);
    assert_eq!(grants::find_by_user(&db, user.id).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_ten_who_use_one_setup_token_one_becomes_administrator() {
    let db = fresh_db().await;
    let setup = Digest::of("setup");
    let link = StoredSetupLink {
        token_hash: setup.clone(),
        seed: Some(vec![1]),
        recovers: false,
        expires_at: now() + Duration::hours(1),
        created_at: now(),
    };
    setup_tokens::replace(&db, &link).await.unwrap();
    let answers = all((0..10).map(|number| {
        let (db, setup) = ((*db).clone(), setup.clone());
        let user = User { role: Role::Admin, ..super::new_user(&format!("admin{number}")) };
        async move { users::make_admin(&db, &user, &setup, now(), None).await.unwrap() }
    }))
    .await;
    assert_eq!(answers.into_iter().filter(|made| *made == SetupTokenUse::Created).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_failing_operation_does_not_fail_its_neighbours() {
    let db = fresh_db().await;
    let (client, user) = a_pair(&db).await;
    let answers = all((0..64).map(|number| {
        let (db, client, user) = ((*db).clone(), client.clone(), user.clone());
        async move {
            let bad = number % 2 == 1;
            let grant = new_grant(&client, &user);
            let mut consent = new_consent(&grant);
            if bad {
                consent.client_id = new_client().id;
            }
            let answer = grants::authorize(
                &db,
                &grant,
                &new_code(&grant),
                None,
                std::slice::from_ref(&consent),
                &event("approval"),
            )
            .await;
            assert_eq!(answer.is_err(), bad);
            assert_eq!(grants::find(&db, grant.id).await.unwrap().is_none(), bad);
        }
    }))
    .await;
    assert_eq!(answers.len(), 64);
    assert_eq!(grants::find_by_user(&db, user.id).await.unwrap().len(), 32);
}

/// An authorization that may or may not have happened, each for a resource of its own.
struct Authorization {
    grant: Grant,
    code: Code,
    consent: Consent,
}

impl Authorization {
    fn new(client: &Client, user: &User, number: usize) -> Self {
        let grant = new_grant(client, user);
        let (code, mut consent) = (new_code(&grant), new_consent(&grant));
        consent.resource = format!("https://mcp.example/{number}");
        Self { grant, code, consent }
    }

    async fn store(&self, db: &Db) -> bool {
        grants::authorize(db, &self.grant, &self.code, None, std::slice::from_ref(&self.consent), &event("approval"))
            .await
            .unwrap()
    }

    /// Whether grant, code and consent are there; panics if only some are.
    async fn is_whole(&self, db: &Db) -> bool {
        let Self { grant, code, consent } = self;
        let parts = [
            grants::find(db, grant.id).await.unwrap().is_some(),
            codes::find(db, &code.code_hash).await.unwrap().is_some(),
            consents::find(db, grant.user_id, &grant.client_id, &consent.resource).await.unwrap().is_some(),
        ];
        assert!(parts == [true; 3] || parts == [false; 3], "half an authorization was left behind: {parts:?}");
        parts[0]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn operations_abandoned_at_any_point_among_others_are_whole_or_nothing_and_harm_nobody() {
    let db = fresh_db().await;
    let (client, user) = a_pair(&db).await;
    // All come at once, and nobody is told to come back later.
    let patient = match &*db {
        Db::Sqlite(_) => (*db).clone(),
        Db::Postgres(pool) => {
            let options = pool.options().clone().acquire_timeout(std::time::Duration::from_secs(10));
            Db::Postgres(options.connect_lazy_with(pool.connect_options().as_ref().clone()))
        }
    };
    let authorizations = all((0..400).map(|number: usize| {
        let (db, authorization) = (patient.clone(), Authorization::new(&client, &user, number));
        async move {
            let answered = abandon_after(number % 20, authorization.store(&db)).await;
            let jti = number.to_string();
            revoked_tokens::insert(&db, &jti, now()).await.unwrap();
            assert!(revoked_tokens::contains(&db, &jti).await.unwrap());
            (authorization, answered)
        }
    }))
    .await;
    // Closing waits for a COMMIT that nobody waited for.
    patient.close().await.unwrap();
    let db = Db::open(&db.url).await.unwrap();
    let mut stored = 0;
    for (authorization, answered) in &authorizations {
        let whole = authorization.is_whole(&db).await;
        assert!(whole || answered.is_none(), "what was acknowledged was lost");
        stored += usize::from(whole);
    }
    assert!(stored < authorizations.len(), "some were abandoned before they were stored");
    assert_eq!(revoked_tokens::sweep(&db, now()).await.unwrap(), 400);
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn operations_abandoned_one_after_another_are_whole_or_nothing_and_leave_the_writer_usable() {
    let db = fresh_db().await;
    let (client, user) = a_pair(&db).await;
    let mut authorizations = vec![];
    for number in 0..60 {
        let authorization = Authorization::new(&client, &user, number);
        abandon_after(number % 20, authorization.store(&db)).await;
        authorizations.push(authorization);
        abandon_after(number % 4, revoked_tokens::insert(&db, "abandoned", now())).await;
        revoked_tokens::insert(&db, &number.to_string(), now()).await.unwrap();
    }
    db.close().await.unwrap();
    let db = Db::open(&db.url).await.unwrap();
    for (number, authorization) in authorizations.iter().enumerate() {
        authorization.is_whole(&db).await;
        assert!(revoked_tokens::contains(&db, &number.to_string()).await.unwrap());
    }
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_write_that_was_given_up_while_another_program_wrote_is_not_made_when_that_has_ended() {
    let db = fresh_sqlite().await;
    let (_, code) = a_grant(&db).await;
    let mut other = SqliteConnection::connect(&db.url).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let consumed = abandon_after(1, codes::consume(&db, &code.code_hash, now(), 5, None)).await;
    assert!(consumed.is_none(), "it waits");
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    revoked_tokens::insert(&db, "after", now()).await.unwrap();
    assert!(codes::find(&db, &code.code_hash).await.unwrap().unwrap().consumed_at.is_none());
    assert!(codes::consume(&db, &code.code_hash, now(), 5, None).await.unwrap());
}

#[tokio::test]
#[ignore = "PostgreSQL alone"]
async fn a_transaction_that_a_test_leaves_open_holds_up_nobody_when_its_schema_goes() {
    let db = fresh_postgres().await;
    let Db::Postgres(pool) = &*db else { unreachable!() };
    let mut left_open = pool.begin().await.unwrap();
    sqlx::query("SELECT count(*) FROM users").execute(&mut *left_open).await.unwrap();
    std::mem::forget(left_open);
}
