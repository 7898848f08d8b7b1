//! The audit trail: a record of events that an operator can question later.
pub mod chain;
pub mod changed_settings;
mod event;
mod queue;
mod recording;
pub mod shown;
mod tally;
pub mod telling;
mod trail;
mod wrong_try;

pub use event::Event;
pub use queue::AuditQueue;
pub use recording::log;
pub use trail::Trail;
pub use wrong_try::WrongTry;
