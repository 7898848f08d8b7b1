//! Proofs of possession (RFC 9449). An input that is no JSON object is used as the header unchanged.
use super::{
    Target,
    guarded::{self, Guarded},
    jws::{Jws, Keys, seconds},
    world::World,
};
use crate::support::{
    app::{MCP, TestApp, basic},
    bound::TOKEN_URL,
};
use keyward::{
    model::AuthMethod,
    oauth::dpop::ALGORITHMS,
    secrets::{Digest, base64url},
};
use serde_json::json;

pub struct Proofs {
    world: World,
    keys: Keys,
    guarded: Guarded,
    /// Bound to the first key.
    token: String,
}

impl Target for Proofs {
    const NAME: &'static str = "proofs";
    const WORDS: &'static [&'static str] = &[
        "header",
        "claims",
        "key",
        "spoil",
        "es256",
        "eddsa",
        "rs256",
        "stranger",
        "none",
        "typ",
        "dpop+jwt",
        "DPoP+JWT",
        "JWT",
        "alg",
        "ES256",
        "RS256",
        "EdDSA",
        "Ed25519",
        "HS256",
        "jwk",
        "{jwk}",
        "kty",
        "EC",
        "crv",
        "x",
        "y",
        "n",
        "e",
        "d",
        "k",
        "kid",
        "crit",
        "b64",
        "htm",
        "POST",
        "GET",
        "htu",
        "https://auth.example/token",
        "HTTPS://AUTH.EXAMPLE:443/token?x#y",
        "https://auth.example/%74oken",
        "iat",
        "{now}",
        "{now+9}",
        "{now+11}",
        "{now-299}",
        "{now-301}",
        "jti",
        "{jti}",
        "ath",
        "{ath}",
        "https://mcp.example/mcp",
        "nonce",
        "exp",
        "nbf",
    ];

    async fn start() -> Self {
        let world = World::start().await;
        world
            .client("c", |client| {
                client.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretBasic;
                client.secret_hash = Some(Digest::of("s"));
                client.metadata.scope = Some("mcp:read".into());
            })
            .await;
        let keys = Keys::new();
        let guarded = Guarded::start(&keys, world.t.app.clock.clone()).await;
        let token = bound_token(&keys, &guarded.issuer, world.t.app.clock.now().unix_timestamp());
        Self { world, keys, guarded, token }
    }

    async fn judge(&self, input: &[u8]) -> Vec<String> {
        let now = self.world.t.app.clock.now().unix_timestamp();
        let ath = base64url(Digest::of(&self.token).as_bytes());
        let jws = Jws::parse(input, &self.keys, now, &[("ath", &ath)]);
        let text = match &jws {
            Some(jws) => jws.signed(&self.keys).unwrap_or_default().into_bytes(),
            None => input.to_vec(),
        };
        let end = self.at_the_token_endpoint(&text, jws.as_ref(), now).await;
        let guarded = self.at_the_guard(&text, jws.as_ref(), now, &ath).await;
        end.into_iter().chain(guarded).collect()
    }
}

impl Proofs {
    async fn at_the_token_endpoint(&self, proof: &[u8], jws: Option<&Jws>, now: i64) -> Option<String> {
        let authorization = basic("c", "s");
        let headers: [(&str, &[u8]); 3] = [
            ("authorization", authorization.as_bytes()),
            ("content-type", b"application/x-www-form-urlencoded"),
            ("dpop", proof),
        ];
        let body = b"grant_type=client_credentials";
        let before = self.world.version().await;
        let answer = self.world.send("POST", "/token", &headers, body).await?;
        if answer.status == 200 {
            let jws = jws.expect("a proof that nobody signed");
            assert!(is_good(jws, now, TOKEN_URL), "{} {} {answer:?}", jws.header, jws.claims);
            assert_eq!(answer.json()["token_type"], "DPoP");
            assert!(TestApp::claims(&answer.json()["access_token"])["cnf"]["jkt"].is_string());
            let again = self.world.send("POST", "/token", &headers, body).await.unwrap();
            assert_eq!(again.status, 400, "a proof counted twice");
        } else {
            assert_eq!(self.world.version().await, before, "{answer:?}");
        }
        Some(super::world::end(&answer))
    }

    async fn at_the_guard(&self, proof: &[u8], jws: Option<&Jws>, now: i64, ath: &str) -> Option<String> {
        let authorization = format!("DPoP {}", self.token);
        let answer = self.guarded.call(authorization.as_bytes(), &[("dpop", proof)]).await?;
        if answer.status == 200 {
            let jws = jws.expect("a proof that nobody signed");
            assert!(is_good(jws, now, MCP) && jws.claims["ath"] == ath, "{} {}", jws.header, jws.claims);
            assert_eq!(jws.key, "es256");
            let again = self.guarded.call(authorization.as_bytes(), &[("dpop", proof)]).await.unwrap();
            assert_eq!(again.status, 401, "a proof counted twice");
        }
        Some(guarded::end(&answer))
    }
}

/// An access token of the guard's issuer, bound to the key `es256` (RFC 9449 §6.1).
fn bound_token(keys: &Keys, issuer: &str, now: i64) -> String {
    let jwk = keys.jwk("es256");
    // RFC 7638 §3.2
    let canonical = json!({"crv": jwk["crv"], "kty": jwk["kty"], "x": jwk["x"], "y": jwk["y"]}).to_string();
    let input = json!({
        "key": "es256",
        "header": {"typ": "at+jwt", "alg": "ES256", "kid": "es"},
        "claims": {
            "iss": issuer, "aud": MCP, "sub": "u", "client_id": "c", "jti": "{jti}", "iat": now, "exp": now + 100_000,
            "scope": "mcp:read", "cnf": {"jkt": base64url(Digest::of(canonical).as_bytes())},
        },
    });
    Jws::parse(input.to_string().as_bytes(), keys, now, &[]).unwrap().signed(keys).unwrap()
}

/// RFC 9449 §4.3, told in another way.
fn is_good(jws: &Jws, now: i64, url: &str) -> bool {
    let (header, claims) = (&jws.header, &jws.claims);
    let place = claims["htu"].as_str().and_then(|htu| url::Url::parse(htu).ok()).is_some_and(|mut htu| {
        htu.set_query(None);
        htu.set_fragment(None);
        htu.as_str() == url
    });
    let age = claims["iat"].as_f64().map(|iat| seconds(now) - iat);
    header["typ"].as_str().is_some_and(|typ| typ.eq_ignore_ascii_case("dpop+jwt"))
        && header["alg"].as_str().is_some_and(|alg| ALGORITHMS.contains(&alg))
        && header.get("crit").is_none()
        && header["jwk"].get("d").is_none()
        && claims["htm"] == "POST"
        && place
        // A second may pass while we ask.
        && age.is_some_and(|age| (-10.0..=301.0).contains(&age))
        && claims["jti"].as_str().is_some_and(|jti| !jti.is_empty())
        && !jws.is_spoiled()
        && jws.key != "none"
}

#[tokio::test]
async fn no_proof_however_bent_is_a_failure_of_ours_or_taken_for_a_good_one() {
    Box::pin(super::run::<Proofs>()).await;
}
