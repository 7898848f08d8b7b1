//! A browser: keeps cookies, finds forms in pages, fills them in and sends them.
use super::app::{Answer, TestApp, encode};
use axum::{
    body::Body,
    http::{Request, header},
};
use keyward::oauth::params::form_urlencode;
use scraper::{Html, Selector};
use std::collections::BTreeMap;

/// What browsers accept when they open a page.
pub const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

pub struct Browser<'a> {
    test: &'a TestApp,
    pub cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub fn new(test: &'a TestApp) -> Self {
        Self { test, cookies: BTreeMap::new() }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = Request::get(path).header("sec-fetch-site", "none").header(header::ACCEPT, ACCEPT);
        self.send(request.header(header::COOKIE, self.cookie()).body(Body::empty()).unwrap()).await
    }

    /// Posts as one of our own pages would.
    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let from = [("origin", super::app::ISSUER), ("sec-fetch-site", "same-origin")];
        self.post_from(path, form, &from).await
    }

    pub async fn post_from(&mut self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, ACCEPT)
            .header(header::COOKIE, self.cookie());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(encode(form))).unwrap()).await
    }

    async fn send(&mut self, request: Request<Body>) -> Answer {
        let answer = self.test.send(request).await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if value.is_empty() || rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    fn cookie(&self) -> String {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    pub async fn sign_in(&mut self, username: &str, password: &str, return_to: &str) -> Answer {
        let page = self.get(&format!("/login?return_to={}", form_urlencode(return_to))).await;
        let mut form = hidden(&page, "/login");
        form.push(("username".into(), username.into()));
        form.push(("password".into(), password.into()));
        self.post("/login", &borrowed(&form)).await
    }

    /// Opens an authorization URL and says yes if asked.
    pub async fn approve(&mut self, path: &str) -> Answer {
        self.decide(path, "allow").await
    }

    pub async fn decide(&mut self, path: &str, decision: &str) -> Answer {
        let page = self.get(path).await;
        if page.status.is_redirection() {
            return page;
        }
        self.post("/consent", &borrowed(&answered(&page, "/consent", decision))).await
    }
}

/// The hidden fields of the form that posts to `action`; there must be one.
#[track_caller]
pub fn hidden(page: &Answer, action: &str) -> Vec<(String, String)> {
    let html = Html::parse_document(&page.body);
    let form = Selector::parse(&format!("form[action='{action}']")).unwrap();
    let form = html.select(&form).next().unwrap_or_else(|| panic!("no form for {action}: {page:?}"));
    let inputs = Selector::parse("input[type=hidden]").unwrap();
    let value = |name, input: &scraper::ElementRef| input.value().attr(name).unwrap_or("").to_owned();
    form.select(&inputs).map(|input| (value("name", &input), value("value", &input))).collect()
}

/// The form of the question that posts to `action`, with this answer.
#[track_caller]
pub fn answered(page: &Answer, action: &str, decision: &str) -> Vec<(String, String)> {
    let mut form = hidden(page, action);
    form.push(("decision".into(), decision.into()));
    form
}

#[track_caller]
pub fn yes(page: &Answer, action: &str) -> Vec<(String, String)> {
    answered(page, action, "allow")
}

pub fn borrowed(form: &[(String, String)]) -> Vec<(&str, &str)> {
    form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
