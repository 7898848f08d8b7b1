//! The time, and the dates of others.
pub use keyward_limits::clock::Clock;
pub use keyward_oauth::date::{date, parse};
