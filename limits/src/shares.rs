//! Who holds how much of something there is only so much of, and who has to yield.
mod holdings;
mod rates;
mod seats;
mod table;

pub use holdings::Holdings;
pub use rates::{Quota, Rates};
pub use seats::{Full, Seat, Seats};
pub use table::Table;
