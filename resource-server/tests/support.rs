//! An authorization server that is only metadata, keys and signatures, and the resource server that trusts it.
use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Request, StatusCode, request},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use keyward_resource_server::{Guard, Settings, clock::Clock, router};
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::LazyLock};
use tower::ServiceExt;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

pub const ORIGIN: &str = "http://127.0.0.1:8990";
pub const RESOURCE: &str = "http://127.0.0.1:8990/mcp/oauth";
pub const PRM: &str = "http://127.0.0.1:8990/.well-known/oauth-protected-resource/mcp/oauth";
pub const ENDPOINT: &str = "/mcp/oauth";
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_keyward-resource-server");

/// A signing key of the authorization server.
#[derive(Clone)]
pub struct Signer {
    pub kid: String,
    pub algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    pub fn es256(kid: &str) -> Self {
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let key = EncodingKey::from_ec_pem(pem(der.as_ref()).as_bytes()).unwrap();
        Self { kid: kid.to_owned(), algorithm: Algorithm::ES256, key }
    }

    pub fn eddsa(kid: &str) -> Self {
        let der = Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap();
        let key = EncodingKey::from_ed_pem(pem(der.as_ref()).as_bytes()).unwrap();
        Self { kid: kid.to_owned(), algorithm: Algorithm::EdDSA, key }
    }

    /// The same key each time: they are slow to make.
    pub fn rs256(kid: &str) -> Self {
        static KEY: LazyLock<String> = LazyLock::new(|| {
            let pair = rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
            let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der>::as_der(&pair).unwrap();
            pem(der.as_ref())
        });
        let key = EncodingKey::from_rsa_pem(KEY.as_bytes()).unwrap();
        Self { kid: kid.to_owned(), algorithm: Algorithm::RS256, key }
    }

    pub fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.kid.clone());
        serde_json::to_value(jwk).unwrap()
    }

    pub fn header(&self) -> Header {
        let mut header = Header::new(self.algorithm);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(self.kid.clone());
        header
    }

    pub fn sign(&self, header: &Header, claims: &Value) -> String {
        encode(header, claims, &self.key).unwrap()
    }

    /// With any header at all.
    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// Of header and claims as they are written.
    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        let part = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{signed}.{signature}")
    }
}

fn pem(der: &[u8]) -> String {
    pem::encode(&pem::Pem::new("PRIVATE KEY", der))
}

pub struct TestServer {
    pub issuer: MockServer,
    pub signer: Signer,
    pub clock: Clock,
    pub router: Router,
}

impl TestServer {
    pub async fn start() -> Self {
        let t = Self::without_keys().await;
        t.publish(&[&t.signer]).await;
        t
    }

    /// Behind a guard of one's own making.
    pub async fn guarded(set: impl FnOnce(Guard) -> Guard) -> Self {
        let t = Self::start().await;
        let guard = set(Guard::new(RESOURCE, &t.issuer.uri()).unwrap().clock(t.clock.clone()));
        let server = axum::routing::any(|request: Request<Body>| async move {
            let leaked = ["authorization", "dpop"].into_iter().any(|name| request.headers().contains_key(name));
            assert!(!leaked, "credentials reached the server");
        });
        Self { router: guard.protect(server), ..t }
    }

    /// With these settings and the same clock.
    pub fn with(self, settings: Settings) -> Self {
        let settings = Settings { clock: self.clock.clone(), ..settings };
        Self { router: router(&settings).unwrap(), ..self }
    }

    /// Before its authorization server answers.
    pub async fn without_keys() -> Self {
        let (issuer, clock) = (MockServer::start().await, Clock::stopped());
        let mut settings = Settings { clock: clock.clone(), ..Settings::demo(ORIGIN, &issuer.uri()).unwrap() };
        // Whoever calls, these tools tell.
        for surface in &mut settings.surfaces {
            surface.name = Some("Keyward demo server".to_owned());
            surface.tools.retain(|set| set == "session");
            surface.tools.extend(["core", "greeting"].map(str::to_owned));
        }
        let router = router(&settings).unwrap();
        Self { issuer, signer: Signer::es256("k1"), clock, router }
    }

    /// From now on these are the issuer's keys.
    pub async fn publish(&self, signers: &[&Signer]) {
        self.issuer.reset().await;
        let uri = self.issuer.uri();
        self.answer(
            "/.well-known/oauth-authorization-server",
            json!({"issuer": uri, "jwks_uri": format!("{uri}/jwks")}),
        )
        .await;
        let keys: Vec<_> = signers.iter().map(|signer| signer.jwk()).collect();
        self.answer("/jwks", json!({"keys": keys})).await;
    }

