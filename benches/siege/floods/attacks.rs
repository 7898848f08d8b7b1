//! Each attack, once.
use super::{Flood, Line, PEOPLE, Servers, Value, json};
use crate::{
    browser::Browser,
    dpop::DpopKey,
    people::message,
    wire::{Answer, FORM, JSON, form},
};
use anyhow::Context;
use axum::http::{Request, header, request::Builder};
use keyward::{clock::Clock, secrets::base64url};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const REDIRECT_URI: &str = "https://stranger.example/callback";
/// 326 bytes that count for as long as they may.
const QUERY: &str =
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100000000) SELECT count(*), sum(x) FROM c";
const HEAD: &str = "POST /mcp/no-auth HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";
const MIB: usize = 1 << 20;

pub struct Field {
    keyward: SocketAddr,
    surfaces: SocketAddr,
    guard: SocketAddr,
    key: DpopKey,
    /// A public client of a stranger.
    client: String,
    /// One with twenty keys of 8192 bits, and one whose keys are elsewhere.
    with_keys: String,
    elsewhere: String,
}

impl Field {
    pub async fn prepare(servers: &Servers) -> anyhow::Result<Self> {
        let mut field = Self {
            keyward: servers.keyward,
            surfaces: servers.surfaces,
            guard: servers.guard,
            key: DpopKey::es256(),
            client: String::new(),
            with_keys: String::new(),
            elsewhere: String::new(),
        };
        let keys: Vec<_> = (0..20).map(|_| large_key()).collect();
        let asserting = |more: Value| with(&json!({"token_endpoint_auth_method": "private_key_jwt"}), &more);
        field.client = field.register(&json!({"token_endpoint_auth_method": "none"})).await.context("a client")?;
        // What is refused from the start is tried all the same, in the name of nobody.
        field.with_keys = field.register(&asserting(json!({"jwks": {"keys": keys}}))).await.unwrap_or_default();
        let elsewhere = asserting(json!({"jwks_uri": "https://localhost/jwks.json"}));
        field.elsewhere = field.register(&elsewhere).await.unwrap_or_default();
        Ok(field)
    }

    async fn register(&self, metadata: &Value) -> anyhow::Result<String> {
        let line = Line { from: Ipv4Addr::new(127, 9, 9, 9), to: self.keyward };
        let metadata = with(&json!({"redirect_uris": [REDIRECT_URI], "client_name": "Stranger"}), metadata);
        let answer = line.json("/register", &metadata).await?;
        let registered: Value = serde_json::from_str(&answer.body)?;
        Ok(registered["client_id"].as_str().with_context(|| answer.body.clone())?.to_owned())
    }

