//! Budgets with a share for each source: one stranger's noise never costs somebody else. For both servers.
pub mod connections; // the listener: how many connections, and how long each may take
pub mod guesses; // wrong secrets, by pair, source and account
pub mod shares; // rates, seats and tables, each with a share for every source
pub mod source; // whom a request belongs to
pub mod spelling; // one form of what is compared
pub mod stop; // how a program is asked to end

mod steady; // time that never runs backwards
