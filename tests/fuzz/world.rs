//! A server to send inputs to, and checks that all its responses must pass.
use crate::support::{
    app::{Answer, CALLBACK, ISSUER, PASSWORD, TestApp},
    browser::Browser,
    db::fresh_sqlite,
    internet::Internet,
};
use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, Uri},
};
use keyward::{
    fetch::Fetcher,
    model::{Client, ClientId},
    storage::clients,
};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU32, Ordering},
};
use tokio::sync::Mutex;

/// No budget stands between an input and the parsers it is meant for.
const SETTINGS: &str = "
registration.burst = 1000000000
registration.max_unused = 1000000000
registration.client_credentials = true
sessions.lifetime = 99999999
resources.other.exchange = [{ client = 'secret', from = 'https://mcp.example/mcp', scopes = { 'mcp:read' = 'other:read' } }]
";

const PLACES: &[&str] = &[
    "/",
    "/authorize",
    "/consent",
    "/device",
    "/device/decision",
    "/device/qr",
    "/device_authorization",
    "/introspect",
    "/login",
    "/logout",
    "/par",
    "/register",
    "/revoke",
    "/setup",
    "/token",
    "/userinfo",
];

pub struct World {
    pub t: TestApp,
    /// Reads the number of changes.
    watch: Mutex<SqliteConnection>,
    senders: AtomicU32,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl World {
    /// Whose internet has nothing in it.
    pub async fn start() -> Self {
        Self::over(&Internet { server: silent().await, lookups: std::sync::Arc::default() }).await
    }

    pub async fn over(internet: &Internet) -> Self {
        let network = internet.network();
        let prepare = |app: &mut keyward::app::App| app.fetch.fetcher = Fetcher::new(network).unwrap();
        let t = TestApp::prepared(fresh_sqlite().await, SETTINGS, prepare).await;
        let mut watch = SqliteConnection::connect(&t.db.url).await.unwrap();
        count_changes(&mut watch).await;
        Self { t, watch: Mutex::new(watch), senders: AtomicU32::new(0), cookies: Mutex::default() }
    }

    /// A client of the operator's with every grant and no secret.
    pub async fn client(&self, id: &str, change: impl FnOnce(&mut Client)) -> ClientId {
        let id = self.t.public_client(id, &[CALLBACK, "http://127.0.0.1/cb"]).await;
        let mut client = clients::find(&self.t.db, &id).await.unwrap().unwrap();
        client.metadata.grant_types = keyward::model::grant_type::NAMES.iter().map(|&name| name.into()).collect();
        change(&mut client);
        clients::put_seed(&self.t.db, &client).await.unwrap();
        self.t.app.clients.forget(&id);
        id
    }

    /// How often something in the database has changed.
    pub async fn version(&self) -> i64 {
        sqlx::query_scalar("SELECT changes FROM counted").fetch_one(&mut *self.watch.lock().await).await.unwrap()
    }

    /// Sends it from an address nobody sent from before. `None` if this is no request that HTTP can carry.
    pub async fn send(&self, method: &str, uri: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Option<Answer> {
        let uri = uri.parse::<Uri>().ok()?;
        let sender = Ipv4Addr::from_bits(0x1400_0000 + self.senders.fetch_add(1, Ordering::Relaxed));
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body.to_vec())).ok()?;
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((sender, 1))));
        Some(self.t.send(request).await)
    }

    /// The same; if it is refused nothing may have changed. How it ended.
    pub async fn try_to(&self, method: &str, uri: &str, headers: &[(&str, &[u8])], body: &[u8]) -> (String, bool) {
        let before = self.version().await;
        let Some(answer) = self.send(method, uri, headers, body).await else {
            return ("no request".into(), false);
        };
        let path = place(uri);
        let refused = !(answer.status.is_success() || answer.status.is_redirection());
        assert!(!refused || self.version().await == before, "refused, and yet something changed: {path}: {answer:?}");
        (format!("{path} {}", end(&answer)), !refused)
    }

    /// What a browser in which alice is signed in does.
    pub async fn browse<T>(&self, what: impl AsyncFnOnce(&mut Browser<'_>) -> T) -> T {
        let mut cookies = self.cookies.lock().await;
        let mut browser = self.t.browser();
        browser.cookies.clone_from(&cookies);
        if !browser.get("/").await.body.contains("alice") {
            assert_eq!(browser.sign_in("alice", PASSWORD, "/").await.location(), "/");
        }
        let done = what(&mut browser).await;
        cookies.clone_from(&browser.cookies);
        done
    }

    pub async fn cookie(&self) -> String {
        self.browse(async |browser| {
            browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
        })
        .await
    }
}

