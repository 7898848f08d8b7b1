//! An authorization server that is only metadata, one key and signatures.
use anyhow::Context;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{Json, Router, routing::get};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

pub struct Issuer {
    pub url: String,
    key: EcdsaKeyPair,
}

impl Issuer {
    pub async fn start() -> anyhow::Result<Self> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok().context("no key can be made")?;
        let point = key.public_key().as_ref();
        let part = |range: std::ops::Range<usize>| Base64UrlUnpadded::encode_string(&point[range]);
        let jwks = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "1", "x": part(1..33), "y": part(33..65)}]});
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let metadata = json!({"issuer": url, "jwks_uri": format!("{url}/jwks")});
        let router = Router::new()
            .route("/.well-known/oauth-authorization-server", get(async move || Json(metadata)))
            .route("/jwks", get(async move || Json(jwks)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, key })
    }

    /// Each is another, of the size that Keyward's have.
    pub fn token(&self) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let id = uuid::Uuid::now_v7();
        // Of a hundred people.
        let (id, person) = (id.to_string(), format!("a-person-of-whom-there-are-{}", id.as_u128() % 100));
        let claims = json!({
            "iss": self.url, "sub": person, "aud": super::parts::RESOURCE, "client_id": "https://client.example/id.json",
            "exp": now + 3600, "iat": now, "jti": id, "scope": "mcp:read mcp:write", "grant_id": id,
            "preferred_username": "alice", "auth_time": now, "grant_type": "authorization_code",
        });
        let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&json!({"alg": "ES256", "typ": "at+jwt", "kid": "1"})), part(&claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).ok().context("signing failed")?;
        Ok(format!("{signed}.{}", Base64UrlUnpadded::encode_string(signature.as_ref())))
    }
}
