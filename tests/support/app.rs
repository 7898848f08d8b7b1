//! The whole server in one process, without a socket, with a clock that tests move.
use super::{browser::Browser, db};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Request, StatusCode, header, response::Parts},
};
use keyward::{
    app::App,
    clock::Clock,
    config::Config,
    http::router,
    model::{AuthMethod, Client, ClientId, ClientMetadata, ClientSource, Role},
    oauth::params::form_urlencode,
    operations::Operator,
    secrets::{Digest, base64url},
    storage::{clients, users},
};
use serde_json::Value;
use std::{net::SocketAddr, sync::Arc};
use tower::ServiceExt;

pub const ISSUER: &str = "https://auth.example";
pub const MCP: &str = "https://mcp.example/mcp";
/// Known too, but not the default.
pub const OTHER: &str = "https://other.example/mcp";
pub const PASSWORD: &str = "correct horse battery";
/// RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const CALLBACK: &str = "https://client.example/cb";

const SETTINGS: &str = r#"
issuer = "https://auth.example"
default_resource = "main"
keys.master_key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
trusted_proxies = ["10.0.0.0/8"]

[resources.main]
identifier = "https://mcp.example/mcp"
name = "Notes"
default_scopes = ["mcp:read"]
introspection = { id = "notes-server", secret = "notes-server-secret" }
[resources.main.scopes]
"mcp:read" = "Read your notes"
"mcp:write" = "Change your notes"
"mcp:admin" = { description = "Everything", roles = ["admin"] }

[resources.other]
identifier = "https://other.example/mcp"
signing_alg = "RS256"
introspection = { id = "other-server", secret = "other-server-secret" }
[resources.other.scopes]
"other:read" = "Read elsewhere"
"#;

/// Whoever runs these tests, at the command line.
pub fn operator() -> Operator {
    Operator::at_command_line()
}

pub struct TestApp {
    pub app: Arc<App>,
    pub db: db::TestDb,
    router: Router,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
    /// The value of a header; empty without it.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
    /// Where a browser goes on to: `Location`, or for an app's own scheme what its last page leads to.
    #[track_caller]
    pub fn location(&self) -> &str {
        if let Some(url) = self.header("refresh").strip_prefix("0; url=") {
            return url;
        }
        assert_eq!(self.status, StatusCode::SEE_OTHER, "no redirect: {self:?}");
        self.header("location")
    }
    /// A parameter of the redirect's query, decoded.
    #[track_caller]
    pub fn returned(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(self.location()).unwrap();
        let mut found = url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let first = found.next();
        assert!(found.next().is_none(), "{name} occurs twice in {url}");
        first
    }
    /// Asserts the shape of every JSON refusal (RFC 6749 §5.2).
    #[track_caller]
    pub fn refused(&self, status: u16, error: &str) {
        assert_eq!((self.status.as_u16(), self.json()["error"].as_str()), (status, Some(error)), "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("content-type"), "application/json");
        if status == 401 {
            assert!(!self.header("www-authenticate").is_empty(), "a 401 without challenge: {self:?}");
        }
    }
    /// Asserts an error page: nothing is sent anywhere.
    #[track_caller]
    pub fn page(&self, status: u16) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("location"), "");
        assert!(self.header("content-type").starts_with("text/html"), "{self:?}");
        assert_eq!(self.header("x-frame-options"), "DENY");
        assert!(self.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(self.header("cache-control"), "no-store");
    }
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// With settings, as TOML of dotted keys, on top of those above.
    pub async fn with(more: &str) -> Self {
        Self::on(db::fresh_db().await, more).await
    }

    pub async fn on(db: db::TestDb, more: &str) -> Self {
        Self::prepared(db, more, |_| {}).await
    }

    /// With tools exchanged before the first request.
    pub async fn prepared(db: db::TestDb, more: &str, prepare: impl FnOnce(&mut App)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keyward.toml");
        std::fs::write(&file, more).unwrap();
        let config = Config::load(SETTINGS, Some(&file), [].into()).unwrap();
        let mut app = Box::pin(App::build(config, db.clone(), Clock::stopped())).await.unwrap();
        prepare(&mut app);
        let app: Arc<App> = Arc::from(app);
        let test = Self { router: router(app.clone()), app, db };
        for (name, role) in [("alice", Role::User), ("bob", Role::User), ("root", Role::Admin)] {
            test.user(name, role).await;
        }
        test
    }

    /// A second node: another process on the same database.
    pub async fn second_node(&self) -> Arc<App> {
        let db = keyward::storage::Db::open(&self.db.url).await.unwrap();
        Arc::from(Box::pin(App::build(self.app.config.clone(), db, self.app.clock.clone())).await.unwrap())
    }

    async fn user(&self, name: &str, role: Role) {
        let mut user = keyward::people::sign_in::new_user(&self.app, name, PASSWORD, role).await.unwrap();
        user.email = Some(format!("{name}@people.example"));
        user.name = Some(name.to_uppercase());
        users::insert(&self.db, &user).await.unwrap();
    }

