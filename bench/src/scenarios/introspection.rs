//! A resource server that asks about tokens, over and over about the same ones, of which some were revoked.
use crate::{
    protocol::{client_credentials, introspect, revoke},
    scenario::{Choice, Scenario, Worker, Workers, needed, opaque},
    site::Site,
    wire::Line,
};
use anyhow::{Context, ensure};
use std::sync::Arc;

const CONNECTIONS: usize = 16;
/// For each connection; the last of them is revoked before it begins.
const TOKENS: usize = 16;

pub struct Introspection {
    name: &'static str,
    title: &'static str,
    choice: Choice,
}

pub const JWT: Introspection = Introspection {
    name: "introspection_jwt",
    title: "introspection, JWT",
    choice: |site| site.is.resources.introspected.as_ref(),
};
pub const OPAQUE: Introspection =
    Introspection { name: "introspection_opaque", title: "introspection, opaque", choice: opaque };

#[async_trait::async_trait]
impl Scenario for Introspection {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn fits(&self, site: &Site) -> bool {
        (self.choice)(site).is_some_and(|resource| resource.introspection.is_some())
    }

    async fn workers(&self, site: &Arc<Site>) -> anyhow::Result<Workers> {
        let resource = needed(site, self.choice)?;
        let caller = resource.introspection.as_ref().context("nobody may ask about the resource's tokens")?.basic();
        let mut workers: Workers = vec![];
        for _ in 0..CONNECTIONS {
            let mut line = site.line()?;
            let mut tokens = vec![];
            for _ in 0..TOKENS {
                tokens.push((client_credentials(site, &mut line, resource).await?.access_token, true));
            }
            let (last, good) = tokens.last_mut().context("no tokens")?;
            revoke(site, &mut line, &site.is.service, last).await?;
            *good = false;
            workers.push(Box::new(ResourceServer {
                site: Arc::clone(site),
                line,
                caller: caller.clone(),
                tokens,
                at: 0,
            }));
        }
        Ok(workers)
    }
}

struct ResourceServer {
    site: Arc<Site>,
    line: Line,
    caller: String,
    tokens: Vec<(String, bool)>,
    at: usize,
}

#[async_trait::async_trait]
impl Worker for ResourceServer {
    async fn step(&mut self) -> anyhow::Result<()> {
        self.at = (self.at + 1) % self.tokens.len();
        let (token, good) = &self.tokens[self.at];
        let active = introspect(&self.site, &mut self.line, &self.caller, token).await?;
        ensure!(active == *good, "active is {active} where it is {good}");
        Ok(())
    }

    /// What was just found good is not, once it is revoked.
    async fn probe(&mut self) -> anyhow::Result<()> {
        let (first, _) = &self.tokens[0];
        let active = introspect(&self.site, &mut self.line, &self.caller, first).await?;
        revoke(&self.site, &mut self.line, &self.site.is.service, first).await?;
        let after = introspect(&self.site, &mut self.line, &self.caller, first).await?;
        ensure!(active && !after, "active is {active}, and {after} after the token was revoked");
        Ok(())
    }
}
