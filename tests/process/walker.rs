//! Uses every way to authenticate, rightly and wrongly, and collects all secrets on the way.
use super::secrets::Collected;
use crate::support::{
    app::{Answer, VERIFIER, authorize_path, basic},
    browser::hidden,
    process::Keyward,
    remote::{Address, Person, REDIRECT},
};
use keyward::{model::ClientId, secrets::base64url};
use serde_json::{Value, json};

/// Somebody who goes through every door once rightly and once wrongly.
pub struct Walker {
    at: Address,
    pub person: Person,
    /// A scope of the default resource.
    scope: &'static str,
    pub seen: Collected,
}

impl Walker {
    pub fn new(at: &Address, scope: &'static str) -> Self {
        Self { at: at.clone(), person: at.person(), scope, seen: Collected::default() }
    }

    pub async fn walk(&mut self, username: &str, password: &str, introspection: (&str, &str)) {
        self.sign_in(username, password).await;
        let public = self.register("none").await;
        self.authorize(&public, "deny").await;
        self.public(&public, introspection).await;
        self.code_replay(&public).await;
        self.userinfo(&public).await;
        for method in ["client_secret_basic", "client_secret_post"] {
            let client = self.register(method).await;
            self.confidential(&client, method).await;
        }
        self.broken_cookie().await;
        self.sign_out().await;
    }

    fn cookies(&mut self) {
        for cookie in self.person.cookies.values() {
            self.seen.add("cookie", cookie);
        }
    }

    pub fn form_token(&mut self, page: &Answer, action: &str) {
        let form = hidden(page, action);
        let (_, token) = form.iter().find(|(name, _)| name == "form_token").unwrap();
        self.seen.add("form token", token);
    }

    pub async fn sign_in(&mut self, username: &str, password: &str) {
        let page = self.person.get("/login").await;
        self.form_token(&page, "/login");
        let mistyped = format!("{password}+mistyped");
        assert_eq!(self.person.sign_in(username, &mistyped, "/").await.status, 403);
        // Typed where the name belongs.
        assert_eq!(self.person.sign_in(password, "nothing at all", "/").await.status, 403);
        assert_eq!(self.person.sign_in(username, password, "/").await.location(), "/");
        self.seen.add("password", password);
        self.seen.add("mistyped password", &mistyped);
        self.cookies();
    }

    async fn register(&mut self, method: &str) -> Value {
        let asked = json!({"client_name": format!("Agent {method}"), "redirect_uris": ["http://127.0.0.1/callback"],
            "token_endpoint_auth_method": method, "grant_types": ["authorization_code", "refresh_token"]});
        let client = self.at.register(&asked).await;
        client["client_secret"].as_str().into_iter().for_each(|secret| self.seen.add("client secret", secret));
        client
    }

    /// Asks for everything; answers what came back with the redirect.
    async fn authorize(&mut self, client: &Value, decision: &str) -> Option<String> {
        let scope = format!("openid profile email offline_access {}", self.scope);
        self.authorize_for(client, decision, &scope).await
    }

    async fn authorize_for(&mut self, client: &Value, decision: &str, scope: &str) -> Option<String> {
        let id = ClientId::from(client["client_id"].as_str().unwrap());
        let path = authorize_path(&id, &[("redirect_uri", REDIRECT), ("scope", scope)]);
        let page = self.person.get(&path).await;
        self.form_token(&page, "/consent");
        let code = self.person.submit(&page, "/consent", &[("decision", decision)]).await.returned("code");
        if let Some(code) = &code {
            self.seen.add("code", code);
        }
        code
    }

    async fn redeem(&mut self, client: &Value, code: &str) -> Value {
        let tokens = self.at.redeem(client["client_id"].as_str().unwrap(), code).await.json();
        self.seen.tokens(&tokens);
        tokens
    }

    /// Code, rotation, a repeat within the window, introspection, misplaced tokens, theft.
    async fn public(&mut self, client: &Value, (id, secret): (&str, &str)) {
        let client_id = client["client_id"].as_str().unwrap();
        let code = self.authorize(client, "allow").await.unwrap();
        let wrong = format!("wrong-{VERIFIER}");
        let form = [("grant_type", "authorization_code"), ("client_id", client_id), ("code", &code)];
        let answer = self.at.post("/token", &[&form[..], &[("code_verifier", &wrong)]].concat()).await;
        answer.refused(400, "invalid_grant");
        self.seen.add("verifier", &wrong);
        self.seen.add("verifier", VERIFIER);
        let first = self.redeem(client, &code).await;
        let mut newest = first.clone();
        for presented in [&first, &first] {
            newest = self.at.refresh(client_id, presented["refresh_token"].as_str().unwrap()).await.json();
            self.seen.tokens(&newest);
        }
        let token = newest["refresh_token"].as_str().unwrap();
        let access_token = newest["access_token"].as_str().unwrap();
        for token in [token, access_token] {
            self.at.post_with("/introspect", &[("token", token)], &[("authorization", &basic(id, secret))]).await;
            self.at.post(&format!("/token?refresh_token={token}"), &form).await.refused(400, "invalid_request");
            self.at.get(&format!("/userinfo?access_token={token}")).await;
            self.at.get(&format!("/{token}")).await.refused(404, "not_found");
        }
        self.seen.add("introspection secret", secret);
        self.seen.tokens(&self.at.refresh(client_id, token).await.json());
        let stolen = self.at.refresh(client_id, first["refresh_token"].as_str().unwrap()).await;
        assert!(stolen.body.contains("used before"), "{stolen:?}");
    }

