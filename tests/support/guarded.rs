//! A server on a socket, and an MCP server whose guard fetches its keys there.
use super::{
    app::{Answer, CALLBACK, MCP, PASSWORD, TestApp, authorize_path, send},
    db::fresh_db,
    node::another_clock,
    remote::Address,
};
use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::{self, Next},
    routing::post,
};
use keyward::{app::App, http::router, model::ClientId};
use keyward_guard::{Guard, clock::Clock};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use time::{Duration, OffsetDateTime};

pub struct Guarded {
    pub t: TestApp,
    pub at: Address,
    guard: Router,
    guards_clock: Clock,
    /// When the guard fetched the keys.
    pub fetched_at: Arc<Mutex<Vec<OffsetDateTime>>>,
}

impl Guarded {
    pub async fn start(more: &str) -> Self {
        Self::built(more, |_| {}, |guard| guard).await
    }

    /// With a guard of one's own making.
    pub async fn with(more: &str, set: impl FnOnce(Guard) -> Guard) -> Self {
        Self::built(more, |_| {}, set).await
    }

    /// With tools exchanged before the first request.
    pub async fn prepared(more: &str, prepare: impl FnOnce(&mut App)) -> Self {
        Self::built(more, prepare, |guard| guard).await
    }

    async fn built(more: &str, prepare: impl FnOnce(&mut App), set: impl FnOnce(Guard) -> Guard) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let at = Address::new(port);
        let t = TestApp::prepared(fresh_db().await, &format!("issuer = {:?}\n{more}", at.issuer), prepare).await;
        let (fetched_at, clock) = (Arc::new(Mutex::new(vec![])), t.app.clock.clone());
        let seen = fetched_at.clone();
        let watched = router(t.app.clone()).layer(middleware::from_fn(move |request: Request, next: Next| {
            if request.uri().path() == "/jwks" {
                seen.lock().unwrap().push(clock.now());
            }
            next.run(request)
        }));
        let service = watched.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        let guards_clock = another_clock(&t.app.clock, Duration::ZERO);
        let guard = guard(&at, &guards_clock, set);
        Self { t, at, guard, guards_clock, fetched_at }
    }

    /// A guard beside the first, set up otherwise; for [`call_through`].
    pub fn another(&self, set: impl FnOnce(Guard) -> Guard) -> Router {
        guard(&self.at, &self.guards_clock, set)
    }

    /// Moves everybody's clock.
    pub fn advance(&self, by: Duration) {
        self.guards_clock.advance(by);
        self.t.app.clock.advance(by);
    }

    /// Tokens that alice allowed a public client to have.
    pub async fn tokens(&self, client: &str) -> (ClientId, Value) {
        let client = self.t.public_client(client, &[CALLBACK]).await;
        let mut alice = self.at.signed_in("alice", PASSWORD).await;
        let request = authorize_path(&client, &[("scope", "openid mcp:read")]);
        let code = alice.approve(&request).await.returned("code").unwrap();
        let answer = self.at.redeem(client.as_str(), &code).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        (client, answer.json())
    }

    /// What the guard says to a request with this token.
    pub async fn call(&self, token: &str) -> Answer {
        call_through(&self.guard, token).await
    }

    pub async fn ask(&self, token: &str, message: &Value) -> Answer {
        ask_through(&self.guard, token, message).await
    }
}

fn guard(at: &Address, clock: &Clock, set: impl FnOnce(Guard) -> Guard) -> Router {
    set(Guard::new(MCP, &at.issuer).unwrap().clock(clock.clone())).protect(post(async || "reached"))
}

/// What this guard says to a request with this token.
pub async fn call_through(guard: &Router, token: &str) -> Answer {
    ask_through(guard, token, &json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await
}

async fn ask_through(guard: &Router, token: &str, message: &Value) -> Answer {
    let request = Request::post("/mcp").header("host", "mcp.example").header("content-type", "application/json");
    let request = request.header("authorization", format!("Bearer {token}"));
    send(guard, request.body(Body::from(message.to_string())).unwrap()).await
}
