//! What a scenario is: connections at work on one server, and what they need of it.
use crate::site::{Resource, Site};
use anyhow::Context;
use std::{sync::Arc, time::Duration};

pub type Workers = Vec<Box<dyn Worker>>;

#[async_trait::async_trait]
pub trait Scenario: Sync {
    fn name(&self) -> &'static str;

    /// In words, for tables.
    fn title(&self) -> &'static str;

    /// Whether this server can be measured by it.
    fn fits(&self, site: &Site) -> bool;

    /// What a step takes of a processor at least, if that is known.
    fn least(&self) -> Option<Duration> {
        None
    }

    /// One for each connection.
    async fn workers(&self, site: &Arc<Site>) -> anyhow::Result<Workers>;
}

/// One connection at work.
#[async_trait::async_trait]
pub trait Worker: Send {
    /// Brings up the supply of what steps use up. Not measured.
    async fn prepare(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Whether there is enough for another step.
    fn ready(&self) -> bool {
        true
    }

    /// What it does between two steps.
    async fn pause(&mut self) {}

    /// Whether its steps are what is measured; else they go on beside.
    fn counts(&self) -> bool {
        true
    }

    /// What is measured, and every answer checked.
    async fn step(&mut self) -> anyhow::Result<()>;

    /// What a server must refuse, it refuses. Afterwards, not measured.
    async fn probe(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}

/// One of the resources that a server's file names.
pub type Choice = fn(&Site) -> Option<&Resource>;

pub fn es256(site: &Site) -> Option<&Resource> {
    site.is.resources.es256.as_ref()
}

pub fn opaque(site: &Site) -> Option<&Resource> {
    site.is.resources.opaque.as_ref()
}

pub fn needed(site: &Site, choice: Choice) -> anyhow::Result<&Resource> {
    choice(site).context("the server's file names no such resource")
}