    pub async fn user_named(&self, name: &str) -> keyward::model::User {
        users::find_by_username(&self.db, name).await.unwrap().unwrap()
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.router, request).await
    }

    /// What is no text.
    pub async fn send_for_bytes(&self, request: Request<Body>) -> (Parts, Vec<u8>) {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        (parts, to_bytes(body, usize::MAX).await.unwrap().to_vec())
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.post_with(path, form, &[]).await
    }

    pub async fn post_with(&self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(encode(form))).unwrap()).await
    }

    pub async fn register(&self, body: &Value) -> Answer {
        let request = Request::post("/register").header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// A public client, written by the operator (so trusted), with these redirect URIs.
    pub async fn public_client(&self, id: &str, redirect_uris: &[&str]) -> ClientId {
        self.client(id, None, redirect_uris, ClientSource::Seed).await
    }

    pub async fn confidential_client(&self, id: &str, secret: &str) -> ClientId {
        self.client(id, Some(secret), &[CALLBACK], ClientSource::Seed).await
    }

    /// A public client as if it had registered itself: unverified.
    pub async fn stranger(&self, id: &str, redirect_uris: &[&str]) -> ClientId {
        self.client(id, None, redirect_uris, ClientSource::Dcr).await
    }

    async fn client(&self, id: &str, secret: Option<&str>, redirects: &[&str], source: ClientSource) -> ClientId {
        let method = if secret.is_some() { AuthMethod::ClientSecretBasic } else { AuthMethod::None };
        let redirect_uris = redirects.iter().map(|uri| (*uri).to_owned()).collect();
        let grant_types = vec!["authorization_code".into(), "refresh_token".into()];
        let metadata = ClientMetadata {
            client_name: Some(format!("Client {id}")),
            ..ClientMetadata::new(method, grant_types, redirect_uris)
        };
        let client = Client {
            secret_hash: secret.map(Digest::of),
            ..Client::new(ClientId::from(id), source, metadata, self.app.clock.now())
        };
        clients::put_seed(&self.db, &client).await.unwrap();
        self.app.clients.forget(&client.id);
        client.id
    }

    /// A browser in which nobody is signed in.
    pub fn browser(&self) -> Browser<'_> {
        Browser::new(self)
    }

    /// A browser in which this person is signed in.
    pub async fn signed_in(&self, username: &str) -> Browser<'_> {
        let mut browser = self.browser();
        let answer = browser.sign_in(username, PASSWORD, "/").await;
        assert_eq!(answer.location(), "/");
        browser
    }

    /// The code alice's approval of this request brought.
    pub async fn code(&self, client: &ClientId, more: &[(&str, &str)]) -> String {
        let mut browser = self.signed_in("alice").await;
        let answer = browser.approve(&authorize_path(client, more)).await;
        answer.returned("code").unwrap_or_else(|| panic!("no code: {answer:?}"))
    }

    /// Redeems a code as a public client.
    pub async fn redeem(&self, client: &ClientId, code: &str) -> Answer {
        self.redeem_with(client, code, &[("code_verifier", VERIFIER)]).await
    }

    /// With exactly these parameters beside the code.
    pub async fn redeem_with(&self, client: &ClientId, code: &str, more: &[(&str, &str)]) -> Answer {
        let form = [("grant_type", "authorization_code"), ("client_id", client.as_str()), ("code", code)];
        self.post("/token", &[&form[..], more].concat()).await
    }

    /// Tokens of a public client that alice approved.
    pub async fn tokens(&self, client: &ClientId, more: &[(&str, &str)]) -> Value {
        let answer = self.redeem(client, &self.code(client, more).await).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()
    }

    pub async fn refresh(&self, client: &ClientId, refresh_token: &str) -> Answer {
        self.refresh_with(client, refresh_token, &[]).await
    }

    pub async fn refresh_with(&self, client: &ClientId, refresh_token: &str, more: &[(&str, &str)]) -> Answer {
        let form = [("grant_type", "refresh_token"), ("client_id", client.as_str()), ("refresh_token", refresh_token)];
        self.post("/token", &[&form[..], more].concat()).await
    }

    /// Introspects as the resource server of `MCP`.
    pub async fn introspect(&self, token: &str) -> Answer {
        self.introspect_as("notes-server", "notes-server-secret", token).await
    }

    pub async fn introspect_as(&self, id: &str, secret: &str, token: &str) -> Answer {
        self.post_with("/introspect", &[("token", token)], &[("authorization", &basic(id, secret))]).await
    }

    #[track_caller]
    pub fn claims(token: &Value) -> Value {
        let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
        serde_json::from_slice(&keyward::secrets::from_base64url(payload).unwrap()).unwrap()
    }
}

/// Sends to any router, from 127.0.0.1 unless the request says otherwise.
pub async fn send(router: &Router, mut request: Request<Body>) -> Answer {
    if request.extensions().get::<ConnectInfo<SocketAddr>>().is_none() {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000))));
    }
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

pub fn encode(form: &[(&str, &str)]) -> String {
    let pairs = form.iter().map(|(name, value)| format!("{}={}", form_urlencode(name), form_urlencode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// A complete, good authorization request; `more` replaces parameters of the same name (an empty value removes).
pub fn authorize_path(client: &ClientId, more: &[(&str, &str)]) -> String {
    let mut params = vec![
        ("response_type", "code"),
        ("client_id", client.as_str()),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "af0ifjsldkj"),
    ];
    params.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    params.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    format!("/authorize?{}", encode(&params))
}

pub fn basic(id: &str, secret: &str) -> String {
    use base64ct::{Base64, Encoding};
    format!("Basic {}", Base64::encode_string(format!("{id}:{secret}").as_bytes()))
}

/// S256 of a verifier.
pub fn challenge(verifier: &str) -> String {
    base64url(Digest::of(verifier).as_bytes())
}
