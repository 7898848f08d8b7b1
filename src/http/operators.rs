//! What operators may look at: one file and one name in this list each.
mod administrator;

use super::endpoint::{Endpoint, placed};
use crate::app::App;

/// Each module offers `endpoint`.
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
