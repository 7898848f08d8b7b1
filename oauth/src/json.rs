//! Strict parsing of JSON objects from strangers: no repeated members, limited nesting (RFC 8259 §4 and §9).
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::{cell::Cell, fmt};

const MAX_DEPTH: usize = 16;

/// The object; the error is the broken rule, as the end of a sentence.
pub fn object(body: &[u8]) -> Result<Map<String, Value>, &'static str> {
    let broken = Cell::new("is not JSON");
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = Strict { depth: 0, broken: &broken }.deserialize(&mut deserializer).map_err(|_| broken.get())?;
    deserializer.end().map_err(|_| "has something after the JSON object")?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err("is not a JSON object"),
    }
}

/// Builds a value, and remembers which of our rules stopped the parser.
struct Strict<'a> {
    depth: usize,
    broken: &'a Cell<&'static str>,
}

impl Strict<'_> {
    fn refuse<T, E: Error>(&self, rule: &'static str) -> Result<T, E> {
        self.broken.set(rule);
        Err(E::custom(rule))
    }
    fn inside<E: Error>(&self) -> Result<Self, E> {
        match self.depth {
            MAX_DEPTH => self.refuse("is nested deeper than 16 levels"),
            depth => Ok(Self { depth: depth + 1, broken: self.broken }),
        }
    }
    fn text<E: Error>(&self, text: &str) -> Result<String, E> {
        if text.contains('\0') { self.refuse("contains NUL") } else { Ok(text.to_owned()) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.text(value).map(Value::String)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(self.inside()?)? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let name = self.text(&name)?;
            if all.contains_key(&name) {
                return self.refuse("has a member twice");
            }
            all.insert(name, members.next_value_seed(self.inside()?)?);
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn an_object_is_read_as_it_is() {
        let expected = json!({"a": [1, -2, 0.5, null, true], "b": {"a": "\u{e4}"}, "": ""});
        assert_eq!(Value::Object(object(expected.to_string().as_bytes()).unwrap()), expected);
        assert!(object(b" {} \n").unwrap().is_empty());
    }

    #[test]
    fn each_broken_rule_has_its_sentence() {
        for (body, rule) in [
            (&b""[..], "is not JSON"),
            (b"{", "is not JSON"),
            (b"{'a':1}", "is not JSON"),
            (b"{\"a\":1,}", "is not JSON"),
            (b"{\"a\":\"\xff\"}", "is not JSON"),
            (br#"{"a":"\ud800"}"#, "is not JSON"),
            (b"\xef\xbb\xbf{}", "is not JSON"),
            (b"[]", "is not a JSON object"),
            (b"\"{}\"", "is not a JSON object"),
            (b"null", "is not a JSON object"),
            (b"{} {}", "has something after the JSON object"),
            (br#"{"a":1,"a":1}"#, "has a member twice"),
            (br#"{"a":1,"\u0061":1}"#, "has a member twice"),
            (br#"{"a":[{"b":1,"b":2}]}"#, "has a member twice"),
            (br#"{"a":"\u0000"}"#, "contains NUL"),
            (br#"{"\u0000":1}"#, "contains NUL"),
        ] {
            assert_eq!(object(body).unwrap_err(), rule, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn sixteen_levels_are_enough() {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(object(nested(16).as_bytes()).is_ok());
        for levels in [17, 100, 10_000] {
            assert_eq!(object(nested(levels).as_bytes()).unwrap_err(), "is nested deeper than 16 levels");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body: Vec<u8>, text in "[\\[\\]{}\",:a0\\\\u]*") {
            let _ = (object(&body), object(text.as_bytes()));
        }

        #[test]
        fn what_is_written_reads_back(members in prop::collection::btree_map("[^\\x00]*", "[^\\x00]*", 0..8)) {
            let read = object(&serde_json::to_vec(&members).unwrap()).unwrap();
            prop_assert_eq!(serde_json::to_value(&members).unwrap(), Value::Object(read));
        }
    }
}
