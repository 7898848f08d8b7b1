//! Rules that several kinds of settings share.
use super::Faults;
use crate::oauth::algorithm::Algorithm;
use secrecy::{ExposeSecret, SecretString};

/// Characters: a shorter secret could be guessed.
const MIN_SECRET_CHARACTERS: usize = 16;

/// The algorithm named at `path` must be one that this server signs with.
pub(super) fn algorithm(name: &str, path: &[&str], faults: &mut Faults) {
    let known = Algorithm::NAMES;
    faults.ensure(known.contains(&name), path, format!("{name:?} is not one of {}", known.join(", ")));
}

pub(super) fn long(secret: &SecretString, path: &[&str], faults: &mut Faults) {
    let is_long = secret.expose_secret().chars().count() >= MIN_SECRET_CHARACTERS;
    let text = format!("it needs at least {MIN_SECRET_CHARACTERS} characters; `openssl rand -hex 32` makes one");
    faults.ensure(is_long, path, text);
}
