//! The public keys, as each resource server fetches them.
use crate::{
    keys::Keys,
    scenario::{Scenario, Worker, Workers},
    site::Site,
    wire::Line,
};
use axum::{body::Bytes, http::StatusCode};
use std::sync::Arc;

const CONNECTIONS: usize = 16;

pub struct Jwks;

#[async_trait::async_trait]
impl Scenario for Jwks {
    fn name(&self) -> &'static str {
        "jwks"
    }

    fn title(&self) -> &'static str {
        "JWKS"
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
        let answer = self.line.get(&self.site.jwks).await?;
        answer.good(StatusCode::OK)?;
        // The same bytes say the same.
        if answer.body != self.seen {
            Keys::read(&answer.body)?;
            self.seen = answer.body;
        }
        Ok(())
    }
}
