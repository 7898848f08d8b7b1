//! JSON as it is written: judged strictly, then read in place, so that no digit, escape or order is lost.
//!
//! Parsers that refuse what others read in another way do not keep numbers as they were sent, and the other way round;
//! hence this one.
mod scanner;

pub use scanner::Malformed;

use scanner::{Scanner, decoded};
use serde_json::Value;
use std::{borrow::Cow, hash::RandomState};

/// The text of one JSON value that every reader reads alike.
pub fn check(bytes: &[u8]) -> Result<&str, Malformed> {
    let malformed = |reason, at| Malformed { reason, at, member: None };
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(malformed("it begins with a byte order mark", 0));
    }
    let text = str::from_utf8(bytes).map_err(|error| malformed("it is not UTF-8", error.valid_up_to()))?;
    let mut scanner = Scanner { text, at: 0 };
    scanner.space();
    if scanner.peek().is_none() {
        return Err(malformed("it is empty", 0));
    }
    scanner.value(0, &RandomState::new())?;
    scanner.space();
    if scanner.peek().is_some() {
        return Err(scanner.malformed("something follows the JSON value"));
    }
    Ok(text)
}

/// The members of an object, or the items of an array without names, each as it is written. Of a text that is not
/// [`check`]ed, those that are whole.
pub fn parts(text: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.space();
    let named = scanner.peek() == Some(b'{');
    let mut open = named || scanner.peek() == Some(b'[');
    std::iter::from_fn(move || {
        if !open {
            return None;
        }
        scanner.at += 1;
        scanner.space();
        let mut name = Cow::Borrowed("");
        if named {
            name = decoded(scanner.string().ok()?)?;
            scanner.space();
            scanner.take(b':').ok()?;
            scanner.space();
        }
        let start = scanner.at;
        scanner.skip()?;
        let part = text.get(start..scanner.at).filter(|part| !part.is_empty())?;
        scanner.space();
        open = scanner.peek() == Some(b',');
        (open || matches!(scanner.peek(), Some(b'}' | b']'))).then_some((name, part))
    })
}

/// The member of an object.
pub fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    parts(object).find(|(own, _)| own == name).map(|(_, part)| part)
}

/// What a text says, if it is one.
pub fn text(part: &str) -> Option<Cow<'_, str>> {
    part.starts_with('"').then(|| decoded(part)).flatten()
}

/// Each text in it, names included, however deep.
pub fn texts(part: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut scanner = Scanner { text: part, at: 0 };
    std::iter::from_fn(move || {
        scanner.at += scanner.text.get(scanner.at..)?.find('"')?;
        decoded(scanner.string().ok()?)
    })
}

/// Each member that is a text, a number or a truth, however deep.
pub fn leaves(part: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    let mut scanner = Scanner { text: part, at: 0 };
    std::iter::from_fn(move || {
        loop {
            scanner.at += scanner.text.get(scanner.at..)?.find('"')?;
            let name = scanner.string().ok()?;
            scanner.space();
            if scanner.take(b':').is_err() {
                continue;
            }
            scanner.space();
            if matches!(scanner.peek()?, b'{' | b'[') {
                continue;
            }
            let start = scanner.at;
            scanner.skip()?;
            return Some((decoded(name)?, part.get(start..scanner.at)?));
        }
    })
}

/// Is it this very value? Numbers are compared as they are written: `1.0` is to some readers what `1` is, and to others
/// not.
pub fn equals(part: &str, expected: &Value) -> bool {
    match expected {
        Value::String(expected) => text(part).is_some_and(|text| text == *expected),
        Value::Array(expected) => {
            let mut items = parts(part);
            let same = expected.iter().all(|one| items.next().is_some_and(|(_, item)| equals(item, one)));
            part.starts_with('[') && same && items.next().is_none()
        }
        Value::Object(expected) => {
            let same = parts(part).all(|(name, member)| expected.get(&*name).is_some_and(|one| equals(member, one)));
            part.starts_with('{') && same && parts(part).count() == expected.len()
        }
        scalar => {
            let written = scalar.to_string();
            written == part
        }
    }
}

