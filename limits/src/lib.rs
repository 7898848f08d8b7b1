//! Budgets with a share for each source: one stranger's noise never costs somebody else. For both servers.
//!
//! `connections`, `guesses` and `verified` use `shares`; all of them use `source`. No file uses one that uses it.
pub mod clock; // the only asker of the time
pub mod connections; // the listener: how many connections there are, and how long each may take
pub mod guesses; // wrong secrets, counted for the account, the source, and both together
pub mod shares; // rates, seats and tables, each with a share for every source
pub mod source; // the address, the network or the person that a request counts for
pub mod spelling; // one form of each text that is compared
pub mod stop; // the signals that ask a program to end
pub mod verified; // tokens whose signature was verified a moment ago

mod steady; // a clock that never runs backwards
