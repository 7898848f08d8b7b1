//! Logs: for people on a terminal or as JSON, each line inside the request it belongs to.
use std::{io::IsTerminal, net::IpAddr};
use tracing_subscriber::{EnvFilter, fmt};

tokio::task_local! {
    /// The request that is being answered.
    pub static REQUEST: Request;
}

#[derive(Clone)]
pub struct Request {
    /// What the answer (`X-Request-Id`), the log, error pages and the audit trail call it.
    pub id: String,
    pub address: IpAddr,
    /// As it calls itself, shortened.
    pub user_agent: Option<String>,
}

/// `None` outside a request.
#[must_use]
pub fn request() -> Option<Request> {
    REQUEST.try_with(Clone::clone).ok()
}

/// `None` outside a request.
#[must_use]
pub fn request_id() -> Option<String> {
    REQUEST.try_with(|request| request.id.clone()).ok()
}

/// To standard error, so that standard output is the command's own. `RUST_LOG` chooses what; by default `info`, and of
/// what talks much only warnings.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    // Whatever else is asked for: in detail it writes down what clients of the demo's MCP server send as it is.
    let quiet = "rmcp=warn".parse();
    let filter = quiet.into_iter().fold(filter, EnvFilter::add_directive);
    let logs = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A second initialisation (tests) changes nothing.
    let _ = if std::io::stderr().is_terminal() { logs.compact().try_init() } else { logs.json().try_init() };
}
