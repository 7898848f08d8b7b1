//! Refresh tokens that rotate: each connection is an app that refreshes, again and again.
use crate::{
    browser::Browser,
    protocol::{authorization, exchange, refresh, refuses_refresh},
    scenario::{Scenario, Worker, Workers, es256, needed},
    site::Site,
    wire::Line,
};
use anyhow::{Context, ensure};
use std::sync::Arc;

pub struct Refresh {
    name: &'static str,
    title: &'static str,
    chains: usize,
}

pub const CHAINS_16: Refresh = Refresh { name: "refresh_16", title: "refresh, 16 chains", chains: 16 };
pub const CHAINS_64: Refresh = Refresh { name: "refresh_64", title: "refresh, 64 chains", chains: 64 };

#[async_trait::async_trait]
impl Scenario for Refresh {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn fits(&self, site: &Site) -> bool {
        es256(site).is_some()
    }

    async fn workers(&self, site: &Arc<Site>) -> anyhow::Result<Workers> {
        let resource = needed(site, es256)?;
        let mut browser = Browser::new(site, 0)?;
        let mut workers: Workers = vec![];
        for chain in 0..self.chains {
            let state = chain.to_string();
            let request = authorization(site, resource, &site.is.scope, &[("state", &state)]);
            let arrival = browser.authorize(&request, &state).await?;
            let mut line = site.line()?;
            let tokens = exchange(site, &mut line, &arrival.code, resource).await?;
            let first = tokens.refresh_token.context("no refresh token")?;
            workers.push(Box::new(App { site: Arc::clone(site), line, before: vec![], live: first }));
        }
        Ok(workers)
    }
}

struct App {
    site: Arc<Site>,
    line: Line,
    /// The two before the live one, the older first.
    before: Vec<String>,
    live: String,
}

#[async_trait::async_trait]
impl Worker for App {
    async fn step(&mut self) -> anyhow::Result<()> {
        let tokens = refresh(&self.site, &mut self.line, &self.live, needed(&self.site, es256)?).await?;
        let next = tokens.refresh_token.context("no refresh token")?;
        ensure!(next != self.live, "the refresh token did not rotate");
        if self.before.len() == 2 {
            self.before.remove(0);
        }
        self.before.push(std::mem::replace(&mut self.live, next));
        Ok(())
    }

    /// A token from before the last two rotations is a theft, and ends the live one too (OAuth 2.1 §4.3.1).
    async fn probe(&mut self) -> anyhow::Result<()> {
        let resource = needed(&self.site, es256)?;
        let oldest = self.before.first().context("it never rotated twice")?;
        refuses_refresh(&self.site, &mut self.line, oldest, resource).await.context("a token that was used before")?;
        let live = refuses_refresh(&self.site, &mut self.line, &self.live, resource).await;
        live.context("the live token of a grant that was stolen from")
    }
}
