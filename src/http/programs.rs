//! Endpoints for programs: one file and one name in this list for each.
use super::{
    endpoint::{Endpoint, placed},
    respond::Document,
};
use crate::app::App;

/// This server's metadata (RFC 8414).
#[must_use]
pub fn metadata(app: &App) -> Document {
    metadata::document(app, &all_but_metadata(app))
}

/// Each module has a function `endpoint`. The metadata advertises all the others.
macro_rules! endpoints {
    ($($module:ident),* $(,)?) => {
        mod metadata;
        $(mod $module;)*
        #[must_use]
        pub fn all(app: &App) -> Vec<Endpoint> {
            let mut all = all_but_metadata(app);
            all.push(metadata::endpoint(app, &all));
            all
        }

        fn all_but_metadata(app: &App) -> Vec<Endpoint> {
            placed(app, vec![$($module::endpoint(app)),*])
        }
    };
}
endpoints!(
    client_configuration,
    demo_clients,
    device_authorization,
    health,
    introspect,
    jwks,
    logo,
    par,
    ready,
    register,
    revoke,
    token,
    userinfo,
    well_known,
);
