//! A client's own key, and the assertions that it signs.
use super::{
    app::{Answer, CALLBACK, ISSUER, TestApp},
    internet::{Internet, LASTING_SESSIONS},
};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256},
};
use keyward::{oauth::client_assertion, secrets::base64url};
use serde_json::{Value, json};

/// Where a client publishes its keys.
pub const JWKS: &str = "https://client.example/jwks.json";

pub struct ClientKey {
    pub alg: &'static str,
    /// The public half (RFC 7517).
    pub jwk: Value,
    sign: Sign,
}

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

impl ClientKey {
    pub fn es256(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (base64url(&point[1..33]), base64url(&point[33..]));
        let sign = move |message: &[u8]| pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec();
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "use": "sig", "alg": "ES256"});
        Self { alg: "ES256", jwk, sign: Box::new(sign) }
    }

    pub fn ed25519(kid: &str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref()), "kid": kid});
        Self { alg: "EdDSA", jwk, sign: Box::new(move |message| pair.sign(message).as_ref().to_vec()) }
    }

    pub fn rs256(kid: &str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = pair.public_key();
        let n = base64url(public.modulus().big_endian_without_leading_zero());
        let e = base64url(public.exponent().big_endian_without_leading_zero());
        let sign = move |message: &[u8]| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
            signature
        };
        Self { alg: "RS256", jwk: json!({"kty": "RSA", "n": n, "e": e, "kid": kid}), sign: Box::new(sign) }
    }

    pub fn jwks(&self) -> Value {
        json!({"keys": [self.jwk]})
    }

    /// A compact JWS (RFC 7515 §7.1) of anything.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        let signature = (self.sign)(message.as_bytes());
        format!("{message}.{}", base64url(signature))
    }

    pub fn header(&self) -> Value {
        json!({"alg": self.alg, "kid": self.jwk["kid"]})
    }

    /// A good assertion of this client.
    pub fn assertion(&self, t: &TestApp, client: &str) -> String {
        self.sign(&self.header(), &claims(t, client))
    }
}

/// The claims of a good assertion.
pub fn claims(t: &TestApp, client: &str) -> Value {
    let now = t.app.clock.now().unix_timestamp();
    json!({"iss": client, "sub": client, "aud": ISSUER, "jti": keyward::secrets::random(), "iat": now, "exp": now + 60})
}

/// These claims with some of them replaced, or left out where `null`.
pub fn with(mut claims: Value, other: &Value) -> Value {
    for (name, value) in other.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

/// The parameters that carry an assertion (RFC 7523 §2.2).
pub fn proof(assertion: &str) -> [(&'static str, &str); 2] {
    [("client_assertion_type", client_assertion::TYPE), ("client_assertion", assertion)]
}

/// A server, and a client that registered a key with it.
pub struct Party {
    pub t: TestApp,
    pub key: ClientKey,
    pub id: String,
}

impl Party {
    pub async fn new(key: ClientKey) -> Self {
        Self::registered(TestApp::start().await, key).await
    }

    /// Whose server reaches the internet only there.
    pub async fn over(internet: &Internet, key: ClientKey) -> Self {
        Self::registered(TestApp::reaching(internet.network(), LASTING_SESSIONS).await, key).await
    }

    async fn registered(t: TestApp, key: ClientKey) -> Self {
        let id = register_keys(&t, &json!({"jwks": key.jwks()})).await;
        Self { t, key, id }
    }
}

/// Registers a client that authenticates with keys.
pub async fn register_keys(t: &TestApp, keys: &Value) -> String {
    let body = json!({
        "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "private_key_jwt",
    });
    let registered = t.register(&with(body, keys)).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let registered = registered.json();
    assert!(registered.get("client_secret").is_none(), "{registered}");
    for (name, value) in keys.as_object().unwrap() {
        assert_eq!(registered[name], *value);
    }
    registered["client_id"].as_str().unwrap().to_owned()
}

/// A revocation of nothing: 200 for whoever is who they say.
pub async fn revoke_nothing(t: &TestApp, assertion: &str) -> Answer {
    t.post("/revoke", &[&[("token", "nothing")], &proof(assertion)[..]].concat()).await
}
