//! Metrics of one server, for Prometheus: requests, refusals and durations. Clients cannot choose labels.
use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use keyward_guard::ErrorCode;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TEXT_FORMAT, TextEncoder};
use std::time::Duration;

/// Seconds.
const BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    refusals: IntCounterVec,
    durations: HistogramVec,
}

impl Metrics {
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new_custom(Some("keyward_resource_server".to_owned()), None)?;
        let counter = |name, help, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            prometheus::Result::Ok(counter)
        };
        let requests = counter("requests_total", "Requests to surfaces.", &["surface", "decision", "status"])?;
        let refusals = counter("refusals_total", "Requests that were refused, by error.", &["surface", "error"])?;
        let options = HistogramOpts::new("request_duration_seconds", "Until the answer began.");
        let durations = HistogramVec::new(options.buckets(BUCKETS.to_vec()), &["surface"])?;
        registry.register(Box::new(durations.clone()))?;
        Ok(Self { registry, requests, refusals, durations })
    }

    pub fn count(&self, surface: &str, decision: &str, status: u16, refusal: Option<ErrorCode>, took: Duration) {
        self.requests.with_label_values(&[surface, decision, &status.to_string()]).inc();
        self.durations.with_label_values(&[surface]).observe(took.as_secs_f64());
        if let Some(error) = refusal {
            self.refusals.with_label_values(&[surface, error.as_str()]).inc();
        }
    }

    pub fn show(&self) -> anyhow::Result<Response> {
        let text = TextEncoder::new().encode_to_string(&self.registry.gather())?;
        Ok(([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response())
    }
}
