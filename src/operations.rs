//! What operators do: one function an act, and one event each. Every face calls these, and none asks storage itself.
pub mod audit;
pub mod clients;
pub mod consents;
mod error;
pub mod grants;
pub mod keys;
mod operator;
mod page;
pub mod registration_tokens;
pub mod users;

pub use error::OperationError;
pub use operator::Operator;
pub use page::{Page, Paging};

use crate::{audit::log, model::AuditEvent};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What an operation brings, or why it was refused and changed nothing.
pub type Outcome<T> = Result<T, OperationError>;

/// What was done in one transaction with its event, which the log tells of only now.
fn logged<T>((done, event): (T, AuditEvent)) -> T {
    log(&event);
    done
}

/// A date as text.
#[must_use]
pub fn date(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| at.unix_timestamp().to_string())
}