    async fn code_replay(&mut self, client: &Value) {
        let code = self.authorize(client, "allow").await.unwrap();
        self.redeem(client, &code).await;
        self.at.redeem(client["client_id"].as_str().unwrap(), &code).await.refused(400, "invalid_grant");
    }

    async fn userinfo(&mut self, client: &Value) {
        let code = self.authorize_for(client, "allow", "openid profile email").await.unwrap();
        let tokens = self.redeem(client, &code).await;
        let token = tokens["access_token"].as_str().unwrap();
        let broken = format!("{token}x");
        self.seen.add("broken token", &broken);
        for (token, status) in [(token, 200), (&broken, 401)] {
            let request = self.at.http.get(format!("{}/userinfo", self.at.issuer)).bearer_auth(token);
            assert_eq!(request.send().await.unwrap().status(), status);
        }
        let form = [("client_id", client["client_id"].as_str().unwrap()), ("token", token)];
        assert_eq!(self.at.post("/revoke", &form).await.status, 200);
    }

    async fn confidential(&mut self, client: &Value, method: &str) {
        let (id, secret) = (client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
        let code = self.authorize(client, "allow").await.unwrap();
        let wrong = format!("{secret}wrong");
        self.seen.add("wrong client secret", &wrong);
        for secret in [&*wrong, secret] {
            let header = basic(id, secret);
            self.seen.add("basic credentials", header.strip_prefix("Basic ").unwrap());
            let mut form = vec![("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
            let mut headers = vec![];
            match method {
                "client_secret_basic" => headers.push(("authorization", &*header)),
                _ => form.extend([("client_id", id), ("client_secret", secret)]),
            }
            let answer = self.at.post_with("/token", &form, &headers).await.json();
            if answer["error"] == "invalid_client" {
                assert_eq!(secret, wrong);
                continue;
            }
            self.seen.tokens(&answer);
            form.truncate(0);
            form.extend([("token", answer["refresh_token"].as_str().unwrap())]);
            form.extend([("client_id", id), ("client_secret", secret)].iter().filter(|_| headers.is_empty()));
            assert_eq!(self.at.post_with("/introspect", &form, &headers).await.json()["active"], true);
            assert_eq!(self.at.post_with("/revoke", &form, &headers).await.status, 200);
        }
    }

    async fn broken_cookie(&mut self) {
        let mut other = self.person.clone();
        other.cookies.values_mut().for_each(|cookie| cookie.push_str("broken"));
        other.get("/").await;
        let request = self.at.http.get(format!("{}/logout", self.at.issuer));
        let unknown = base64url([7; 16]);
        self.seen.add("unknown cookie", &unknown);
        request.header("cookie", format!("keyward={unknown}")).send().await.unwrap();
    }

    async fn sign_out(&mut self) {
        let page = self.person.get("/logout").await;
        self.form_token(&page, "/logout");
        assert_eq!(self.person.submit(&page, "/logout", &[]).await.status, 200);
    }

    /// The MCP server is called with its tokens, with wrong ones, and with some in the wrong place.
    pub async fn call(&mut self, keyward: &Keyward) {
        let client = self.register("none").await;
        let code = self.authorize(&client, "allow").await.unwrap();
        let tokens = self.redeem(&client, &code).await;
        let token = tokens["access_token"].as_str().unwrap();
        let id_token = tokens["id_token"].as_str().unwrap();
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "walker", "version": "1"}});
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello});
        let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "whoami"}});
        let mut session = None;
        let misplaced = format!("?access_token={token}");
        for (body, query, token, status) in [
            (&hello, "", token, 200),
            (&call, "", token, 200),
            (&call, "", id_token, 401),
            (&call, &misplaced, token, 400),
        ] {
            let request = self.at.http.post(format!("{}{query}", keyward.resource)).bearer_auth(token).json(body);
            let request = request.header("accept", "application/json, text/event-stream");
            let request = session.iter().fold(request, |request, id| request.header("mcp-session-id", id));
            let answer = request.header("mcp-protocol-version", "2025-06-18").send().await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{body}");
            session = answer.headers().get("mcp-session-id").cloned().or(session);
        }
    }
}
