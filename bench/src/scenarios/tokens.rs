//! Tokens for programs at a leisurely pace, alone and while 50 people a second sign in.
use super::sign_in::Newcomer;
use crate::{
    protocol::client_credentials,
    scenario::{Scenario, Worker, Workers, es256, needed},
    site::Site,
    wire::Line,
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};

const PROGRAMS: u32 = 4;
/// Tokens a second, of all programs together.
const TOKENS: u32 = 200;
const CROWD: u32 = 10;
/// Sign-ins a second, of the whole crowd.
const SIGN_INS: u32 = 50;

pub struct Tokens {
    name: &'static str,
    title: &'static str,
    crowd: bool,
}

pub const ALONE: Tokens = Tokens { name: "tokens_alone", title: "200 tokens a second", crowd: false };
pub const IN_A_CROWD: Tokens =
    Tokens { name: "tokens_in_a_crowd", title: "200 tokens a second beside 50 sign-ins", crowd: true };

#[async_trait::async_trait]
impl Scenario for Tokens {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn fits(&self, site: &Site) -> bool {
        es256(site).is_some() && (!self.crowd || site.is.person.judged && site.is.forwarded_for)
    }

    async fn workers(&self, site: &Arc<Site>) -> anyhow::Result<Workers> {
        let mut workers: Workers = vec![];
        for number in 0..PROGRAMS {
            let pace = Pace::new(Duration::from_secs(1) * PROGRAMS / TOKENS, number, PROGRAMS);
            workers.push(Box::new(Program { site: Arc::clone(site), line: site.line()?, pace }));
        }
        for number in 0..if self.crowd { CROWD } else { 0 } {
            let pace = Pace::new(Duration::from_secs(1) * CROWD / SIGN_INS, number, CROWD);
            let newcomer = Newcomer::new(site, usize::try_from(number << 16)?)?;
            workers.push(Box::new(Visitor { newcomer, pace }));
        }
        Ok(workers)
    }
}

/// When the next step is due. Who is late does not hurry.
struct Pace {
    every: Duration,
    next: Instant,
}

impl Pace {
    fn new(every: Duration, number: u32, of: u32) -> Self {
        Self { every, next: Instant::now() + every * number / of }
    }

    async fn due(&mut self) {
        let now = Instant::now();
        if self.next < now {
            self.next = now;
        }
        sleep_until(self.next).await;
        self.next += self.every;
    }
}

struct Program {
    site: Arc<Site>,
    line: Line,
    pace: Pace,
}

#[async_trait::async_trait]
impl Worker for Program {
    async fn pause(&mut self) {
        self.pace.due().await;
    }

    async fn step(&mut self) -> anyhow::Result<()> {
        client_credentials(&self.site, &mut self.line, needed(&self.site, es256)?).await.map(|_| ())
    }
}

struct Visitor {
    newcomer: Newcomer,
    pace: Pace,
}

#[async_trait::async_trait]
impl Worker for Visitor {
    fn counts(&self) -> bool {
        false
    }

    async fn pause(&mut self) {
        self.pace.due().await;
    }

    async fn step(&mut self) -> anyhow::Result<()> {
        self.newcomer.step().await
    }

    async fn probe(&mut self) -> anyhow::Result<()> {
        self.newcomer.probe().await
    }
}
