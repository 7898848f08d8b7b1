//! People who sign in with a password, each in a browser that nobody signed in with before.
use crate::{
    argon2_limit::hash_time,
    browser::Browser,
    protocol::authorization,
    scenario::{Scenario, Worker, Workers, es256, needed},
    site::{Person, Site},
};
use anyhow::ensure;
use std::{sync::Arc, time::Duration};

/// More than there are cores, so that these always have somebody to judge.
const CONNECTIONS: usize = 8;

pub struct SignIn;

#[async_trait::async_trait]
impl Scenario for SignIn {
    fn name(&self) -> &'static str {
        "sign_in"
    }

    fn title(&self) -> &'static str {
        "sign-in with a password"
    }

    fn fits(&self, site: &Site) -> bool {
        site.is.person.judged && site.is.forwarded_for && es256(site).is_some()
    }

    fn least(&self) -> Option<Duration> {
        hash_time().ok()
    }

    async fn workers(&self, site: &Arc<Site>) -> anyhow::Result<Workers> {
        let worker =
            |number| -> anyhow::Result<Box<dyn Worker>> { Ok(Box::new(Newcomer::new(site, number * PLACES)?)) };
        (0..CONNECTIONS).map(worker).collect()
    }
}

/// Addresses of one connection.
const PLACES: usize = 1 << 16;

/// Somebody else at each step, at another address.
pub struct Newcomer {
    site: Arc<Site>,
    browser: Browser,
    number: usize,
}

impl Newcomer {
    pub fn new(site: &Arc<Site>, number: usize) -> anyhow::Result<Self> {
        Ok(Self { site: Arc::clone(site), browser: Browser::new(site, number)?, number })
    }

    /// Whether they are let in.
    async fn tries(&mut self, person: &Person) -> anyhow::Result<bool> {
        self.number += 1;
        self.browser.is_another(self.number)?;
        let request = authorization(&self.site, needed(&self.site, es256)?, &self.site.is.scope, &[("state", "here")]);
        self.browser.sign_in(&request, person).await
    }
}

#[async_trait::async_trait]
impl Worker for Newcomer {
    async fn step(&mut self) -> anyhow::Result<()> {
        let site = Arc::clone(&self.site);
        ensure!(self.tries(&site.is.person).await?, "the right password is not taken");
        Ok(())
    }

    async fn probe(&mut self) -> anyhow::Result<()> {
        let Person { username, password, .. } = &self.site.is.person;
        let (username, password) = (username.clone(), format!("not {password}"));
        ensure!(!self.tries(&Person { username, password, judged: true }).await?, "a wrong password is taken");
        Ok(())
    }
}
