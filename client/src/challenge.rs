//! `WWW-Authenticate` as it may legally come: several schemes, in any order, commas inside quotes (RFC 9110 §11.6.1).
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

fn parse_line(line: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    for part in split(line) {
        let (scheme, rest) = leading_scheme(&part);
        if let Some(scheme) = scheme {
            challenges.push(Challenge { scheme: scheme.to_owned(), ..Challenge::default() });
        }
        let Some((name, value)) = rest.split_once('=') else { continue };
        if let Some(challenge) = challenges.last_mut() {
            // The first one counts: a repeated parameter must not replace it.
            challenge.parameters.entry(name.trim().to_ascii_lowercase()).or_insert_with(|| unquote(value.trim()));
        }
    }
    challenges
}

/// At commas outside of quotes.
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

/// `Bearer realm="x"` begins a challenge, `realm="x"` goes on with one.
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
mod tests {
    use super::*;

    #[test]
    fn several_schemes_in_one_line_are_told_apart_despite_quoted_commas() {
        let line =
            r#"Basic realm="a, b=c", charset="UTF-8", bearer Error = "x\"y", resource_metadata="https://a/b?c,d""#;
        let found = parse([line, "DPoP algs=\"ES256\", error=use_dpop_nonce", "Negotiate"]);
        assert_eq!(found.iter().map(|c| &*c.scheme).collect::<Vec<_>>(), ["Basic", "bearer", "DPoP", "Negotiate"]);
        assert_eq!(found[0].get("realm"), Some("a, b=c"));
        assert_eq!(found[1].get("error"), Some("x\"y"));
        assert_eq!(parameter(&found, "resource_metadata"), Some("https://a/b?c,d"));
        assert_eq!(found[2].get("error"), Some("use_dpop_nonce"));
        assert!(found[3].parameters.is_empty());
    }

    #[test]
    fn a_repeated_parameter_does_not_replace_the_first() {
        assert_eq!(parse(["Bearer scope=\"a\", scope=\"b\""])[0].get("scope"), Some("a"));
    }

    #[test]
    fn nonsense_is_no_panic() {
        for line in ["", ",", "=", "\"", "Bearer \"", "Bearer =", "Bearer a=\"\\", "a=b"] {
            parse([line]);
        }
    }
}
