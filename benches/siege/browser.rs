//! A browser at one address: keeps cookies, fills in forms.
use super::wire::{Answer, FORM, Line, form};
use anyhow::Context;
use axum::http::{Request, header, request::Builder};
use scraper::{Html, Selector};
use std::collections::BTreeMap;

pub struct Browser {
    line: Line,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    pub fn new(line: Line) -> Self {
        Self { line, cookies: BTreeMap::new() }
    }

    /// As after years: what is kept for longer than a session is still there.
    pub fn forget_sessions(&mut self) {
        self.cookies.retain(|name, _| name.contains("browser") || name.contains("known"));
    }

    pub async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.send(Request::get(path).header("sec-fetch-site", "none"), String::new()).await
    }

    /// Sends the form of this page that posts to `action`.
    pub async fn submit(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> anyhow::Result<Answer> {
        let hidden = hidden(&page.body, action).with_context(|| format!("no form for {action}: {}", page.status))?;
        let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = form(&hidden.chain(fields.iter().copied()).collect::<Vec<_>>());
        let request = Request::post(action).header(header::CONTENT_TYPE, FORM).header("sec-fetch-site", "same-origin");
        self.send(request.header(header::ORIGIN, format!("http://{}", self.line.to)), body).await
    }

    async fn send(&mut self, request: Builder, body: String) -> anyhow::Result<Answer> {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = self.line.send(request.header(header::COOKIE, pairs.join("; ")), body).await?;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').context("a cookie without a name")?;
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Ok(answer)
    }
}

fn hidden(page: &str, action: &str) -> Option<Vec<(String, String)>> {
    let html = Html::parse_document(page);
    let form = html.select(&Selector::parse(&format!("form[action='{action}']")).ok()?).next()?;
    let value = |name, input: &scraper::ElementRef| input.value().attr(name).unwrap_or("").to_owned();
    let inputs = Selector::parse("input[type=hidden]").ok()?;
    Some(form.select(&inputs).map(|input| (value("name", &input), value("value", &input))).collect())
}