    /// The status it is answered with.
    pub async fn attack(&self, flood: Flood, from: Ipv4Addr) -> anyhow::Result<u16> {
        let keyward = Line { from, to: self.keyward };
        let surfaces = Line { from, to: self.surfaces };
        let any = [self.keyward, self.surfaces, self.guard][usize::from(rand::random::<u8>()) % 3];
        let answer = match flood {
            Flood::WrongPasswordsForOneAccount => guess(keyward, PEOPLE[0].0).await?,
            Flood::WrongPasswordsForManyAccounts => guess(keyward, &format!("nobody{}", rand::random::<u16>())).await?,
            Flood::WrongClientSecrets => {
                let fields = [("grant_type", "client_credentials"), ("client_id", "dev-service-client")];
                keyward.form("/token", &[&fields[..], &[("client_secret", "wrong")]].concat()).await?
            }
            Flood::Devices => keyward.form("/device_authorization", &[("client_id", "dev-device-client")]).await?,
            Flood::Registrations => keyward.json("/register", &metadata(&json!({}))).await?,
            Flood::LargeRegistrations => {
                let keys = vec!["{}"; 10_000].join(",");
                let name = random(8);
                let body = format!(
                    r#"{{"redirect_uris":["{REDIRECT_URI}"],"client_name":"{name}","jwks":{{"keys":[{keys}]}}}}"#
                );
                keyward.send(Request::post("/register").header(header::CONTENT_TYPE, JSON), body).await?
            }
            Flood::PushedRequests => self.push(keyward).await?,
            Flood::LongSignIns => {
                keyward.get(&format!("/login?return_to=%2Fauthorize%3Fstate%3D{}", "x".repeat(30_000))).await?
            }
            Flood::Proofs => {
                let url = format!("http://{}/token", self.keyward);
                let proof = self.key.proof("POST", &url, Clock::default().now());
                let pairs = [("grant_type", "authorization_code"), ("code", "none"), ("client_id", &self.client)];
                let request = Request::post("/token").header("dpop", proof);
                keyward.send(request.header(header::CONTENT_TYPE, FORM), form(&pairs)).await?
            }
            Flood::LargeKeys => self.assert(keyward, &self.with_keys).await?,
            Flood::KeysElsewhere => self.assert(keyward, &self.elsewhere).await?,
            Flood::SlowHeads => return slow(Line { from, to: any }, HEAD.as_bytes(), b"x").await,
            Flood::SlowBodies => {
                let head = format!("{HEAD}Content-Length: {}\r\n\r\n", MIB + 1);
                return slow(surfaces, &[head.as_bytes(), &vec![b' '; MIB]].concat(), b"").await;
            }
            Flood::IdleSockets => return slow(Line { from, to: any }, b"", b"").await,
            Flood::WrongBasic => {
                let request = ask("basic").header(header::AUTHORIZATION, "Basic dGVzdHVzZXI6d3Jvbmc=");
                surfaces.send(request, message("tools/list", &json!({}))).await?
            }
            Flood::NoCredential => {
                let surface = ["oauth", "api-key", "basic", "security-keys", "bearer-token"];
                let request = ask(surface[usize::from(rand::random::<u8>()) % surface.len()]);
                surfaces.send(request, message("tools/list", &json!({}))).await?
            }
            Flood::AnonymousSessions => surfaces.send(ask("no-auth"), initialize()).await?,
            Flood::GuessesAtALogin => {
                let call = json!({"name": "login", "arguments": {"username": "testuser", "password": "wrong"}});
                let opened = surfaces.send(ask("session"), initialize()).await?;
                let session = opened.headers.get("mcp-session-id").context("no session")?;
                surfaces.send(ask("session").header("mcp-session-id", session), message("tools/call", &call)).await?
            }
            Flood::UnknownKeys => {
                let (line, path) =
                    if rand::random() { (surfaces, "/mcp/oauth") } else { (Line { from, to: self.guard }, "/mcp") };
                let request = Request::post(path).header(header::CONTENT_TYPE, JSON);
                let request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token()));
                line.send(request, message("tools/list", &json!({}))).await?
            }
            Flood::HeavyQueries => {
                let call = json!({"name": "run_sql_query", "arguments": {"query": QUERY}});
                let request = ask("security-keys");
                let request = request.header("x-github-token", "ghp_test1234567890abcdefghijklmnopqrstuvwxyz");
                surfaces.send(request, message("tools/call", &call)).await?
            }
        };
        Ok(answer.status)
    }

    /// A pushed request, and a look at it that would prolong it.
    async fn push(&self, keyward: Line) -> anyhow::Result<Answer> {
        let value = "x".repeat(4000);
        let pairs = [
            ("response_type", "code"),
            ("client_id", &*self.client),
            ("redirect_uri", REDIRECT_URI),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        let more = ["state", "a", "b", "c", "d", "e", "f"].map(|name| (name, &*value));
        let pairs = [&pairs[..], &more].concat();
        let pushed = keyward.form("/par", &pairs).await?;
        let body: Value = serde_json::from_str(&pushed.body).unwrap_or_default();
        if let Some(reference) = body["request_uri"].as_str() {
            let query = form(&[("client_id", &self.client), ("request_uri", reference)]);
            keyward.get(&format!("/authorize?{query}")).await?;
        }
        Ok(pushed)
    }

    /// An assertion that no key has signed.
    async fn assert(&self, keyward: Line, client: &str) -> anyhow::Result<Answer> {
        let now = Clock::default().now().unix_timestamp();
        let issuer = format!("http://{}", self.keyward);
        let claims =
            json!({"iss": client, "sub": client, "aud": issuer, "iat": now, "exp": now + 60, "jti": random(16)});
        let header = json!({"alg": "RS256"});
        let assertion = format!("{}.{}.{}", base64url(header.to_string()), base64url(claims.to_string()), random(1024));
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let pairs = [("grant_type", "authorization_code"), ("code", "none"), ("client_assertion_type", kind)];
        keyward.form("/token", &[&pairs[..], &[("client_assertion", &*assertion)]].concat()).await
    }

    /// An access token, all but for its signature, of a key that nobody has.
    fn token(&self) -> String {
        let now = Clock::default().now().unix_timestamp();
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": random(8)});
        let claims = json!({"iss": format!("http://{}", self.keyward), "sub": "x", "client_id": "x", "jti": random(8),
            "aud": format!("http://{}/mcp", self.guard), "iat": now, "exp": now + 60, "scope": "mcp:read"});
        format!("{}.{}.{}", base64url(header.to_string()), base64url(claims.to_string()), random(64))
    }
}

fn ask(surface: &str) -> Builder {
    let request = Request::post(format!("/mcp/{surface}")).header(header::CONTENT_TYPE, JSON);
    request.header(header::ACCEPT, "application/json, text/event-stream")
}

async fn guess(keyward: Line, username: &str) -> anyhow::Result<Answer> {
    let mut browser = Browser::new(keyward);
    let page = browser.get("/login?return_to=%2F").await?;
    browser.submit(&page, "/login", &[("username", username), ("password", "a wrong password")]).await
}

/// A connection that says this much, and then a little at a time, or nothing, until the server has had enough.
async fn slow(line: Line, first: &[u8], little: &[u8]) -> anyhow::Result<u16> {
    let mut stream = line.connect().await?;
    stream.write_all(first).await?;
    let mut answer = [0; 64];
    loop {
        let waited = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut answer)).await;
        if let Ok(read) = waited {
            let read = read?;
            let status = std::str::from_utf8(&answer[..read]).ok().and_then(|text| text.get(9..12));
            return Ok(status.and_then(|status| status.parse().ok()).unwrap_or(0));
        }
        stream.write_all(little).await?;
    }
}

fn initialize() -> String {
    let client = json!({"name": "stranger", "version": "1"});
    message("initialize", &json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}))
}

/// One that nobody registered yet.
fn metadata(more: &Value) -> Value {
    with(
        &json!({"redirect_uris": [REDIRECT_URI], "client_name": random(8), "token_endpoint_auth_method": "none"}),
        more,
    )
}

fn large_key() -> Value {
    // Of no use for signing, but a key to whoever tries it.
    json!({"kty": "RSA", "e": "AQAB", "n": base64url([&[0x80][..], &rand::random::<[u8; 1022]>(), &[1]].concat())})
}

fn with(members: &Value, more: &Value) -> Value {
    let all = [members, more].into_iter().filter_map(Value::as_object).flatten();
    Value::Object(all.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn random(bytes: usize) -> String {
    base64url((0..bytes).map(|_| rand::random()).collect::<Vec<u8>>())
}
