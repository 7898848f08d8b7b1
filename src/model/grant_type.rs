//! Grant types by name (RFC 6749 §1.3 and its extensions), as requests, metadata and registrations have them.

/// The list of grant types: the file in `src/grants`, its constant, the name. The macro passes all of it to another
/// macro.
macro_rules! each_grant_type {
    ($ask:ident) => {
        $ask! {
            authorization_code AUTHORIZATION_CODE "authorization_code",
            client_credentials CLIENT_CREDENTIALS "client_credentials",
            device_code DEVICE_CODE "urn:ietf:params:oauth:grant-type:device_code",
            jwt_bearer JWT_BEARER "urn:ietf:params:oauth:grant-type:jwt-bearer",
            refresh_token REFRESH_TOKEN "refresh_token",
            token_exchange TOKEN_EXCHANGE "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    };
}
pub(crate) use each_grant_type;

macro_rules! names {
    ($($module:ident $constant:ident $name:literal,)*) => {
        $(pub const $constant: &str = $name;)*
        pub const NAMES: &[&str] = &[$($constant),*];
    };
}
each_grant_type!(names);
