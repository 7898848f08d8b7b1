//! Clients of a running server over HTTP: programs, and a person with a browser.
use super::{
    app::{Answer, VERIFIER, authorize_path, basic, encode},
    browser::{borrowed, hidden},
};
use keyward::{model::ClientId, oauth::params::form_urlencode};
use reqwest::header;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where the demo's clients listen.
pub const REDIRECT: &str = "http://127.0.0.1:51004/callback";

/// An authorization request of a client that listens there.
pub fn request_of(client: &str) -> String {
    authorize_path(&ClientId::from(client), &[("redirect_uri", REDIRECT)])
}

/// Where it answers programs; an error is an answer that never came.
#[derive(Clone)]
pub struct Address {
    pub issuer: String,
    pub http: reqwest::Client,
}

impl Address {
    pub fn new(port: u16) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        Self { issuer: format!("http://127.0.0.1:{port}"), http: http.build().unwrap() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.http.get(format!("{}{path}", self.issuer))).await.unwrap()
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.post_with(path, form, &[]).await
    }

    pub async fn post_with(&self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        send(self.form(path, form, headers)).await.unwrap()
    }

    fn form(&self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.issuer)).body(encode(form));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    }

    pub async fn try_register(&self, body: &Value) -> reqwest::Result<Answer> {
        send(self.http.post(format!("{}/register", self.issuer)).json(body)).await
    }

    pub async fn register(&self, body: &Value) -> Value {
        let answer = self.try_register(body).await.unwrap();
        assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
        answer.json()
    }

    /// Redeems a code as a public client.
    pub async fn redeem(&self, client: &str, code: &str) -> Answer {
        let form = [("grant_type", "authorization_code"), ("client_id", client), ("code", code)];
        self.post("/token", &[&form[..], &[("code_verifier", VERIFIER)]].concat()).await
    }

    pub async fn try_refresh(&self, client: &str, refresh_token: &str) -> reqwest::Result<Answer> {
        let form = [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", refresh_token)];
        send(self.form("/token", &form, &[])).await
    }

    pub async fn refresh(&self, client: &str, refresh_token: &str) -> Answer {
        self.try_refresh(client, refresh_token).await.unwrap()
    }

    /// What the demo's MCP server is told of a token.
    pub async fn introspect(&self, token: &str) -> Value {
        let header = basic("demo-resource-server", "demo-resource-secret");
        self.post_with("/introspect", &[("token", token)], &[("authorization", &header)]).await.json()
    }

    pub fn person(&self) -> Person {
        Person { at: self.clone(), cookies: BTreeMap::new() }
    }

    /// A person who has signed in.
    pub async fn signed_in(&self, username: &str, password: &str) -> Person {
        let mut person = self.person();
        assert_eq!(person.sign_in(username, password, "/").await.location(), "/");
        person
    }
}

pub async fn send(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(Answer { status, headers, body: response.text().await? })
}

/// Keeps cookies, finds the forms in pages, fills them in and sends them.
#[derive(Clone)]
pub struct Person {
    pub at: Address,
    pub cookies: BTreeMap<String, String>,
}

impl Person {
    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self.at.http.get(format!("{}{path}", self.at.issuer)).header("sec-fetch-site", "none");
        self.send(request.header(header::ACCEPT, super::browser::ACCEPT)).await
    }

    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let from = [
            ("origin", self.at.issuer.as_str()),
            ("sec-fetch-site", "same-origin"),
            ("accept", super::browser::ACCEPT),
        ];
        self.send(self.at.form(path, form, &from)).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let answer = send(request.header(header::COOKIE, pairs.collect::<Vec<_>>().join("; "))).await.unwrap();
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
        }
        answer
    }

    /// Fills in and sends the form of this page that posts to `action`.
    pub async fn submit(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let form = hidden(page, action);
        self.post(action, &[&borrowed(&form)[..], fields].concat()).await
    }

    pub async fn sign_in(&mut self, username: &str, password: &str, return_to: &str) -> Answer {
        let page = self.get(&format!("/login?return_to={}", form_urlencode(return_to))).await;
        self.submit(&page, "/login", &[("username", username), ("password", password)]).await
    }

    /// Opens an authorization request (a path, or a URL here) and says yes if asked.
    pub async fn approve(&mut self, request: &str) -> Answer {
        self.decide(request, "allow").await
    }

    pub async fn decide(&mut self, request: &str, decision: &str) -> Answer {
        let page = self.get(request.strip_prefix(&self.at.issuer).unwrap_or(request)).await;
        if page.status.is_redirection() {
            return page;
        }
        self.submit(&page, "/consent", &[("decision", decision)]).await
    }
}
