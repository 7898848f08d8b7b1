//! Replays a recorded client, from discovery to revocation, against a server and an MCP server on sockets.
mod identity;

use super::profile::{Audience, Authentication, Identity, Profile};
use crate::support::{
    app::{Answer, CHALLENGE, MCP, PASSWORD, VERIFIER, basic, encode},
    client_key::{ClientKey, claims, proof, with},
    guarded::Guarded,
    internet::Internet,
    remote::{Person, send},
};
use keyward::fetch::Fetcher;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// With every character that standard Base64 has beyond letters and digits, as some clients' have.
const STATE: &str = "gXVXo0/iMD8WMolDHKxSTg+w==";

type Form = Vec<(String, String)>;

struct Replay {
    profile: Profile,
    guarded: Guarded,
    internet: Internet,
    metadata: Value,
    client_id: String,
    secret: String,
    key: Option<ClientKey>,
}

pub async fn replay(profile: Profile) {
    let internet = Internet::new().await;
    let network = internet.network();
    let written_down = match &profile.identity {
        Identity::Settings(settings) => format!("[clients.recorded]\n{settings}"),
        _ => String::new(),
    };
    let guarded = Guarded::prepared(&written_down, |app| app.fetch.fetcher = Fetcher::new(network).unwrap()).await;
    let (metadata, client_id, secret) = (Value::Null, String::new(), String::new());
    let mut replay = Replay { profile, guarded, internet, metadata, client_id, secret, key: None };
    replay.discover().await;
    replay.identify().await;
    let tokens = replay.get_in().await;
    replay.call_tools(&tokens).await;
    let tokens = replay.refresh(&tokens).await;
    let more = replay.step_up(&tokens).await;
    replay.revoke(&tokens).await;
    if let Some(more) = more {
        assert_eq!(replay.list_tools(&more).await.status, 200, "revoking one grant ended another");
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no string: {value}"))
}

impl Replay {
    /// The authorization URL, its parameters in the order the SDKs have them.
    fn authorization_url(&self, redirect_uri: &str, scope: Option<&str>) -> String {
        let asked = &self.profile.authorization;
        let all = self.all_scopes();
        let mut parameters = vec![
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("redirect_uri", redirect_uri),
            ("state", STATE),
        ];
        parameters.extend(scope.map(|scope| ("scope", if scope == "*" { all.as_str() } else { scope })));
        parameters.extend(asked.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        parameters.extend(asked.resource.then_some(("resource", MCP)));
        format!("{}?{}", text(&self.metadata["authorization_endpoint"]), encode(&parameters))
    }

    /// From a browser nobody is signed in at to tokens, once for each redirect URI.
    async fn get_in(&self) -> Value {
        let asked = &self.profile.authorization;
        let scope = asked.scope.as_deref();
        let url = self.authorization_url(&asked.redirect_uris[0], scope);
        let path = url.strip_prefix(&self.guarded.at.issuer).unwrap();
        if asked.asked_ahead {
            let answer = self.guarded.at.get(path).await;
            assert!(answer.status == 200 || answer.status.is_redirection(), "{answer:?}");
        }
        let mut alice = self.guarded.at.person();
        let to_login = alice.get(path).await;
        assert!(to_login.location().starts_with("/login?return_to="), "{to_login:?}");
        assert_eq!(alice.sign_in("alice", PASSWORD, path).await.location(), path);
        self.check_page(&alice.get(path).await);
        let denied = alice.decide(&url, "deny").await;
        self.check_callback(&denied, &asked.redirect_uris[0]);
        assert_eq!(denied.returned("error").as_deref(), Some("access_denied"));
        let mut tokens = Value::Null;
        for redirect_uri in &asked.redirect_uris {
            tokens = self.authorize(&mut alice, redirect_uri, scope).await;
            assert_eq!(tokens["scope"], *self.profile.expect.scope);
            assert_eq!(tokens.get("refresh_token").is_none(), self.profile.expect.no_refresh_token, "{tokens}");
        }
        tokens
    }

    fn check_page(&self, page: &Answer) {
        assert_eq!(page.status, 200, "{page:?}");
        for shown in self.profile.expect.page.iter().map(String::as_str).chain(["Notes", MCP, "alice"]) {
            assert!(page.body.contains(shown), "{shown} is not on the page: {}", page.body);
        }
    }

    fn check_callback(&self, answer: &Answer, redirect_uri: &str) {
        let behind = answer.location().strip_prefix(redirect_uri);
        let separator = if redirect_uri.contains('?') { '&' } else { '?' };
        assert!(behind.is_some_and(|behind| behind.starts_with(separator)), "{answer:?}");
        assert_eq!(answer.returned("state").as_deref(), Some(STATE));
        assert_eq!(answer.returned("iss"), Some(self.guarded.at.issuer.clone()));
    }

    async fn authorize(&self, alice: &mut Person, redirect_uri: &str, scope: Option<&str>) -> Value {
        let answer = alice.approve(&self.authorization_url(redirect_uri, scope)).await;
        self.check_callback(&answer, redirect_uri);
        let code = answer.returned("code").unwrap_or_else(|| panic!("no code: {answer:?}"));
        let mut form = owned(&[("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER)]);
        form.push(("redirect_uri".into(), redirect_uri.into()));
        form.extend(resource(self.profile.token.resource));
        self.may_ask("/token", "POST", "content-type,mcp-protocol-version").await;
        let answer = self.post("token_endpoint", form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!((answer.header("cache-control"), answer.header("content-type")), ("no-store", "application/json"));
        assert_eq!(answer.json()["token_type"], "Bearer");
        answer.json()
    }

    async fn post(&self, endpoint: &str, form: Form) -> Answer {
        self.prepare(endpoint, form).await.unwrap()
    }

    /// With the client's credentials; not sent before it is awaited.
    fn prepare(&self, endpoint: &str, mut form: Form) -> impl Future<Output = reqwest::Result<Answer>> + Send + use<> {
        let token = &self.profile.token;
        let mut headers = vec![];
        let id = ("client_id".to_owned(), self.client_id.clone());
        match token.authentication {
            Authentication::None => form.push(id),
            Authentication::ClientSecretPost => form.extend([id, ("client_secret".into(), self.secret.clone())]),
            Authentication::ClientSecretBasic => headers.push(("authorization", basic(&self.client_id, &self.secret))),
            Authentication::PrivateKeyJwt => form.extend(owned(&proof(&self.assertion()))),
        }
        if token.client_id_too {
            form.push(("client_id".to_owned(), self.client_id.clone()));
        }
        let pairs: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = self.guarded.at.http.post(format!("{}{}", self.guarded.at.issuer, self.path(endpoint)));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(encode(&pairs));
        send(headers.into_iter().fold(request, |request, (name, value)| request.header(name, value)))
    }

    fn assertion(&self) -> String {
        let audience = match self.profile.token.audience {
            Audience::Issuer => &self.metadata["issuer"],
            Audience::TokenEndpoint => &self.metadata["token_endpoint"],
        };
        let key = self.key.as_ref().expect("private_key_jwt needs a document with a jwks_uri");
        let claims = with(claims(&self.guarded.t, &self.client_id), &json!({"aud": audience}));
        key.sign(&key.header(), &claims)
    }

    async fn list_tools(&self, tokens: &Value) -> Answer {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        self.guarded.ask(text(&tokens["access_token"]), &message).await
    }

    async fn write(&self, tokens: &Value) -> Answer {
        let params = json!({"name": "write", "arguments": {}});
        let message = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params});
        self.guarded.ask(text(&tokens["access_token"]), &message).await
    }

    async fn call_tools(&self, tokens: &Value) {
        let answer = self.list_tools(tokens).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "reached"), "{answer:?}");
    }

    /// All of its processes get the same successor. Answers what they have then.
    async fn refresh(&self, tokens: &Value) -> Value {
        let Some(refresh_token) = tokens["refresh_token"].as_str() else { return tokens.clone() };
        let refresh = &self.profile.refresh;
        let mut form = owned(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]);
        form.extend(refresh.scope.iter().map(|scope| ("scope".to_owned(), scope.clone())));
        form.extend(resource(refresh.resource));
        let mut processes = JoinSet::new();
        for _ in 0..refresh.at_once {
            processes.spawn(self.prepare("token_endpoint", form.clone()));
        }
        let answers: Vec<_> = processes.join_all().await.into_iter().map(Result::unwrap).collect();
        for answer in &answers {
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.json()["refresh_token"], answers[0].json()["refresh_token"]);
            self.call_tools(&answer.json()).await;
        }
        answers[0].json()
    }

    async fn step_up(&self, tokens: &Value) -> Option<Value> {
        let scope = self.profile.step_up.as_deref()?;
        let refused = self.write(tokens).await;
        assert_eq!(refused.status, 403, "{refused:?}");
        let challenge = refused.header("www-authenticate");
        assert!(challenge.contains(r#"error="insufficient_scope""#) && challenge.contains("scope="), "{challenge}");
        let mut alice = self.guarded.at.signed_in("alice", PASSWORD).await;
        let redirect_uri = &self.profile.authorization.redirect_uris[0];
        let url = self.authorization_url(redirect_uri, Some(scope));
        let page = alice.get(url.strip_prefix(&self.guarded.at.issuer).unwrap()).await;
        assert!(page.body.contains("Change your notes"), "{page:?}");
        let more = self.authorize(&mut alice, redirect_uri, Some(scope)).await;
        assert_eq!(self.write(&more).await.status, 200);
        Some(more)
    }

    async fn revoke(&self, tokens: &Value) {
        let token = tokens["refresh_token"].as_str().unwrap_or_else(|| text(&tokens["access_token"]));
        let revoked = self.post("revocation_endpoint", owned(&[("token", token)])).await;
        assert_eq!((revoked.status.as_u16(), &*revoked.body), (200, ""), "{revoked:?}");
        let active = self.guarded.t.introspect(text(&tokens["access_token"])).await.json();
        assert_eq!(active, json!({"active": false}));
        if let Some(refresh_token) = tokens["refresh_token"].as_str() {
            let form = owned(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]);
            self.post("token_endpoint", form).await.refused(400, "invalid_grant");
        }
    }
}

fn owned(form: &[(&str, &str)]) -> Form {
    form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn resource(named: bool) -> Option<(String, String)> {
    named.then(|| ("resource".to_owned(), MCP.to_owned()))
}
