//! One server, or two in turn: A B A B, so that what the machine does meanwhile meets both.
use crate::{
    load::{Turn, turn},
    scenario::Scenario,
    site::Site,
};
use anyhow::Context;
use std::{sync::Arc, time::Duration};

pub struct Plan {
    pub length: Duration,
    pub pairs: u16,
}

/// A scenario, and what each server did in it; a server that it does not fit has done nothing.
pub struct Case {
    pub name: &'static str,
    pub title: &'static str,
    pub turns: Vec<Vec<Turn>>,
}

impl Plan {
    pub async fn run(&self, sites: &[Arc<Site>], scenarios: &[&'static dyn Scenario]) -> anyhow::Result<Vec<Case>> {
        let mut cases = vec![];
        for scenario in scenarios {
            let mut turns: Vec<Vec<Turn>> = sites.iter().map(|_| vec![]).collect();
            for pair in 1..=self.pairs {
                eprint!("\r\x1b[K{} {pair}/{}", scenario.title(), self.pairs);
                for (site, turns) in sites.iter().zip(&mut turns).filter(|(site, _)| scenario.fits(site)) {
                    let about = || format!("{}, {}", scenario.name(), site.is.name);
                    turns.push(turn(*scenario, site, self.length).await.with_context(about)?);
                }
            }
            cases.push(Case { name: scenario.name(), title: scenario.title(), turns });
        }
        eprint!("\r\x1b[K");
        Ok(cases)
    }
}
