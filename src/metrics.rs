//! Counters since the start, for Prometheus. Labels have few values, which strangers cannot choose.
use prometheus::{IntCounterVec, Opts, Registry, TextEncoder};

pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    tokens: IntCounterVec,
    refusals: IntCounterVec,
    sign_ins: IntCounterVec,
    replays: IntCounterVec,
}

impl Metrics {
    /// # Errors
    /// Only if two counters had the same name, which does not happen.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        Ok(Self {
            requests: counter("keyward_requests_total", "Requests that were answered.", &["endpoint", "status"])?,
            tokens: counter("keyward_tokens_issued_total", "Access tokens that were issued.", &["grant_type"])?,
            refusals: counter("keyward_refusals_total", "Requests that were refused, by error.", &["error"])?,
            sign_ins: counter("keyward_sign_ins_total", "Passwords that were tried.", &["result"])?,
            replays: counter(
                "keyward_refresh_replays_total",
                "Rotated refresh tokens that were presented again within the window, by whether program and address were the same.",
                &["by"],
            )?,
            registry,
        })
    }

    /// `endpoint` is a path of this server.
    pub fn request(&self, endpoint: &str, status: u16) {
        let class = ["1xx", "2xx", "3xx", "4xx", "5xx"].get(usize::from(status / 100).wrapping_sub(1));
        self.requests.with_label_values(&[endpoint, class.unwrap_or(&"other")]).inc();
    }

    pub fn token(&self, grant_type: &str) {
        self.tokens.with_label_values(&[grant_type]).inc();
    }

    pub fn refusal(&self, error: &str) {
        self.refusals.with_label_values(&[error]).inc();
    }

    pub fn sign_in(&self, succeeded: bool) {
        self.sign_ins.with_label_values(&[if succeeded { "success" } else { "failure" }]).inc();
    }

    pub fn replay(&self, same: bool) {
        self.replays.with_label_values(&[if same { "same" } else { "other" }]).inc();
    }

    pub fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
