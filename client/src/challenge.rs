//! `WWW-Authenticate` in every legal form: several schemes, in any order, with commas in quotes (RFC 9110 §11.6.1).
use std::collections::BTreeMap;

/// One scheme with its parameters; names in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Challenge {
    pub scheme: String,
    pub parameters: BTreeMap<String, String>,
}

impl Challenge {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }
}

/// All challenges of all `WWW-Authenticate` lines.
pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<Challenge> {
    lines.into_iter().flat_map(parse_line).collect()
}

/// The parameter of the first challenge of an OAuth scheme that has it.
pub fn parameter<'a>(challenges: &'a [Challenge], name: &str) -> Option<&'a str> {
    challenges.iter().filter(|challenge| challenge.is("Bearer") || challenge.is("DPoP")).find_map(|c| c.get(name))
}

/// The rule that one line breaks (RFC 9110 §11.6.1), if any. The text of the line is not repeated, except for names of
/// its parameters.
pub fn malformed(line: &[u8]) -> Option<String> {
    let Some(line) =
        std::str::from_utf8(line).ok().filter(|line| line.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')))
    else {
        return Some("it has characters that are not ASCII".to_owned());
    };
    if !is_closed(line) {
        return Some("a quotation mark is not closed".to_owned());
    }
    let parts = split(line);
    if parts.is_empty() {
        return Some("it is empty".to_owned());
    }
    let mut names: Vec<String> = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let (scheme, rest) = leading_scheme(part);
        match scheme {
            Some(scheme) if !is_token(scheme) => return Some("its scheme is no word".to_owned()),
            Some(_) => names.clear(),
            None if number == 0 => return Some("it begins without a scheme, such as Bearer".to_owned()),
            None => {}
        }
        if rest.is_empty() || (scheme.is_some() && is_token68(rest)) {
            continue;
        }
        let Some((name, value)) = rest.split_once('=') else {
            return Some("what follows its scheme is no parameter (NAME=VALUE)".to_owned());
        };
        let name = name.trim().to_ascii_lowercase();
        if !is_token(&name) {
            return Some("a parameter has no name".to_owned());
        }
        if names.contains(&name) {
            return Some(format!("{name} stands in it twice"));
        }
        if let Some(what) = malformed_value(value.trim()) {
            return Some(format!("{what} {name}"));
        }
        names.push(name);
    }
    None
}

/// What is wrong with a parameter's value. The parameter's name completes the sentence.
fn malformed_value(value: &str) -> Option<&'static str> {
    if let Some(inner) = value.strip_prefix('"') {
        let mut escaped = false;
        let end = inner.find(|character| {
            let ends = character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        return (end.map(|end| end + 1) != Some(inner.len())).then_some("a comma is missing after the value of");
    }
    match value {
        "" => Some("there is no value for"),
        _ if is_token(value) => None,
        _ => Some("quotation marks are missing around the value of"),
    }
}

/// Whether a text is a token (RFC 9110 §5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Whether a text is a token68, which `Negotiate` and others have instead of parameters (RFC 9110 §11.2).
fn is_token68(text: &str) -> bool {
    let bare = text.trim_end_matches('=');
    !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

fn is_closed(line: &str) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for character in line.chars() {
        if character == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && character == '\\' && !escaped;
    }
    !quoted
}

fn parse_line(line: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    for part in split(line) {
        let (scheme, rest) = leading_scheme(&part);
        if let Some(scheme) = scheme {
            challenges.push(Challenge { scheme: scheme.to_owned(), ..Challenge::default() });
        }
        let Some((name, value)) = rest.split_once('=') else { continue };
        if let Some(challenge) = challenges.last_mut() {
            // The first value counts: a repeated parameter must not replace it.
            challenge.parameters.entry(name.trim().to_ascii_lowercase()).or_insert_with(|| unquote(value.trim()));
        }
    }
    challenges
}

/// Splits a line at its commas outside of quotes.
fn split(line: &str) -> Vec<String> {
    let (mut parts, mut part, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for character in line.chars() {
        match character {
            '"' if !escaped => quoted = !quoted,
            ',' if !quoted => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        escaped = quoted && character == '\\' && !escaped;
        part.push(character);
    }
    parts.push(part);
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// The scheme that a part begins with, and the rest of the part. `Bearer realm="x"` begins a challenge, `realm="x"`
/// continues one.
fn leading_scheme(part: &str) -> (Option<&str>, &str) {
    let word = part.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(part.len());
    let (first, rest) = part.split_at(word);
    if rest.trim_start().starts_with('=') { (None, part) } else { (Some(first), rest.trim_start()) }
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut text = String::new();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        text.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    text
}

#[cfg(test)]
mod tests;
