//! Credentials inside text: those of this run wherever they stand, others by the words before them.
use super::secret::{is_secret, mask};
use crate::encode;
use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};
use url::form_urlencoded;

/// Characters of the shortest credential that is masked. Shorter ones are words, and masking those would tell more than
/// it hides.
const SHORTEST_CREDENTIAL: usize = 6;

/// How the result of [`mask`] begins. Such a text is not masked again.
const MASKED: &str = "sha256:";

static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn known() -> MutexGuard<'static, BTreeSet<String>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Remembers a credential of this run, so that it is masked in every line.
pub fn learn(secret: &str) {
    if secret.len() >= SHORTEST_CREDENTIAL {
        known().insert(secret.to_owned());
    }
}

/// The line with every credential masked.
pub fn text(line: &str) -> String {
    let known = known();
    let line = known.iter().rev().fold(line.to_owned(), |line, secret| without(&line, secret));
    let mut before = PreviousWord::Other;
    words(&line, |word| {
        // Any character of a credential may be percent-encoded.
        let hidden =
            word.contains('%').then(|| decoded(word)).and_then(|text| known.iter().find(|s| text.contains(*s)));
        hidden.map_or_else(|| masked(word, &mut before), |secret| mask(secret))
    })
}

/// Masks a credential however it is written: as it is, in a form, in a URL, in Basic.
fn without(line: &str, secret: &str) -> String {
    let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    [secret, &form, &encode::base64(secret), &encode::base64url(secret)]
        .into_iter()
        .fold(line.to_owned(), |line, spelling| line.replace(spelling, &mask(secret)))
}

/// Changes every word of a line, and leaves what stands between the words.
fn words(line: &str, mut change: impl FnMut(&str) -> String) -> String {
    let (mut shown, mut rest) = (String::new(), line);
    while !rest.is_empty() {
        let (between, tail) = rest.split_at(rest.find(in_word).unwrap_or(rest.len()));
        let (word, tail) = tail.split_at(tail.find(|c| !in_word(c)).unwrap_or(tail.len()));
        shown.push_str(between);
        shown.push_str(&change(word));
        rest = tail;
    }
    shown
}

/// What the previous word says about the next one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PreviousWord {
    Other,
    /// `Bearer`, `Basic`, ...
    Scheme,
    /// The name of a credential. Its value may follow after a colon.
    Name,
    /// The name of a credential with its colon.
    Named,
}

fn masked(word: &str, before: &mut PreviousWord) -> String {
    if matches!(word, ":" | "=") && *before == PreviousWord::Name {
        *before = PreviousWord::Named;
        return word.to_owned();
    }
    let (was, name) = (*before, word.trim_end_matches([':', '=']));
    *before = match name {
        _ if is_scheme(name) => PreviousWord::Scheme,
        _ if secret_name(name) && name.len() < word.len() => PreviousWord::Named,
        _ if secret_name(name) => PreviousWord::Name,
        _ => PreviousWord::Other,
    };
    match was {
        _ if word.is_empty() || *before != PreviousWord::Other => word.to_owned(),
        _ if word.starts_with(MASKED) => word.to_owned(),
        PreviousWord::Named => mask(word),
        PreviousWord::Scheme if is_opaque(word) => mask(word),
        _ => inside(word),
    }
}

/// `name=value`, `scheme://user:password@host`, and a JWT anywhere.
fn inside(word: &str) -> String {
    if let Some((scheme, rest)) = word.split_once("://") {
        let authority = rest.find('/').unwrap_or(rest.len());
        if let Some(at) = rest[..authority].rfind('@') {
            return format!("{}://{}", inside(scheme), inside(&rest[at + 1..]));
        }
    }
    let separators = word.char_indices().filter(|(_, c)| matches!(c, '=' | ':'));
    for (at, _) in separators {
        if secret_name(&word[..at]) && at + 1 < word.len() && !word[at + 1..].starts_with(MASKED) {
            return format!("{}{}", &word[..=at], mask(&word[at + 1..]));
        }
    }
    let parts = word.split_inclusive(['/', ':', '@', '=', '%']);
    parts.map(|part| if is_jwt(part) { mask(part) } else { part.to_owned() }).collect()
}

/// Whether the last part of a text names a credential, however it is written.
fn secret_name(text: &str) -> bool {
    let text = decoded(text);
    text.rsplit(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).next().is_some_and(is_secret)
}

fn is_scheme(word: &str) -> bool {
    ["bearer", "basic", "dpop", "negotiate", "token"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// Whether a word cannot be one of a language, because it has digits or capitals inside.
fn is_opaque(word: &str) -> bool {
    let odd = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase();
    let inner = word.trim_end_matches('=');
    word.len() >= 8 && !inner.contains('=') && inner.chars().skip(1).any(odd)
}

fn is_jwt(part: &str) -> bool {
    part.starts_with("eyJ") && part.matches('.').count() >= 2
}

fn in_word(character: char) -> bool {
    !character.is_whitespace() && !"\"'<>()[]{},;&?#|\\".contains(character)
}

fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return text.into();
    }
    // Without its separators a form is plain percent-encoding, so the form's parser decodes it.
    let pair = text.replace('+', "%2B").replace('=', "%3D").replace('&', "%26");
    let decoded = form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _)| name.into_owned());
    decoded.unwrap_or_default().into()
}

#[cfg(test)]
mod tests;
