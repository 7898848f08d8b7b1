//! Browsers that have signed in to an account before: other people's wrong guesses do not lock them out.
use crate::{
    app::App,
    model::User,
    secrets::{Digest, base64url, from_base64url},
};
use aws_lc_rs::{constant_time, hmac};

/// Accounts that one browser is remembered for.
const MAX_ACCOUNTS: usize = 5;
const NONCE_BYTES: usize = 16;

/// Whether one of these marks is genuine, and was made for this account with its current password.
#[must_use]
pub fn is_known(app: &App, marks: &str, user: &User) -> bool {
    marks.split('.').take(MAX_ACCOUNTS).any(|mark| is_of(app, mark, user))
}

/// The marks to set in a browser that just signed in to this account.
#[must_use]
pub fn remember(app: &App, marks: &str, user: &User) -> String {
    let nonce = rand::random::<[u8; NONCE_BYTES]>();
    let mac = authenticate(app, &nonce, user);
    let mark = base64url([&nonce, &mac.as_ref()[..NONCE_BYTES]].concat());
    let others = marks.split('.').filter(|other| other.len() == mark.len() && !is_of(app, other, user));
    [mark.as_str()].into_iter().chain(others).take(MAX_ACCOUNTS).collect::<Vec<_>>().join(".")
}

fn is_of(app: &App, mark: &str, user: &User) -> bool {
    let bytes = from_base64url(mark).unwrap_or_default();
    let Some((nonce, mac)) = bytes.split_at_checked(NONCE_BYTES) else { return false };
    let expected = authenticate(app, nonce, user);
    constant_time::verify_slices_are_equal(&expected.as_ref()[..NONCE_BYTES], mac).is_ok()
}

/// The mark does not reveal the account to whoever reads the cookie.
fn authenticate(app: &App, nonce: &[u8], user: &User) -> hmac::Tag {
    let mut context = hmac::Context::with_key(app.derived_keys.known_browsers());
    context.update(nonce);
    context.update(user.id.as_bytes());
    context.update(Digest::of(&user.password_hash).as_bytes());
    context.sign()
}
