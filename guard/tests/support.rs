//! An authorization server that is only metadata, one key and signatures; and calls to what trusts it.
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{
    Json, Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
    routing::get,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use keyward_guard::clock::Clock;
use serde_json::json;
use tower::ServiceExt;

pub const RESOURCE: &str = "http://127.0.0.1:3000/mcp";
pub const METADATA: &str = "http://127.0.0.1:3000/.well-known/oauth-protected-resource/mcp";

pub struct Issuer {
    pub url: String,
    /// Of its tokens, and of whoever is to find them good.
    pub clock: Clock,
    key: EncodingKey,
}

impl Issuer {
    pub async fn start() -> Self {
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref()).unwrap();
        let point = pair.public_key().as_ref();
        let part = |range: std::ops::Range<usize>| Base64UrlUnpadded::encode_string(&point[range]);
        let jwks = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "1", "x": part(1..33), "y": part(33..65)}]});
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let metadata = json!({"issuer": url, "jwks_uri": format!("{url}/jwks")});
        let router = Router::new()
            .route("/.well-known/oauth-authorization-server", get(async move || Json(metadata)))
            .route("/jwks", get(async move || Json(jwks)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, clock: Clock::stopped(), key: EncodingKey::from_ec_der(der.as_ref()) }
    }

    pub fn token(&self, scope: &str) -> String {
        let now = self.clock.now().unix_timestamp();
        let claims = json!({
            "iss": self.url, "sub": "alice", "aud": RESOURCE, "client_id": "app", "exp": now + 600, "iat": now,
            "jti": "1", "scope": scope,
        });
        let header = Header { typ: Some("at+jwt".into()), kid: Some("1".into()), ..Header::new(Algorithm::ES256) };
        encode(&header, &claims, &self.key).unwrap()
    }
}

/// A call of the revision 2026-07-28, in which each request stands alone.
pub fn call(tool: &str, token: Option<&str>) -> Request<Body> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({"name": tool, "arguments": {}, "_meta": meta});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let mut request = Request::post("/mcp")
        .header(header::HOST, "127.0.0.1:3000")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    request.body(Body::from(message.to_string())).unwrap()
}

/// Status, challenge and body.
pub async fn send(app: &Router, request: Request<Body>) -> (StatusCode, String, String) {
    let response = app.clone().oneshot(request).await.unwrap();
    let challenge = response.headers().get(header::WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned());
    let status = response.status();
    let body = to_bytes(response.into_body(), 1024 * 1024).await.unwrap();
    (status, challenge.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
}
