//! Operators' acts: one function and one event for each. All faces (the commands, the views of `/debug`) call these
//! functions and never storage directly.
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

/// The result of an operation; an error means that nothing was changed.
pub type OperationResult<T> = Result<T, OperationError>;

/// Logs an event that storage recorded in the transaction of the act.
fn logged<T>((done, event): (T, AuditEvent)) -> T {
    log(&event);
    done
}

/// A date as text.
#[must_use]
pub fn date(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| at.unix_timestamp().to_string())
}
