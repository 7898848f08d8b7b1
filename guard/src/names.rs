//! Names that some reader takes for each other: parsers and binders compare them by case, by Unicode's foldings, or
//! without separators.
use unicode_normalization::UnicodeNormalization;

/// Bytes of a name that is compared with others: what it is compared as may be eleven times as long.
pub const LONGEST: usize = 1024;

/// Would a reader who does not look closely read the same?
pub fn alike(one: &str, other: &str) -> bool {
    folded(one).eq(folded(other))
}

/// Letters and digits, in compatibility form (UAX #15), without case, accents, and what shows nothing.
pub fn folded(name: &str) -> impl Iterator<Item = char> {
    name.nfkd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).filter(|char| char.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_is_what_any_reader_takes_for_the_same() {
        for other in [
            "clientScopes",
            "CLIENTSCOPES",
            "client_scopes",
            "client-scopes",
            " client scopes\0",
            "clientſcopeſ",
            "ｃlientScopes",
            "cl\u{131}entScopes",
            "cl\u{130}entScopes",
            "client\u{200b}Sco\u{ad}pes",
            "clientScopés",
        ] {
            assert!(alike("clientScopes", other), "{other:?}");
        }
        assert!(alike("kind", "\u{212A}ind") && alike("straße", "STRASSE"));
        for other in ["clientScope", "clientScopes2", "", "сlientScopes"] {
            assert!(!alike("clientScopes", other), "{other:?}");
        }
    }
}
