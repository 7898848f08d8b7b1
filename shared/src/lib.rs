//! What both servers need to tell of themselves: routes that say what they are for, and the mask over secrets.
pub mod api;
pub mod mask;
