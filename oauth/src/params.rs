//! Request parameters, `application/x-www-form-urlencoded`: an empty value counts as absent, a repeated one is an error
//! (RFC 6749 §3.1).
use crate::error::ProtocolError;
use std::fmt;
use url::form_urlencoded;

const MAX_PARAMETERS: usize = 100;
/// Bytes of one decoded name or value.
const MAX_BYTES: usize = 8 * 1024;

/// Decoded names and values in their original order, including repeats.
#[derive(Clone)]
pub struct Params(Vec<(String, String)>);

/// Values may be secrets, so `Debug` hides them.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Params({} hidden)", self.0.len())
    }
}

impl Params {
    /// Parses a query or a body strictly: a malformed escape, invalid UTF-8, NUL, and too many or too long parameters
    /// are `invalid_request`.
    pub fn parse(raw: &[u8]) -> Result<Self, ProtocolError> {
        Self::parse_up_to(MAX_BYTES, raw)
    }

    /// As [`Self::parse`], with names and values of up to `max_length` bytes: our pages carry a whole request in one
    /// parameter.
    pub fn parse_up_to(max_length: usize, raw: &[u8]) -> Result<Self, ProtocolError> {
        let mut pairs = Vec::new();
        for piece in raw.split(|&byte| byte == b'&').filter(|piece| !piece.is_empty()) {
            if pairs.len() == MAX_PARAMETERS {
                return Err(ProtocolError::invalid_request("the request has more than 100 parameters"));
            }
            let mut halves = piece.splitn(2, |&byte| byte == b'=');
            let mut half = || form_urldecode(halves.next().unwrap_or_default());
            let (name, value) = (half()?, half()?);
            if name.len().max(value.len()) > max_length {
                return Err(ProtocolError::invalid_request(format!("a parameter has more than {max_length} bytes")));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// The value; `None` if absent or empty, `invalid_request` if repeated.
    pub fn get(&self, name: &'static str) -> Result<Option<&str>, ProtocolError> {
        let mut values = self.values(name);
        let value = values.next().filter(|value| !value.is_empty());
        match values.next() {
            Some(_) => Err(ProtocolError::invalid_request(format!("{name} occurs more than once"))),
            None => Ok(value),
        }
    }

    /// The value; `invalid_request` if absent, empty or repeated.
    pub fn require(&self, name: &'static str) -> Result<&str, ProtocolError> {
        self.get(name)?.ok_or_else(|| ProtocolError::invalid_request(format!("{name} is missing")))
    }

    /// Every non-empty value of a parameter that may repeat (`resource`, RFC 8707 §2).
    pub fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.values(name).filter(|value| !value.is_empty())
    }

    /// How often the parameter occurs, empty or not.
    #[must_use]
    pub fn count(&self, name: &'static str) -> usize {
        self.values(name).count()
    }

    /// `invalid_request` if any parameter, known or not, occurs twice (RFC 6749 §3.1 and §3.2).
    pub fn refuse_repeats(&self, may_repeat: &[&str]) -> Result<(), ProtocolError> {
        let mut names = self.0.iter().map(|(name, _)| name.as_str()).filter(|name| !may_repeat.contains(name));
        let mut seen = Vec::new();
        let repeated = names.any(|name| {
            let known = seen.contains(&name);
            seen.push(name);
            known
        });
        if repeated { Err(ProtocolError::invalid_request("a parameter occurs more than once")) } else { Ok(()) }
    }

    /// The first parameter that is not in `known`, as it was sent.
    #[must_use]
    pub fn unknown(&self, known: &[&str]) -> Option<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).find(|name| !known.contains(name))
    }

    /// All parameters except these, form-encoded again.
    #[must_use]
    pub fn encode_without(&self, names: &[&str]) -> String {
        let kept = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        let pairs = kept.map(|(name, value)| format!("{}={}", form_urlencode(name), form_urlencode(value)));
        pairs.collect::<Vec<_>>().join("&")
    }

    fn values(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(held, _)| held == name).map(|(_, value)| value.as_str())
    }
}

