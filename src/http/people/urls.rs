//! URLs that pages link and return to.
use crate::{http::respond::SeeOther, oauth::params::form_urlencode};

pub const AUTHORIZE: &str = "/authorize?";
pub const LOGIN: &str = "/login";
pub const DEVICE: &str = "/device";
pub const DEVICE_WITH_CODE: &str = "/device?user_code=";
/// The query that tells the sign-in page why it is shown.
pub const SIGNED_OUT: &str = "why=signed_out";
/// Bytes: the URL travels as one parameter through the sign-in page, and its query through the consent page.
pub const MAX_URL: usize = 32 * 1024;

pub fn authorize_url(query: &str) -> String {
    format!("{AUTHORIZE}{query}")
}

pub fn to_login(query: &str) -> SeeOther {
    SeeOther(format!("{LOGIN}?return_to={}", form_urlencode(&authorize_url(query))))
}

/// Redirects to sign in and back to `page`, after somebody signed out while the page was open.
pub fn after_sign_out(page: &str) -> SeeOther {
    SeeOther(format!("{LOGIN}?return_to={}&{SIGNED_OUT}", form_urlencode(page)))
}
