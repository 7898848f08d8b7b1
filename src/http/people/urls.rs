//! Where pages lead, and come back to.
use crate::{http::respond::SeeOther, oauth::params::form_urlencode};

pub const AUTHORIZE: &str = "/authorize?";
pub const DEVICE: &str = "/device";
pub const DEVICE_WITH_CODE: &str = "/device?user_code=";
/// Tells the sign-in page why somebody is there.
pub const SIGNED_OUT: &str = "why=signed_out";
/// Bytes: the URL travels as one parameter through the sign-in page, and its query through the consent page.
pub const MAX_URL: usize = 32 * 1024;

pub fn authorize_url(query: &str) -> String {
    format!("{AUTHORIZE}{query}")
}

pub fn to_login(query: &str) -> SeeOther {
    SeeOther(format!("/login?return_to={}", form_urlencode(&authorize_url(query))))
}

/// Somebody signed out while a page of ours was open, which waits for whoever signs in now.
pub fn after_sign_out(page: &str) -> SeeOther {
    SeeOther(format!("/login?return_to={}&{SIGNED_OUT}", form_urlencode(page)))
}
