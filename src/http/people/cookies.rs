//! Names of cookies.
use crate::app::App;

/// With the prefix `__Host-`, which binds a cookie to this very host, where possible: it needs https and the path `/`.
pub fn name(app: &App, name: &str) -> String {
    let prefix = match (app.config.is_https(), app.config.base_path()) {
        (false, _) => "",
        (true, "") => "__Host-",
        (true, _) => "__Secure-",
    };
    format!("{prefix}{name}")
}
