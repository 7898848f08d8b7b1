//! The metadata, as each client asks for it first.
use crate::{
    scenario::{Scenario, Worker, Workers},
    site::Site,
    wire::Line,
};
use anyhow::ensure;
use axum::{body::Bytes, http::StatusCode};
use serde_json::Value;
use std::sync::Arc;

const CONNECTIONS: usize = 16;

pub struct Discovery;

#[async_trait::async_trait]
impl Scenario for Discovery {
    fn name(&self) -> &'static str {
        "discovery"
    }

    fn title(&self) -> &'static str {
        "discovery"
    }

    fn fits(&self, _: &Site) -> bool {
        true
    }

    async fn workers(&self, site: &Arc<Site>) -> anyhow::Result<Workers> {
        let worker = |_| -> anyhow::Result<Box<dyn Worker>> {
            Ok(Box::new(Reader { site: Arc::clone(site), line: site.line()?, seen: Bytes::new() }))
        };
        (0..CONNECTIONS).map(worker).collect()
    }
}

struct Reader {
    site: Arc<Site>,
    line: Line,
    seen: Bytes,
}

#[async_trait::async_trait]
impl Worker for Reader {
    async fn step(&mut self) -> anyhow::Result<()> {
        let answer = self.line.get(&self.site.metadata).await?;
        answer.good(StatusCode::OK)?;
        // The same bytes say the same.
        if answer.body != self.seen {
            let metadata: Value = serde_json::from_slice(&answer.body)?;
            ensure!(metadata["issuer"] == self.site.is.issuer, "the issuer is {}", metadata["issuer"]);
            self.seen = answer.body;
        }
        Ok(())
    }
}
