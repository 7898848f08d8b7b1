//! Endpoints for operators: one file and one name in this list for each.
mod operator;

use super::endpoint::{Endpoint, placed};
use crate::app::App;

/// Each module has a function `endpoint`.
macro_rules! endpoints {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*
        #[must_use]
        pub fn all(app: &App) -> Vec<Endpoint> {
            placed(app, vec![$($module::endpoint(app)),*])
        }
    };
}
endpoints!(debug, metrics);
