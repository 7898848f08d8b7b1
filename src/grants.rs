//! Grant types of the token endpoint: one file each, and one line in the list of [`crate::model::grant_type`].
mod grant_type;

use crate::{
    config::{Config, grant_types},
    model::grant_type::each_grant_type,
};
pub use grant_type::{GrantType, UnidentifiedRequest};

/// Each module has a constant `GRANT_TYPE`.
macro_rules! grant_types {
    ($($module:ident $constant:ident $name:literal,)*) => {
        $(pub mod $module;)*
        const ALL: &[(&str, GrantType)] = &[$(($name, $module::GRANT_TYPE)),*];
    };
}
each_grant_type!(grant_types);

/// The parameters of token requests that only some grant types have.
#[must_use]
pub fn parameters() -> Vec<(&'static str, bool, &'static str)> {
    ALL.iter().flat_map(|(_, grant_type)| grant_type.parameters).copied().collect()
}

/// The grant type with this name, if the settings have it enabled.
#[must_use]
pub fn find(config: &Config, name: &str) -> Option<(&'static str, &'static GrantType)> {
    let known = ALL.iter().find(|(known, _)| *known == name && grant_types::is_enabled(config, name));
    known.map(|(name, grant_type)| (*name, grant_type))
}
