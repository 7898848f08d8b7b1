//! The time, and the dates of others.
pub use keyward_limits::clock::{Clock, Moment};
pub use keyward_oauth::date::{NoDate, date, parse};
use time::Duration;

/// By how much the clocks of two nodes may differ. What was dated further in the future was so before the clock was set
/// back, and nobody knows how long ago that is.
pub const NODES_DIFFER: Duration = Duration::minutes(2);
