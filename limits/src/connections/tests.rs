//! The listener against what clients do on a socket. Time stands still until a test moves it.
mod requests;
mod server;
mod shares;
mod stop;
mod waits;
