//! Names of cookies.
use crate::app::App;

/// Bound to this very host where browsers can make sure of it: `__Host-` wants https, and cookies for all paths.
pub fn name(app: &App, name: &str) -> String {
    let prefix = match (app.config.is_https(), app.config.base_path()) {
        (false, _) => "",
        (true, "") => "__Host-",
        (true, _) => "__Secure-",
    };
    format!("{prefix}{name}")
}
