//! The current time, and dates set by other clocks.
pub use keyward_limits::clock::{Clock, Moment};
pub use keyward_oauth::date::{InvalidDate, date, parse};
use time::Duration;

/// By how much the clocks of two nodes may differ. A date further in the future was written before this clock was set
/// back, and its age is unknown.
pub const NODES_DIFFER: Duration = Duration::minutes(2);