/// In every table but the audit trail, where refusals too may be told.
async fn count_changes(connection: &mut SqliteConnection) {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('audit_events', 'changes') AND name NOT LIKE '\\_%'
             ESCAPE '\\' AND name NOT LIKE 'sqlite%'",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let mut sql = vec!["CREATE TABLE counted (changes INTEGER NOT NULL); INSERT INTO counted VALUES (0);".to_owned()];
    for (table, change) in tables.iter().flat_map(|table| ["INSERT", "UPDATE", "DELETE"].map(|change| (table, change)))
    {
        let count = "BEGIN UPDATE counted SET changes = changes + 1; END;";
        sql.push(format!("CREATE TRIGGER {table}_{change} AFTER {change} ON {table} {count}"));
    }
    sqlx::raw_sql(AssertSqlSafe(sql.concat())).execute(connection).await.unwrap();
}

/// A server that remembers none of the many requests it will get.
pub async fn silent() -> wiremock::MockServer {
    wiremock::MockServer::builder().disable_request_recording().start().await
}

/// Where an endpoint or a page is; all else is one.
pub fn place(uri: &str) -> &'static str {
    let path = uri.split('?').next().unwrap_or_default();
    PLACES.iter().find(|place| **place == path).unwrap_or(&"elsewhere")
}

/// Asserts what is true of every answer to anything, and tells in a line how it ended.
pub fn end(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    assert!(status < 500, "a failure of ours: {answer:?}");
    if status == 401 {
        assert!(!answer.header("www-authenticate").is_empty(), "a 401 without challenge: {answer:?}");
    }
    for (name, value) in &answer.headers {
        let told = name != "location" && value.as_bytes().windows(4).any(|part| part == b"zQ9x");
        assert!(!told, "input in a header: {answer:?}");
    }
    if let Some(location) = answer.headers.get("location") {
        return format!("{status} {}", redirect(location.to_str().unwrap()));
    }
    if answer.header("content-type").starts_with("text/html") {
        assert!(!answer.body.contains("<zQ9x"), "input stands raw in a page: {answer:?}");
        let message = if status < 400 { "" } else { answer.body.split("<h1>").nth(1).unwrap_or(&answer.body) };
        let message = message.split("</p>").next().unwrap_or("");
        return format!("{status} page {}", message.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    // A 401 to a request without a token says no more (RFC 6750 §3.1).
    if status < 400 || (status == 401 && answer.body.is_empty()) {
        return status.to_string();
    }
    let (refusal, store) = (answer.json(), answer.header("cache-control"));
    let (error, description) = (refusal["error"].as_str().unwrap(), refusal["error_description"].as_str().unwrap());
    // RFC 6749 §5.2
    assert!(description.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5B | 0x5D..=0x7E)), "{answer:?}");
    assert!(!description.contains("zQ9x"), "input in a description: {answer:?}");
    assert_eq!(store, "no-store", "{answer:?}");
    format!("{status} {error}: {description}")
}

fn redirect(location: &str) -> String {
    if location.starts_with('/') && !location.starts_with("//") {
        return place(location).to_owned();
    }
    let url = url::Url::parse(location).unwrap_or_else(|_| panic!("no URL: {location}"));
    let answers = ["error", "error_description", "code", "iss"].map(|name| {
        let value = url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        if name == "iss" {
            assert_eq!(value.as_deref(), Some(ISSUER), "{location}");
        }
        value.map(|value| if name == "code" { "a code".into() } else { value }).unwrap_or_default()
    });
    answers.join(" ")
}