    pub async fn answer(&self, at: &str, document: Value) {
        let response = ResponseTemplate::new(200).set_body_json(document);
        Mock::given(method("GET")).and(path(at)).respond_with(response).mount(&self.issuer).await;
    }

    /// How often the issuer's keys were asked for since they were last published.
    pub async fn fetches(&self) -> usize {
        let requests = self.issuer.received_requests().await.unwrap();
        requests.iter().filter(|request| request.url.path() == "/jwks").count()
    }

    pub fn claims(&self, scope: &str) -> Value {
        let now = self.clock.now().unix_timestamp();
        json!({
            "iss": self.issuer.uri(), "sub": "alice", "client_id": "c1", "jti": "t1", "aud": RESOURCE,
            "iat": now, "exp": now + 600, "scope": scope,
        })
    }

    pub fn token(&self, scope: &str) -> String {
        self.signer.sign(&self.signer.header(), &self.claims(scope))
    }

    /// A good token but for these claims; `null` leaves one out.
    #[allow(clippy::needless_pass_by_value)] // what tests write in place is no one else's
    pub fn token_with(&self, changes: Value) -> String {
        self.signer.sign(&self.signer.header(), &self.changed(&changes))
    }

    pub fn changed(&self, changes: &Value) -> Value {
        let mut claims = self.claims("mcp:read");
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path).body(Body::empty()).unwrap()).await
    }

    /// A legacy request with this token.
    pub async fn post(&self, token: &str, message: &Value) -> Answer {
        self.send(bearer(token).body(Body::from(message.to_string())).unwrap()).await
    }

    /// Is the token accepted for what needs no scope? Else the challenge's description.
    pub async fn judge(&self, token: &str) -> Result<(), String> {
        let answer = self.post(token, &json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await;
        if answer.status == 200 {
            return Ok(());
        }
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(answer.json()["error"], "invalid_token");
        assert_eq!(answer.challenge("error").as_deref(), Some("invalid_token"));
        Err(answer.challenge("error_description").unwrap())
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, String::from_utf8_lossy(&self.body))
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// A parameter of the one challenge.
    pub fn challenge(&self, name: &str) -> Option<String> {
        assert_eq!(self.headers.get_all("www-authenticate").iter().count(), 1, "{self:?}");
        let challenge = self.header("www-authenticate").unwrap().strip_prefix("Bearer ").unwrap();
        let start = format!("{name}=\"");
        let found: Vec<_> = challenge.split("\", ").filter_map(|part| part.strip_prefix(&start)).collect();
        assert!(found.len() <= 1, "repeated {name}: {challenge}");
        found.first().map(|value| value.trim_end_matches('"').to_owned())
    }
}

pub fn request(method: &str, path: &str) -> request::Builder {
    Request::builder().method(method).uri(path).header("host", "127.0.0.1:8990")
}

/// A POST of JSON to the endpoint, ready for its body.
pub fn post() -> request::Builder {
    request("POST", ENDPOINT)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
}

pub fn bearer(token: &str) -> request::Builder {
    post().header("authorization", format!("Bearer {token}"))
}

/// A 2026-07-28 request with all it needs.
pub fn modern(token: &str, method: &str, mut params: Value) -> Request<Body> {
    let mut builder = bearer(token).header("mcp-protocol-version", "2026-07-28").header("mcp-method", method);
    if let Some(name) = params["name"].as_str() {
        builder = builder.header("mcp-name", name);
    }
    params["_meta"] = meta();
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    builder.body(Body::from(message.to_string())).unwrap()
}

pub fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    })
}

#[allow(clippy::needless_pass_by_value)] // what tests write in place is no one else's
pub fn call(tool: &str, arguments: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
}

pub fn initialize(version: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
    }})
}

/// From this address, with these headers.
pub async fn ask(t: &TestServer, method: &str, path: &str, from: [u8; 4], headers: HeaderMap, body: String) -> Answer {
    let mut request = request(method, path);
    request.headers_mut().unwrap().extend(headers);
    let mut request = request.body(Body::from(body)).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from((from, 1))));
    t.send(request).await
}

/// A view of `/debug`, as somebody on this machine sees it.
pub async fn view(t: &TestServer, name: &str) -> Value {
    let answer = ask(t, "GET", &format!("/debug/{name}"), [127, 0, 0, 1], HeaderMap::new(), String::new()).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, Some("no-store")), "{name} {answer:?}");
    answer.json()
}
