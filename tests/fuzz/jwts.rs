//! JWTs as client assertion, access token and hint, here and at the guard. An input that is no JSON object is used as
//! the token unchanged.
use super::{
    Target, guarded,
    guarded::Guarded,
    jws::{Jws, Keys, seconds},
    world::{World, end},
};
use crate::support::app::{ISSUER, MCP, authorize_path, basic, encode};
use keyward::{
    model::{AuthMethod, ClientId},
    oauth::client_assertion::TYPE,
};

pub struct Jwts {
    world: World,
    keys: Keys,
    guarded: Guarded,
}

impl Target for Jwts {
    const NAME: &'static str = "jwts";
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
        "server",
        "typ",
        "at+jwt",
        "application/at+jwt",
        "JWT",
        "client-authentication+jwt",
        "token-introspection+jwt",
        "alg",
        "ES256",
        "RS256",
        "EdDSA",
        "HS256",
        "PS256",
        "kid",
        "es",
        "ed",
        "rs",
        "jwk",
        "{jwk}",
        "jku",
        "x5c",
        "crit",
        "b64",
        "zip",
        "iss",
        "sub",
        "aud",
        "client_id",
        "c",
        "public",
        "https://auth.example",
        "https://auth.example/token",
        "https://mcp.example/mcp",
        "{issuer}",
        "exp",
        "iat",
        "nbf",
        "{now}",
        "{now+60}",
        "{now+329}",
        "{now+331}",
        "{now-1}",
        "{now+2147483647}",
        "jti",
        "{jti}",
        "scope",
        "openid",
        "mcp:read",
        "cnf",
        "jkt",
        "preferred_username",
        "auth_time",
        "grant_id",
        "00000000-0000-0000-0000-000000000000",
    ];

    async fn start() -> Self {
        let (world, keys) = (World::start().await, Keys::new());
        let jwks = keys.jwks();
        world
            .client("c", |client| {
                client.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
                client.metadata.jwks = Some(jwks);
                client.metadata.scope = Some("mcp:read".into());
            })
            .await;
        world.client("public", |_| {}).await;
        let guarded = Guarded::start(&keys, world.t.app.clock.clone()).await;
        Self { world, keys, guarded }
    }

    async fn judge(&self, input: &[u8]) -> Vec<String> {
        let now = self.world.t.app.clock.now().unix_timestamp();
        let jws = Jws::parse(input, &self.keys, now, &[("issuer", &self.guarded.issuer)]);
        let token = match &jws {
            Some(jws) => self.signed(jws).unwrap_or_default(),
            None => String::from_utf8_lossy(input).into_owned(),
        };
        let mut ends = vec![self.as_assertion(&token, jws.as_ref(), now).await];
        ends.extend(self.as_access_token(&token, jws.as_ref(), now).await);
        ends.extend(self.at_the_guard(&token, jws.as_ref(), now).await);
        ends
    }
}

const FORM: (&str, &[u8]) = ("content-type", b"application/x-www-form-urlencoded");

impl Jwts {
    /// By the server itself where the input says so.
    fn signed(&self, jws: &Jws) -> Option<String> {
        if jws.key != "server" {
            return jws.signed(&self.keys);
        }
        let member = |name: &str| jws.header[name].as_str().unwrap_or_default();
        let text = self.world.t.app.keys.sign(member("alg"), member("typ"), &jws.claims).ok()?;
        Some(jws.spoiled(text))
    }

    async fn as_assertion(&self, token: &str, jws: Option<&Jws>, now: i64) -> String {
        let form = [("grant_type", "client_credentials"), ("client_assertion_type", TYPE), ("client_assertion", token)];
        let (end, accepted) = self.world.try_to("POST", "/token", &[FORM], encode(&form).as_bytes()).await;
        if accepted {
            let Jws { claims, key, .. } = jws.expect("an assertion that nobody signed");
            assert!(["es256", "eddsa", "rs256"].contains(&&**key), "{key}");
            assert!(claims["iss"] == "c" && claims["sub"] == "c", "{claims}");
            assert!(claims["aud"] == ISSUER || claims["aud"] == serde_json::json!([ISSUER]), "{claims}");
            let left = claims["exp"].as_f64().map(|exp| exp - seconds(now));
            assert!(left.is_some_and(|left| left > 0.0 && left < 332.0), "{claims}");
            let (_, again) = self.world.try_to("POST", "/token", &[FORM], encode(&form).as_bytes()).await;
            assert!(!again, "an assertion counted twice");
        }
        end
    }

    async fn as_access_token(&self, token: &str, jws: Option<&Jws>, now: i64) -> Vec<String> {
        let world = &self.world;
        let (bearer, caller) = (format!("Bearer {token}"), basic("notes-server", "notes-server-secret"));
        let (userinfo, welcome) = world.try_to("GET", "/userinfo", &[("authorization", bearer.as_bytes())], b"").await;
        let form = encode(&[("token", token)]);
        let headers = [FORM, ("authorization", caller.as_bytes())];
        let introspected = world.send("POST", "/introspect", &headers, form.as_bytes()).await.unwrap();
        let ours = jws.is_some_and(|jws| jws.key == "server");
        assert!(!welcome || ours, "{userinfo}");
        if introspected.status == 200 && introspected.json()["active"] == true {
            let claims = &jws.expect("a token that nobody signed").claims;
            assert!(ours && claims["iss"] == ISSUER && claims["aud"] == MCP && claims["client_id"] == "c", "{claims}");
            assert!(claims["exp"].as_i64().is_some_and(|exp| exp > now), "{claims}");
        }
        let form = encode(&[("token", token), ("client_id", "public")]);
        let (revoked, _) = world.try_to("POST", "/revoke", &[FORM], form.as_bytes()).await;
        let hinted = authorize_path(&ClientId::from("public"), &[("id_token_hint", token)]);
        let hinted = world.send("GET", &hinted, &[], b"").await.map_or("no request".into(), |answer| end(&answer));
        vec![userinfo, end(&introspected), revoked, hinted]
    }

    async fn at_the_guard(&self, token: &str, jws: Option<&Jws>, now: i64) -> Option<String> {
        let answer = self.guarded.call(format!("Bearer {token}").as_bytes(), &[]).await?;
        if answer.status == 200 {
            let Jws { header, claims, key, .. } = jws.expect("a token that nobody signed");
            assert!(["es256", "eddsa", "rs256"].contains(&&**key), "{key}");
            assert!(claims["iss"] == *self.guarded.issuer && claims["cnf"].is_null(), "{claims}");
            let audience = &claims["aud"];
            assert!(audience == MCP || audience.as_array().is_some_and(|all| all.contains(&MCP.into())), "{claims}");
            assert!(claims["exp"].as_i64().is_some_and(|exp| exp > now), "{claims}");
            let typ = header["typ"].as_str().unwrap().to_ascii_lowercase();
            assert!(typ == "at+jwt" || typ == "application/at+jwt", "{header}");
        }
        Some(guarded::end(&answer))
    }
}

#[tokio::test]
async fn no_jwt_however_bent_is_a_failure_of_ours_or_taken_for_a_good_one() {
    Box::pin(super::run::<Jwts>()).await;
}
