//! A browser: keeps cookies, follows redirects, fills in whatever form a page has.
mod cookies;
mod forms;

use crate::{
    site::{Person, Site},
    wire::{Answer, Line},
};
use anyhow::{Context, ensure};
use axum::http::{Request, StatusCode, header, request::Builder};
use cookies::Cookies;
use forms::Form;
use std::{net::Ipv4Addr, sync::Arc};
use url::Url;

/// From the first request to the app; no server needs more.
const MAX_STEPS: usize = 12;
const FORM: &str = "application/x-www-form-urlencoded";

pub struct Browser {
    site: Arc<Site>,
    /// Everything that a person's app does goes over the same connection.
    pub line: Line,
    cookies: Cookies,
}

/// Where an authorization request ended, and what it took.
pub struct Arrival {
    pub code: String,
    pub forms: usize,
}

impl Browser {
    /// Those of different numbers are at different addresses, if the server lets us say so.
    pub fn new(site: &Arc<Site>, number: usize) -> anyhow::Result<Self> {
        let mut browser = Self { site: Arc::clone(site), line: site.line()?, cookies: Cookies::default() };
        browser.is_another(number)?;
        Ok(browser)
    }

    /// Forgets everything, and is at the address of this number. The connection stays, as a proxy's does.
    pub fn is_another(&mut self, number: usize) -> anyhow::Result<()> {
        self.cookies = Cookies::default();
        if self.site.is.forwarded_for {
            let number = u32::try_from(number % (1 << 24))?;
            self.line.is_from(Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + number))?;
        }
        Ok(())
    }

    /// Sends the person to the server and does as told until the server sends them back to the app.
    pub async fn authorize(&mut self, request: &str, state: &str) -> anyhow::Result<Arrival> {
        let (site, mut forms) = (Arc::clone(&self.site), 0);
        let mut answer = self.get(request).await?;
        for _ in 0..MAX_STEPS {
            answer = if answer.status.is_redirection() {
                let to = answer.header(&header::LOCATION).context("a redirect to nowhere")?.to_owned();
                if to.starts_with(&self.site.is.app.redirect_uri) {
                    return Ok(Arrival { code: self.code(&to, state)?, forms });
                }
                self.get(&self.path(&to)?).await?
            } else {
                forms += 1;
                self.submit(&answer, &site.is.person).await?
            };
        }
        anyhow::bail!("after {MAX_STEPS} steps it is still not over: {}", answer.start())
    }

    /// Whether the person is let in. What was asked for stays undone.
    pub async fn sign_in(&mut self, request: &str, person: &Person) -> anyhow::Result<bool> {
        let mut answer = self.get(request).await?;
        for _ in 0..MAX_STEPS {
            if !answer.status.is_redirection() {
                return Ok(self.submit(&answer, person).await?.status.is_redirection());
            }
            let to = answer.header(&header::LOCATION).context("a redirect to nowhere")?;
            answer = self.get(&self.path(to)?).await?;
        }
        anyhow::bail!("after {MAX_STEPS} steps there is still no page")
    }

    /// Creates the person by a link that brings a form for a new password.
    pub async fn sign_up(mut self, link: &str) -> anyhow::Result<()> {
        let site = Arc::clone(&self.site);
        let page = self.get(&self.path(link)?).await?;
        let answer = self.submit(&page, &site.is.person).await?;
        let made = answer.status.is_redirection() || answer.status.is_success();
        ensure!(made, "no account was made: {} {}", answer.status, answer.start());
        Ok(())
    }

    /// RFC 6749 §4.1.2, RFC 9207 §2.
    fn code(&self, url: &str, state: &str) -> anyhow::Result<String> {
        let url = Url::parse(url)?;
        let member = |wanted: &str| {
            let pair = url.query_pairs().find(|(name, _)| name == wanted);
            pair.map(|(_, value)| value.into_owned()).with_context(|| format!("no {wanted}: {url}"))
        };
        ensure!(member("state")? == state, "another state came back");
        ensure!(member("iss")? == self.site.is.issuer, "another iss came back");
        member("code")
    }

    async fn submit(&mut self, page: &Answer, person: &Person) -> anyhow::Result<Answer> {
        let html = std::str::from_utf8(page.good(StatusCode::OK)?)?;
        let form = Form::read(html, person).with_context(|| format!("no form: {}", page.start()))?;
        let path = self.path(&form.action)?;
        let request = Request::post(&path).header(header::CONTENT_TYPE, FORM).header("sec-fetch-site", "same-origin");
        let request = request.header(header::ORIGIN, format!("http://{}", self.site.host));
        self.send(&path, request, form.body).await
    }

    async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.send(path, Request::get(path), String::new()).await
    }

    async fn send(&mut self, path: &str, request: Builder, body: String) -> anyhow::Result<Answer> {
        let mut request = request.header(header::ACCEPT, "text/html");
        if let Some(cookies) = self.cookies.for_path(path) {
            request = request.header(header::COOKIE, cookies);
        }
        let answer = self.line.send(request, body).await?;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            self.cookies.keep(cookie.to_str()?)?;
        }
        Ok(answer)
    }

    /// Path and query of a URL of this server, absolute or not.
    fn path(&self, url: &str) -> anyhow::Result<String> {
        let base = Url::parse(&format!("http://{}", self.site.host))?;
        let url = base.join(url)?;
        ensure!(url.origin() == base.origin(), "the way leads elsewhere: {url}");
        Ok(url[url::Position::BeforePath..].to_owned())
    }
}