/// Whether it is written as an object is, which says nothing of its members.
pub fn is_object(part: &str) -> bool {
    part.starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::{scanner::DEEPEST, *};
    use serde_json::json;

    #[test]
    fn what_every_reader_reads_alike_passes() {
        let deep = format!("{}{}", "[".repeat(DEEPEST), "]".repeat(DEEPEST));
        let good = [
            "null",
            " [] ",
            "{}",
            "-0",
            "1e400",
            "-0.0E+00",
            "123456789012345678901234567890.5",
            "[true,false,null]",
            r#"{"a":"\u00e4\ud83d\ude00\"\\\/\b\f\n\r\t","ä":{"a":[1,{"a":2}]}}"#,
            "\"\u{7f}\u{2028}\u{ffff}\"",
            &deep,
        ];
        for text in good {
            assert_eq!(check(text.as_bytes()), Ok(text));
        }
    }

    #[test]
    fn whatever_is_wrong_is_named_with_its_place() {
        let too_deep = "[".repeat(DEEPEST + 1);
        let cases: [(&[u8], &str, usize); 34] = [
            (b"", "empty", 0),
            (b" \n", "empty", 0),
            (b"\xEF\xBB\xBF{}", "byte order mark", 0),
            (b"{\"a\":\"\xC0\xAF\"}", "UTF-8", 6),
            (b"\"\xED\xA0\x80\"", "UTF-8", 1),
            (b"{\0}\0", "another character", 1),
            (b"{\"a\":1", "ends too early", 6),
            (b"\"a\\u12", "ends too early", 6),
            (b"tru", "ends too early", 3),
            (b"1.", "ends too early", 2),
            (b"{}{}", "follows", 2),
            (b"01", "follows", 1),
            (b"1 // a", "follows", 2),
            (b"/**/1", "a JSON value belongs", 0),
            (b"NaN", "a JSON value belongs", 0),
            (b"Infinity", "a JSON value belongs", 0),
            (b"-Infinity", "numbers", 1),
            (b"+1", "a JSON value belongs", 0),
            (b".5", "a JSON value belongs", 0),
            (b"[1.]", "numbers", 3),
            (b"[1e]", "numbers", 3),
            (b"0x10", "follows", 1),
            (b"[1,]", "a JSON value belongs", 3),
            (b"{\"a\":1,}", "another character", 7),
            (b"{a:1}", "another character", 1),
            (b"{'a':1}", "another character", 1),
            (b"[1 2]", "another character", 3),
            (b"\"a\nb\"", "control character", 2),
            (b"\"\\x41\"", "escape", 2),
            (b"\"\\u00g0\"", "escape", 5),
            (b"\"\\ud800\"", "surrogate", 1),
            (b"\"\\udc00\\ud800\"", "surrogate", 1),
            (b"\"\\ud800\\ud800\"", "surrogate", 1),
            (too_deep.as_bytes(), "100 levels", DEEPEST),
        ];
        for (bytes, reason, at) in cases {
            let error = check(bytes).unwrap_err();
            assert!(error.reason.contains(reason) && error.at == at, "{}: {error:?}", String::from_utf8_lossy(bytes));
            assert_eq!(error.member, None);
        }
    }

    #[test]
    fn a_member_that_occurs_twice_is_told_however_it_is_spelled() {
        for (text, member) in [
            (r#"{"a":1,"a":1}"#, "a"),
            (r#"[{"b":{"a":1,"\u0061":2}}]"#, "a"),
            ("{\"ä\\n\":1,\"\\u00e4\\u000a\":1}", "\\u{e4}\\n"),
            (&format!("{{\"{0}\":1,\"{0}\":1}}", "x".repeat(99)), &"x".repeat(40)),
        ] {
            let error = check(text.as_bytes()).unwrap_err();
            assert_eq!((error.reason, error.member.as_deref()), ("a member occurs twice", Some(member)));
        }
        assert!(check(br#"{"a":{"a":1},"b":{"a":1},"A":1}"#).is_ok());
    }

    #[test]
    fn parts_are_as_they_are_written_and_end_where_the_text_does() {
        let named = |text| parts(text).map(|(name, part)| (name.into_owned(), part)).collect::<Vec<_>>();
        let of = |name: &str, part| (name.to_owned(), part);
        let text = r#" { "a" : -0 , "\u0062":[1e400, {"]":"}"} ],"c":"x\"y" , "d":null}"#;
        let members = [of("a", "-0"), of("b", r#"[1e400, {"]":"}"} ]"#), of("c", r#""x\"y""#), of("d", "null")];
        assert_eq!(named(text), members);
        assert_eq!(named("[1,[2],\"3\"]"), [of("", "1"), of("", "[2]"), of("", "\"3\"")]);
        for empty in ["{}", "[]", " [ ] ", "7", "\"{\"", "", "{"] {
            assert_eq!(named(empty), [], "{empty}");
        }
        assert_eq!(named(r#"{"id":1,"a":[1"#), [of("id", "1")]);
        assert_eq!(named(r#"{"id":12"#), []);
        assert_eq!(named(r#"{"a":"\ud800","id":1}"#), [of("a", r#""\ud800""#), of("id", "1")]);
    }

    #[test]
    fn texts_and_leaves_are_found_however_deep() {
        let text = r#"{"a":["b",{"c":"\u0064","e":1.0}],"f":true,"g":{"h":null}}"#;
        assert_eq!(texts(text).collect::<String>(), "abcdefgh");
        let found: Vec<_> = leaves(text).map(|(name, part)| format!("{name}={part}")).collect();
        assert_eq!(found, ["c=\"\\u0064\"", "e=1.0", "f=true", "h=null"]);
    }

    #[test]
    fn values_are_equal_when_no_reader_can_tell_them_apart() {
        for (text, value) in [
            ("1", json!(1)),
            ("1.5", json!(1.5)),
            ("\"\\u0061\"", json!("a")),
            ("true", json!(true)),
            ("[1, {\"b\":null,\"a\":[]}]", json!([1, {"a": [], "b": null}])),
        ] {
            assert!(equals(text, &value), "{text}");
        }
        for (text, value) in [
            ("1.0", json!(1)),
            ("1e0", json!(1)),
            ("-0", json!(0)),
            ("1", json!(1.0)),
            ("0.1000000000000000055511151231257827", json!(0.1)),
            ("\"true\"", json!(true)),
            ("[1]", json!([1, 2])),
            ("[1,2,3]", json!([1, 2])),
            ("{}", json!([])),
            ("[]", json!({})),
            ("{\"a\":1}", json!({"a": 1, "b": 2})),
            ("{\"a\":1,\"b\":2}", json!({"a": 1})),
        ] {
            assert!(!equals(text, &value), "{text}");
        }
    }
}