/// Escapes a name or value. A space becomes `%20`, which is also understood by decoders that do not know `+`.
#[must_use]
pub fn form_urlencode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// Decodes a name or value; invalid escapes and invalid UTF-8 are errors.
pub fn form_urldecode(raw: &[u8]) -> Result<String, ProtocolError> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let escape = bytes.next().and_then(hex_digit).zip(bytes.next().and_then(hex_digit));
                let malformed = || ProtocolError::invalid_request("a percent sign is not followed by two hex digits");
                escape.map(|(high, low)| high << 4 | low).ok_or_else(malformed)?
            }
            plain => plain,
        });
    }
    if decoded.contains(&0) {
        return Err(ProtocolError::invalid_request("a parameter contains NUL"));
    }
    String::from_utf8(decoded).map_err(|_| ProtocolError::invalid_request("a parameter is not UTF-8"))
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn params(raw: &str) -> Params {
        Params::parse(raw.as_bytes()).unwrap()
    }

    fn refusal(raw: impl AsRef<[u8]>) -> String {
        let error = Params::parse(raw.as_ref()).unwrap_err();
        assert_eq!(error.code, "invalid_request");
        error.description.into_owned()
    }

    #[test]
    fn values_are_decoded_and_an_empty_one_is_absent() {
        let params = params("a=1+2%2B%C3%A4&b=&c&&=x&d=e=f");
        assert_eq!(params.get("a").unwrap(), Some("1 2+ä"));
        assert_eq!(params.get("b").unwrap(), None);
        assert_eq!(params.get("c").unwrap(), None);
        assert_eq!(params.get("d").unwrap(), Some("e=f"));
        assert_eq!(params.require("b").unwrap_err().description, "b is missing");
        assert_eq!(params.require("zz").unwrap_err().code, "invalid_request");
    }

    #[test]
    fn a_parameter_twice_is_an_error_even_when_one_of_them_is_empty() {
        let twice = params("state=&state=x&resource=a&resource=&resource=b&q=1");
        assert_eq!(twice.get("state").unwrap_err().description, "state occurs more than once");
        assert_eq!(twice.count("state"), 2);
        assert_eq!(twice.all("resource").collect::<Vec<_>>(), ["a", "b"]);
        assert!(twice.refuse_repeats(&["resource"]).is_err());
        assert!(twice.refuse_repeats(&["resource", "state"]).is_ok());
    }

    #[test]
    fn an_unknown_parameter_twice_is_an_error_that_does_not_name_it() {
        let error = params("leak=1&leak=2").refuse_repeats(&["resource"]).unwrap_err();
        assert_eq!(error.code, "invalid_request");
        assert!(!error.description.contains("leak"));
    }

    #[test]
    fn malformed_escapes_bad_utf8_and_nul_are_refused() {
        for raw in ["a=%", "a=%4", "a=%zz", "%=1", "a=%+1"] {
            assert_eq!(refusal(raw), "a percent sign is not followed by two hex digits", "{raw}");
        }
        for raw in [&b"a=\xff"[..], b"a=%ff", b"%C3=1", b"a=\xed\xa0\x80"] {
            assert_eq!(refusal(raw), "a parameter is not UTF-8");
        }
        for raw in [&b"a=%00"[..], b"a\0=1"] {
            assert_eq!(refusal(raw), "a parameter contains NUL");
        }
    }

    #[test]
    fn a_hundred_parameters_of_8_kib_pass_and_no_more() {
        let many = |count: usize| (0..count).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
        assert!(Params::parse(many(100).as_bytes()).is_ok());
        assert_eq!(refusal(many(101)), "the request has more than 100 parameters");
        assert!(Params::parse(format!("a={}", "%20".repeat(8192)).as_bytes()).is_ok());
        assert_eq!(refusal(format!("a={}", "x".repeat(8193))), "a parameter has more than 8192 bytes");
        assert_eq!(refusal(format!("{}=a", "x".repeat(8193))), "a parameter has more than 8192 bytes");
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(format!("{:?}", params("client_secret=hush")), "Params(1 hidden)");
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(raw: Vec<u8>) {
            if let Err(error) = Params::parse(&raw) {
                prop_assert_eq!(error.code, "invalid_request");
            }
        }

        #[test]
        fn what_is_encoded_decodes_to_itself(text in "[^\\x00]*") {
            let encoded = form_urlencode(&text);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*-._%".contains(&byte)));
            prop_assert_eq!(form_urldecode(encoded.as_bytes()).unwrap(), text);
        }

        #[test]
        fn pairs_survive_the_round_trip(pairs in prop::collection::vec(("[^\\x00]{1,20}", "[^\\x00]{0,20}"), 0..20)) {
            let raw = pairs.iter().map(|(name, value)| format!("{}={}", form_urlencode(name), form_urlencode(value)));
            let parsed = Params::parse(raw.collect::<Vec<_>>().join("&").as_bytes()).unwrap();
            prop_assert_eq!(parsed.0, pairs);
        }
    }
}
