//! The traffic: clients that get tokens, have them introspected, and show them to guards.
use super::{
    report::{Kind, Report},
    servers::{CLIENT, SECRET, Servers},
};
use anyhow::{Context, ensure};
use axum::routing::post;
use keyward_guard::{Guard, clock::Clock};
use reqwest::{RequestBuilder, header};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
/// Failures that are told in full.
const TOLD: usize = 10;

/// Listeners for an MCP server that verifies JWTs, and for one of opaque tokens; a third guard asks about JWTs.
pub struct Guards([TcpListener; 3]);

/// Where the guards answer, in the same order, and their time.
pub struct Guarded {
    urls: [String; 3],
    clock: Clock,
}

impl Guards {
    pub async fn bind() -> anyhow::Result<Self> {
        let bind = || TcpListener::bind("127.0.0.1:0");
        Ok(Self([bind().await?, bind().await?, bind().await?]))
    }

    /// Resource identifiers: of JWTs, of opaque tokens.
    pub fn resources(&self) -> [String; 2] {
        [url(&self.0[0]), url(&self.0[1])]
    }

    pub fn serve(self, issuer: &str) -> anyhow::Result<Guarded> {
        let (clock, [jwt, opaque], urls) = (Clock::default(), self.resources(), self.0.each_ref().map(url));
        let guards = [
            Guard::new(&jwt, issuer)?,
            Guard::new(&opaque, issuer)?.introspect("opaque", SECRET)?,
            Guard::new(&jwt, issuer)?.introspect("jwt", SECRET)?.require_signed_answers(),
        ];
        for (listener, guard) in self.0.into_iter().zip(guards) {
            let server = guard.clock(clock.clone()).protect(post(async || "reached"));
            tokio::spawn(async move { axum::serve(listener, server).await });
        }
        Ok(Guarded { urls, clock })
    }
}

fn url(listener: &TcpListener) -> String {
    let port = listener.local_addr().map_or(0, |address| address.port());
    format!("http://127.0.0.1:{port}/mcp")
}

pub struct Traffic {
    servers: Vec<String>,
    guarded: Guarded,
    resources: [String; 2],
    http: reqwest::Client,
    stopped: AtomicBool,
    /// Names of the keys that signed access tokens.
    kids: Mutex<BTreeSet<String>>,
    told: AtomicUsize,
}

impl Traffic {
    pub fn new(servers: &Servers, guarded: Guarded) -> anyhow::Result<Self> {
        let resources = [guarded.urls[0].clone(), guarded.urls[1].clone()];
        Ok(Self {
            servers: servers.addresses.clone(),
            guarded,
            resources,
            http: reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?,
            stopped: AtomicBool::new(false),
            kids: Mutex::default(),
            told: AtomicUsize::new(0),
        })
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub fn ten_minutes_later(&self) {
        self.guarded.clock.advance(time::Duration::minutes(10));
    }

    /// How many keys have signed access tokens so far.
    pub fn signed_with(&self) -> usize {
        self.kids.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How many keys all servers publish; 0 while they differ.
    pub async fn published(&self) -> usize {
        let mut counts = BTreeSet::new();
        for server in &self.servers {
            let answer = self.http.get(format!("{server}/jwks")).send().await;
            let Ok(answer) = answer else { return 0 };
            let keys = answer.json::<Value>().await.unwrap_or_default();
            counts.insert(keys["keys"].as_array().map_or(0, Vec::len));
        }
        if let (1, Some(count)) = (counts.len(), counts.first()) { *count } else { 0 }
    }

    /// A client, until the end. Each token is used at another server than the one it is from, and the first ones of
    /// all, signed with the first key, are used all the time.
    pub async fn client(self: Arc<Self>, number: usize) -> Report {
        let (mut report, mut first) = (Report::default(), None::<[String; 2]>);
        for round in number.. {
            if self.stopped.load(Ordering::Relaxed) {
                break;
            }
            let [issuing, asked] = [round, round + 1].map(|at| self.servers[at % self.servers.len()].as_str());
            let jwt = self.token(&mut report, Kind::TokenJwt, issuing, &self.resources[0]).await;
            let opaque = self.token(&mut report, Kind::TokenOpaque, issuing, &self.resources[1]).await;
            let (Some(jwt), Some(opaque)) = (jwt, opaque) else { continue };
            let [old_jwt, old_opaque] = first.get_or_insert_with(|| [jwt.clone(), opaque.clone()]);
            for jwt in [&jwt, &*old_jwt] {
                self.introspect(&mut report, Kind::IntrospectJwt, asked, "jwt", jwt).await;
                self.call(&mut report, Kind::GuardKeys, 0, jwt).await;
                self.call(&mut report, Kind::GuardAskingJwt, 2, jwt).await;
            }
            for opaque in [&opaque, &*old_opaque] {
                self.introspect(&mut report, Kind::IntrospectOpaque, asked, "opaque", opaque).await;
                self.call(&mut report, Kind::GuardAskingOpaque, 1, opaque).await;
            }
        }
        report
    }

    async fn token(&self, report: &mut Report, kind: Kind, server: &str, resource: &str) -> Option<String> {
        let (id, secret) = CLIENT;
        let form = form(&[("grant_type", "client_credentials"), ("resource", resource)]);
        let request = self.http.post(format!("{server}/token")).basic_auth(id, Some(secret)).body(form);
        let body = self.send(report, kind, request.header(header::CONTENT_TYPE, FORM), "access_token").await?;
        let token = serde_json::from_str::<Value>(&body).ok()?["access_token"].as_str()?.to_owned();
        if let Ok(header) = jsonwebtoken::decode_header(&token) {
            self.kids.lock().unwrap_or_else(PoisonError::into_inner).extend(header.kid);
        }
        Some(token)
    }

    async fn introspect(&self, report: &mut Report, kind: Kind, server: &str, id: &str, token: &str) {
        let request = self.http.post(format!("{server}/introspect")).basic_auth(id, Some(SECRET));
        let request = request.header(header::CONTENT_TYPE, FORM).body(form(&[("token", token)]));
        self.send(report, kind, request, "\"active\":true").await;
    }

    async fn call(&self, report: &mut Report, kind: Kind, guard: usize, token: &str) {
        let request = self.http.post(&self.guarded.urls[guard]).bearer_auth(token);
        let request = request.header(header::CONTENT_TYPE, "application/json").body(PING);
        self.send(report, kind, request, "reached").await;
    }

    /// The body, if status and body are as they should be.
    async fn send(&self, report: &mut Report, kind: Kind, request: RequestBuilder, good: &str) -> Option<String> {
        let begun = Instant::now();
        match answer(request, good).await {
            Ok(body) => {
                report.succeeded(kind, begun.elapsed());
                Some(body)
            }
            Err(error) => {
                report.failed(kind);
                if self.told.fetch_add(1, Ordering::Relaxed) < TOLD {
                    eprintln!("{kind:?}: {error:#}");
                }
                None
            }
        }
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn answer(request: RequestBuilder, good: &str) -> anyhow::Result<String> {
    let response = request.send().await.context("not sent")?;
    let status = response.status();
    let body = response.text().await.context("not read")?;
    ensure!(status == 200 && body.contains(good), "{status} {body}");
    Ok(body)
}
