//! The whole code flow of people who are signed in: from the authorization request to tokens.
use crate::{
    browser::Browser,
    protocol::{authorization, exchange, refuses_code},
    scenario::{Scenario, Worker, Workers, es256, needed},
    site::Site,
};
use anyhow::{Context, ensure};
use std::sync::Arc;

/// Each is a person with a session.
const CONNECTIONS: usize = 4;

pub struct Authorize {
    name: &'static str,
    title: &'static str,
    /// Whether the consent page comes each time.
    asked: bool,
}

pub const REMEMBERED: Authorize =
    Authorize { name: "authorize_remembered", title: "authorize, consent remembered, to token", asked: false };
pub const ASKED: Authorize =
    Authorize { name: "authorize_asked", title: "authorize, consent page each time, to token", asked: true };

#[async_trait::async_trait]
impl Scenario for Authorize {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn fits(&self, site: &Site) -> bool {
        es256(site).is_some() && !(self.asked && site.is.bare)
    }

    async fn workers(&self, site: &Arc<Site>) -> anyhow::Result<Workers> {
        let mut workers: Workers = vec![];
        for number in 0..CONNECTIONS {
            let (site, browser) = (Arc::clone(site), Browser::new(site, number)?);
            let mut person = Person { site, browser, asked: self.asked, flows: 0, used: None };
            // Signs in, and allows the app for the first time.
            person.flow().await?;
            workers.push(Box::new(person));
        }
        Ok(workers)
    }
}

struct Person {
    site: Arc<Site>,
    browser: Browser,
    asked: bool,
    flows: u64,
    used: Option<String>,
}

impl Person {
    /// How many forms had to be filled in.
    async fn flow(&mut self) -> anyhow::Result<usize> {
        let resource = needed(&self.site, es256)?;
        self.flows += 1;
        let state = self.flows.to_string();
        let more: &[_] = if self.asked { &[("state", &*state), ("prompt", "consent")] } else { &[("state", &*state)] };
        let request = authorization(&self.site, resource, &self.site.is.scope, more);
        let arrival = self.browser.authorize(&request, &state).await?;
        let tokens = exchange(&self.site, &mut self.browser.line, &arrival.code, resource).await?;
        ensure!(tokens.refresh_token.is_some(), "no refresh token");
        self.used = Some(arrival.code);
        Ok(arrival.forms)
    }
}

#[async_trait::async_trait]
impl Worker for Person {
    async fn step(&mut self) -> anyhow::Result<()> {
        let forms = self.flow().await?;
        ensure!(forms == usize::from(self.asked), "{forms} forms came");
        Ok(())
    }

    async fn probe(&mut self) -> anyhow::Result<()> {
        let used = self.used.take().context("no code was used")?;
        refuses_code(&self.site, &mut self.browser.line, &used, needed(&self.site, es256)?).await
    }
}
