//! Codes that are exchanged for tokens. They are fetched beforehand, which is not measured.
use crate::{
    browser::Browser,
    protocol::{authorization, exchange, refuses_code, refuses_verifier},
    scenario::{Scenario, Worker, Workers, es256, needed},
    site::Site,
};
use anyhow::{Context, ensure};
use std::sync::Arc;

const CONNECTIONS: usize = 16;
/// For each connection. Codes live for a minute, in which all must be used.
const SUPPLY: usize = 64;

pub struct CodeExchange {
    name: &'static str,
    title: &'static str,
    id_token: bool,
}

pub const WITHOUT_ID_TOKEN: CodeExchange =
    CodeExchange { name: "code_exchange_plain", title: "code exchange, without ID token", id_token: false };
pub const WITH_ID_TOKEN: CodeExchange =
    CodeExchange { name: "code_exchange_id_token", title: "code exchange, with RS256 ID token", id_token: true };

#[async_trait::async_trait]
impl Scenario for CodeExchange {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn fits(&self, site: &Site) -> bool {
        es256(site).is_some() && !(self.id_token && site.is.bare)
    }

    async fn workers(&self, site: &Arc<Site>) -> anyhow::Result<Workers> {
        let mut workers: Workers = vec![];
        for number in 0..CONNECTIONS {
            let (site, browser) = (Arc::clone(site), Browser::new(site, number)?);
            let mut app = App { site, browser, id_token: self.id_token, codes: vec![], used: None };
            // People sign in one after the other.
            app.fetch().await?;
            workers.push(Box::new(app));
        }
        Ok(workers)
    }
}

struct App {
    site: Arc<Site>,
    browser: Browser,
    id_token: bool,
    codes: Vec<String>,
    used: Option<String>,
}

impl App {
    async fn fetch(&mut self) -> anyhow::Result<()> {
        let scope = if self.id_token { format!("openid {}", self.site.is.scope) } else { self.site.is.scope.clone() };
        let state = self.codes.len().to_string();
        let request = authorization(&self.site, needed(&self.site, es256)?, &scope, &[("state", &state)]);
        self.codes.push(self.browser.authorize(&request, &state).await?.code);
        Ok(())
    }
}

#[async_trait::async_trait]
impl Worker for App {
    async fn prepare(&mut self) -> anyhow::Result<()> {
        while self.codes.len() < SUPPLY {
            self.fetch().await?;
        }
        Ok(())
    }

    fn ready(&self) -> bool {
        !self.codes.is_empty()
    }

    async fn step(&mut self) -> anyhow::Result<()> {
        let code = self.codes.pop().context("no code")?;
        let resource = needed(&self.site, es256)?;
        let tokens = exchange(&self.site, &mut self.browser.line, &code, resource).await?;
        ensure!(tokens.refresh_token.is_some(), "no refresh token");
        ensure!(tokens.id_token.is_some() == self.id_token, "an ID token is there: {}", tokens.id_token.is_some());
        if self.used.is_none()
            && let Some(token) = &tokens.id_token
        {
            self.site.keys.check(token, "RS256", &self.site.is.app.id).context("the ID token")?;
        }
        self.used = Some(code);
        Ok(())
    }

    async fn probe(&mut self) -> anyhow::Result<()> {
        let site = Arc::clone(&self.site);
        let resource = needed(&site, es256)?;
        let used = self.used.take().context("no code was used")?;
        refuses_code(&site, &mut self.browser.line, &used, resource).await?;
        self.codes.clear();
        self.fetch().await?;
        let fresh = self.codes.pop().context("no code")?;
        refuses_verifier(&site, &mut self.browser.line, &fresh, resource).await
    }
}
