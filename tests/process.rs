//! The program as a process: started, used, killed, started again.
mod audit;
mod crash;
mod documents;
mod keys;
mod log;
mod opaque;
mod operators;
mod rmcp;
mod rmcp_surfaces;
mod secrets;
mod starting;
mod walker;
