//! Another node: a separate process on the same database, possibly with its own clock.
use super::app::{Answer, TestApp, encode, send};
use axum::{Router, body::Body, http::Request};
use keyward::{app::App, clock::Clock, http::router, model::ClientId, storage::Db};
use std::sync::Arc;
use time::Duration;

#[derive(Clone)]
pub struct Node {
    pub app: Arc<App>,
    router: Router,
}

impl Node {
    pub async fn beside(test: &TestApp) -> Self {
        Self::at(test, test.app.clock.clone()).await
    }

    /// Whose clock differs by so much.
    pub async fn off_by(test: &TestApp, difference: Duration) -> Self {
        Self::at(test, another_clock(&test.app.clock, difference)).await
    }

    pub async fn at(test: &TestApp, clock: Clock) -> Self {
        Self::with(test, Db::open(&test.db.url).await.unwrap(), clock).await
    }

    /// That reaches the database by a way of its own.
    pub async fn on(test: &TestApp, db: Db) -> Self {
        Self::with(test, db, test.app.clock.clone()).await
    }

    async fn with(test: &TestApp, db: Db, clock: Clock) -> Self {
        let app: Arc<App> = Arc::from(Box::pin(App::build(test.app.config.clone(), db, clock)).await.unwrap());
        Self { router: router(app.clone()), app }
    }

    /// The node the test itself runs.
    pub fn itself(test: &TestApp) -> Self {
        Self { app: test.app.clone(), router: router(test.app.clone()) }
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.post_with(path, form, &[]).await
    }

    pub async fn post_with(&self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(&self.router, request.body(Body::from(encode(form))).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(&self.router, Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub async fn refresh(&self, client: &ClientId, refresh_token: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("client_id", client.as_str()), ("refresh_token", refresh_token)];
        self.post("/token", &form).await
    }
}

/// One that is moved by itself, and differs by so much from this one.
pub fn another_clock(clock: &Clock, difference: Duration) -> Clock {
    let another = Clock::stopped();
    another.advance(clock.now() - another.now() + difference);
    another
}
