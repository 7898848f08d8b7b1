//! `WWW-Authenticate` challenges (RFC 9110 §11.6.1, RFC 6750 §3, RFC 9449 §7.1).
use super::dpop;
use std::fmt;

/// An authentication scheme of HTTP, for access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RFC 6750
    Bearer,
    /// RFC 9449
    Dpop,
}

impl Scheme {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }

    /// Ignores case (RFC 9110 §11.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Bearer, Self::Dpop].into_iter().find(|scheme| text.eq_ignore_ascii_case(scheme.as_str()))
    }
}

/// A scheme and its parameters, in the order they were added.
#[derive(Clone, Debug)]
pub struct Challenge {
    text: String,
    /// Algorithms for signing proofs (RFC 9449 §7.1).
    algorithms: Option<String>,
}

impl Challenge {
    #[must_use]
    pub fn new(scheme: Scheme, realm: &str) -> Self {
        let algorithms = (scheme == Scheme::Dpop).then(|| dpop::ALGORITHMS.join(" "));
        Self { algorithms, ..Self::of(scheme.as_str(), realm) }
    }

    /// The challenge of `Basic` (RFC 7617 §2).
    #[must_use]
    pub fn basic(realm: &str) -> Self {
        Self::of("Basic", realm).with("charset", "UTF-8")
    }

    fn of(scheme: &str, realm: &str) -> Self {
        Self { text: format!("{scheme} realm=\"{}\"", quoted(realm)), algorithms: None }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.text.extend([", ", name, "=\"", &quoted(value), "\""]);
        self
    }

    #[must_use]
    pub fn error(self, code: &str, description: &str) -> Self {
        self.with("error", code).with("error_description", description)
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.algorithms.as_ref().map_or(Ok(()), |algorithms| write!(f, ", algs=\"{algorithms}\""))
    }
}

/// Escapes backslashes and quotation marks for a quoted string (RFC 9110 §5.6.4).
fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_stand_in_their_order_and_the_algorithms_of_proofs_last() {
        let bearer = Challenge::new(Scheme::Bearer, "mcp").error("invalid_token", "it is old").with("scope", "a b");
        let expected = r#"Bearer realm="mcp", error="invalid_token", error_description="it is old", scope="a b""#;
        assert_eq!(bearer.to_string(), expected);
        let dpop = Challenge::new(Scheme::Dpop, "mcp").with("scope", "a");
        assert_eq!(dpop.to_string(), r#"DPoP realm="mcp", scope="a", algs="ES256 RS256 EdDSA Ed25519""#);
        assert_eq!(Challenge::basic("k").to_string(), r#"Basic realm="k", charset="UTF-8""#);
    }

    #[test]
    fn a_value_cannot_leave_its_quotation_marks() {
        let text = Challenge::new(Scheme::Bearer, r#"a", error="b\"#).to_string();
        assert_eq!(text, r#"Bearer realm="a\", error=\"b\\""#);
    }

    #[test]
    fn a_scheme_is_read_in_any_case() {
        for (text, scheme) in
            [("bearer", Some(Scheme::Bearer)), ("DPOP", Some(Scheme::Dpop)), ("Basic", None), ("", None)]
        {
            assert_eq!(Scheme::parse(text), scheme, "{text}");
        }
    }
}
