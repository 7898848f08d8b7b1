//! Tokens for programs, with a secret, by what the tokens are.
use crate::{
    protocol::{client_credentials, introspect, revoke},
    scenario::{Choice, Scenario, Worker, Workers, es256, needed, opaque},
    site::Site,
    wire::Line,
};
use anyhow::ensure;
use std::sync::Arc;

const CONNECTIONS: usize = 16;
/// Of so many tokens one signature is checked: all would cost more than the server's work.
const CHECKED: u64 = 64;

pub struct ClientCredentials {
    name: &'static str,
    title: &'static str,
    choice: Choice,
}

pub const ES256: ClientCredentials =
    ClientCredentials { name: "client_credentials_es256", title: "client credentials, ES256 JWT", choice: es256 };
pub const OPAQUE: ClientCredentials =
    ClientCredentials { name: "client_credentials_opaque", title: "client credentials, opaque", choice: opaque };
pub const EDDSA: ClientCredentials = ClientCredentials {
    name: "client_credentials_eddsa",
    title: "client credentials, EdDSA JWT",
    choice: |site| site.is.resources.eddsa.as_ref(),
};
pub const RS256: ClientCredentials = ClientCredentials {
    name: "client_credentials_rs256",
    title: "client credentials, RS256 JWT",
    choice: |site| site.is.resources.rs256.as_ref(),
};

#[async_trait::async_trait]
impl Scenario for ClientCredentials {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn fits(&self, site: &Site) -> bool {
        (self.choice)(site).is_some()
    }

    async fn workers(&self, site: &Arc<Site>) -> anyhow::Result<Workers> {
        let worker = |_| -> anyhow::Result<Box<dyn Worker>> {
            let (site, line) = (Arc::clone(site), site.line()?);
            Ok(Box::new(Program { site, line, choice: self.choice, last: String::new(), steps: 0 }))
        };
        (0..CONNECTIONS).map(worker).collect()
    }
}

struct Program {
    site: Arc<Site>,
    line: Line,
    choice: Choice,
    last: String,
    steps: u64,
}

#[async_trait::async_trait]
impl Worker for Program {
    async fn step(&mut self) -> anyhow::Result<()> {
        let resource = needed(&self.site, self.choice)?;
        let tokens = client_credentials(&self.site, &mut self.line, resource).await?;
        ensure!(tokens.access_token != self.last, "the same token again");
        ensure!(tokens.refresh_token.is_none(), "a refresh token for a program (RFC 6749 §4.4.3)");
        self.last = tokens.access_token;
        if self.steps.is_multiple_of(CHECKED)
            && let Some(alg) = &resource.signing_alg
        {
            self.site.keys.check(&self.last, alg, &resource.identifier)?;
        }
        self.steps += 1;
        Ok(())
    }

    /// The last token is good, until it is revoked.
    async fn probe(&mut self) -> anyhow::Result<()> {
        let Some(caller) = &needed(&self.site, self.choice)?.introspection else { return Ok(()) };
        let caller = caller.basic();
        ensure!(introspect(&self.site, &mut self.line, &caller, &self.last).await?, "a fresh token is not good");
        revoke(&self.site, &mut self.line, &self.site.is.service, &self.last).await?;
        ensure!(!introspect(&self.site, &mut self.line, &caller, &self.last).await?, "a revoked token is good");
        Ok(())
    }
}
