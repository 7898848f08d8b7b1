//! Logs: for people on a terminal, or as JSON. Each line belongs to its request, and secrets are masked.
use axum::{extract::MatchedPath, http::Method};
use keyward_shared::mask::Masker;
use std::{
    fmt,
    io::{self, IsTerminal, Write},
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};
use tracing::{Event, Span, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

tokio::task_local! {
    /// The request that is being answered.
    pub static REQUEST: Request;
}

#[derive(Clone)]
pub struct Request {
    /// The request id in the response (`X-Request-Id`), the log, error pages and the audit trail.
    pub id: String,
    pub method: Method,
    /// Of the route.
    pub path: Option<MatchedPath>,
    pub address: IpAddr,
    /// The `User-Agent` as sent, with any content.
    pub user_agent: Option<String>,
}

/// Bytes of a `User-Agent` that are kept; honest programs send less.
const MAX_USER_AGENT_BYTES: usize = 1024;

/// Drops a partial word at the end: half a secret would not be recognised and masked.
#[must_use]
pub fn shortened(user_agent: &str) -> Option<&str> {
    if user_agent.len() <= MAX_USER_AGENT_BYTES {
        return Some(user_agent);
    }
    let start = &user_agent[..user_agent.floor_char_boundary(MAX_USER_AGENT_BYTES)];
    start.rsplit_once(' ').map(|(whole, _)| whole)
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

/// Logs to standard error, so that standard output belongs to the command. `RUST_LOG` sets the levels. By default a
/// server logs `info` and only warnings of verbose libraries; other commands log only warnings.
pub fn init(is_server: bool) {
    let usual = if is_server { "info,sqlx=warn,tower_sessions=warn" } else { "warn" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    // Always applied: the detailed logs of this library contain what clients of the demo's MCP server send.
    let quiet = "rmcp=warn".parse();
    let filter = quiet.into_iter().fold(filter, EnvFilter::add_directive);
    let logs =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Masked(io::stderr())).with_target(false);
    // A second initialisation (tests) changes nothing.
    let _ = if std::io::stderr().is_terminal() {
        logs.compact().map_event_format(InRequest).try_init()
    } else {
        logs.json().map_event_format(InRequest).try_init()
    };
}

/// Formats each line as within a span of its request. The span is made only then, because most requests log nothing.
struct InRequest<F>(F);

impl<S, N, F> FormatEvent<S, N> for InRequest<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let span = REQUEST.try_with(|Request { id, method, path, .. }| {
            // Of the highest level, so that no filter of levels takes the id away.
            tracing::error_span!("request", %id, %method, path = path.as_ref().map(MatchedPath::as_str))
        });
        let _entered = span.as_ref().map(Span::enter);
        self.0.format_event(context, writer, event)
    }
}

/// Masks secrets in the log; before the settings are read, it recognises them by their form only.
static MASKER: RwLock<Option<Arc<Masker>>> = RwLock::new(None);

/// Replaces the masker of the log.
pub fn mask(masker: Arc<Masker>) {
    *MASKER.write().unwrap_or_else(PoisonError::into_inner) = Some(masker);
}

fn masker() -> Option<Arc<Masker>> {
    MASKER.read().unwrap_or_else(PoisonError::into_inner).clone().or_else(|| Masker::of([]).ok().map(Arc::new))
}

/// A writer that masks secrets; each write must be a whole line.
struct Masked<W>(W);

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let (text, end) = text.strip_suffix('\n').map_or((&*text, ""), |text| (text, "\n"));
        let masked = masker().map_or_else(|| "a line that could not be masked".to_owned(), |masker| masker.text(text));
        // The line and its end are written together, so that lines of other threads do not come between.
        self.0.write_all([&masked, end].concat().as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::{fmt, fmt::MakeWriter};

    #[derive(Clone, Default)]
    struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Masked<Self>;
        fn make_writer(&'a self) -> Masked<Self> {
            Masked(self.clone())
        }
    }

    #[test]
    fn attack_196_no_line_of_the_log_holds_a_secret_whatever_field_it_is_in() {
        const TOKEN: &str = "kwr_0123456789abcdefghijklmnopqrstuvwxyz";
        mask(Arc::new(Masker::of(["a configured secret!"]).unwrap()));
        let lines = Lines::default();
        let log = || {
            let _span = tracing::info_span!("request", path = TOKEN).entered();
            tracing::info!(client = format!("https://x.example/{TOKEN}"), rule = "the rule", "refused");
            tracing::warn!(error = %"a%20configured%20secret%21", "a configured secret! {TOKEN}");
            tracing::warn!(name = "a harmless name", client_id = "kw_0199c0ffee", "done");
        };
        tracing::subscriber::with_default(fmt().json().with_writer(lines.clone()).finish(), log);
        tracing::subscriber::with_default(fmt().with_writer(lines.clone()).finish(), log);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        for secret in [TOKEN, "configured secret", "a%20configured", "0123456789abcdef"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert_eq!((text.lines().count(), text.matches("the rule").count()), (6, 2), "{text}");
        assert!(text.contains("a harmless name") && text.contains("kw_0199c0ffee"));
    }

    /// Collects the bytes of each write.
    #[derive(Default)]
    struct Writes(Vec<String>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_written_at_once_so_that_no_other_gets_between_it_and_its_end() {
        let mut log = Masked(Writes::default());
        log.write_all(b"{\"rule\":\"one\"}\n").unwrap();
        log.write_all(b"{\"rule\":\"two\"}\n").unwrap();
        assert_eq!(log.0.0, ["{\"rule\":\"one\"}\n", "{\"rule\":\"two\"}\n"]);
    }

    #[test]
    fn a_program_that_calls_itself_too_long_is_cut_between_words() {
        assert_eq!(shortened("curl/8"), Some("curl/8"));
        assert_eq!(shortened(&format!("curl/8 {}", "x".repeat(2_000))), Some("curl/8"));
        assert_eq!(shortened(&"é".repeat(2_000)), None);
    }
}
