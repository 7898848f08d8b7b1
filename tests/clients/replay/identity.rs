//! The first part of a replay: discovery, and then the client's document or registration.
use super::{Replay, text};
use crate::{
    clients::profile::{Authentication, Identity},
    support::{client_key::ClientKey, internet::json, remote::send},
};
use keyward::clients::configured;
use reqwest::Method;
use serde_json::{Value, json};

impl Replay {
    pub(super) async fn discover(&mut self) {
        let discovery = &self.profile.discovery;
        let mut answers = vec![];
        for path in &discovery.paths {
            self.may_ask(path, "GET", "mcp-protocol-version").await;
            let request = self.guarded.at.http.get(format!("{}{path}", self.guarded.at.issuer));
            let answer = send(request.header("mcp-protocol-version", "2026-07-28")).await.unwrap();
            assert!([200, 404].contains(&answer.status.as_u16()), "{answer:?}");
            assert_eq!(answer.header("content-type"), "application/json");
            answers.push(answer);
        }
        let last = answers.last().unwrap();
        assert_eq!(last.status, 200, "{last:?}");
        self.metadata = last.json();
        assert_eq!(self.metadata["issuer"], *self.guarded.at.issuer);
        assert_eq!(self.metadata["authorization_response_iss_parameter_supported"], true);
        assert_eq!(self.metadata["code_challenge_methods_supported"], json!(["S256"]));
        for (name, needed) in &self.profile.discovery.needs {
            let needed = serde_json::to_value(needed).unwrap();
            let said = &self.metadata[name];
            assert!(*said == needed || said.as_array().is_some_and(|all| all.contains(&needed)), "{name}: {said}");
        }
    }

    /// What a browser asks before it lets a web page go on.
    pub(super) async fn may_ask(&self, path: &str, method: &str, headers: &str) {
        let Some(origin) = &self.profile.discovery.origin else { return };
        let url = format!("{}{path}", self.guarded.at.issuer);
        let request = self.guarded.at.http.request(Method::OPTIONS, url).header("origin", origin);
        let request = request.header("access-control-request-method", method);
        let answer = send(request.header("access-control-request-headers", headers)).await.unwrap();
        assert!(answer.status.is_success(), "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{answer:?}");
        for header in headers.split(',') {
            assert!(answer.header("access-control-allow-headers").contains(header), "{answer:?}");
        }
    }

    pub(super) fn path(&self, endpoint: &str) -> String {
        text(&self.metadata[endpoint]).strip_prefix(&self.guarded.at.issuer).unwrap().to_owned()
    }

    pub(super) fn all_scopes(&self) -> String {
        let scopes = self.metadata["scopes_supported"].as_array().unwrap();
        scopes.iter().map(text).collect::<Vec<_>>().join(" ")
    }

    pub(super) async fn identify(&mut self) {
        match &self.profile.identity {
            Identity::Document(document) => {
                text(&document["client_id"]).clone_into(&mut self.client_id);
                self.internet.publish(document).await;
                if let Some(jwks_uri) = document["jwks_uri"].as_str() {
                    let key = ClientKey::rs256("cimd-20260428030119");
                    self.internet.serve_too(jwks_uri, json(&key.jwks())).await;
                    self.key = Some(key);
                }
            }
            Identity::Settings(settings) => {
                let table: toml::Table = toml::from_str(settings).unwrap();
                configured::write(&self.guarded.t.app).await.unwrap();
                let member = |name: &str| table[name].as_str().unwrap().to_owned();
                (self.client_id, self.secret) = (member("id"), member("secret"));
            }
            Identity::Registration(body) => {
                let mut body = body.clone();
                if body["scope"] == "*" {
                    body["scope"] = json!(self.all_scopes());
                }
                self.register(&body).await;
            }
        }
    }

    async fn register(&mut self, body: &Value) {
        self.may_ask("/register", "POST", "content-type,mcp-protocol-version").await;
        assert_eq!(self.path("registration_endpoint"), "/register");
        let answer = self.guarded.at.try_register(body).await.unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        let registered = answer.json();
        let other = &self.profile.expect.registered;
        for (name, asked) in body.as_object().unwrap() {
            let expected = other.get(name).map_or_else(|| asked.clone(), |value| serde_json::to_value(value).unwrap());
            // Some clients send it empty, which is as good as absent.
            if expected != "" {
                assert_eq!(registered[name], expected, "{name} in {registered}");
            }
        }
        for (name, expected) in other {
            assert_eq!(registered[name], serde_json::to_value(expected).unwrap(), "{name} in {registered}");
        }
        text(&registered["client_id"]).clone_into(&mut self.client_id);
        registered["client_secret"].as_str().unwrap_or_default().clone_into(&mut self.secret);
        let needs_one = !matches!(self.profile.token.authentication, Authentication::None);
        assert_eq!(!self.secret.is_empty(), needs_one, "{registered}");
    }
}
