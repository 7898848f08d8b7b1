//! Messages made by chance, and what readers of several kinds make of those that came through.
use super::Guarded;
use crate::support::{call, meta};
use serde::{Deserialize, Deserializer, de};
use serde_json::json;
use std::fmt;

const MESSAGES: usize = 1_500;

/// JSON with every member that was sent, in order.
#[derive(Clone, Debug)]
enum Json {
    Object(Vec<(String, Json)>),
    Text(String),
    Other,
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Json;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Json::Object(members))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
                while seq.next_element::<Json>()?.is_some() {}
                Ok(Json::Other)
            }
            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Text(text.to_owned()))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Other)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// How a reader finds a member.
#[derive(Clone, Copy, Debug)]
struct Reader {
    first: bool,
    same: fn(&str, &str) -> bool,
}

fn loosely(one: &str, other: &str) -> bool {
    let plain = |text: &str| {
        let text = text.split('\0').next().unwrap().to_uppercase().to_lowercase();
        text.chars().filter(|char| char.is_alphanumeric()).collect::<String>()
    };
    plain(one) == plain(other)
}

const READERS: [Reader; 6] = [
    Reader { first: false, same: |one, other| one == other },
    Reader { first: true, same: |one, other| one == other },
    Reader { first: false, same: |one, other| one.eq_ignore_ascii_case(other) },
    Reader { first: true, same: |one, other| one.eq_ignore_ascii_case(other) },
    Reader { first: false, same: loosely },
    Reader { first: true, same: loosely },
];

impl Reader {
    fn find<'a>(self, json: &'a Json, name: &str) -> Option<&'a Json> {
        let Json::Object(members) = json else { return None };
        let mut all = members.iter().filter(|(own, _)| (self.same)(own, name)).map(|(_, member)| member);
        if self.first { all.next() } else { all.next_back() }
    }

    /// Method, tool, and the argument that a rule speaks of.
    fn reads(self, json: &Json) -> [Option<String>; 3] {
        let text = |json: Option<&Json>| match json {
            Some(Json::Text(text)) => Some(text.clone()),
            other => other.map(|_| "no text".to_owned()),
        };
        let params = self.find(json, "params");
        let path = params.and_then(|params| self.find(self.find(params, "arguments")?, "filePath"));
        [text(self.find(json, "method")), text(params.and_then(|params| self.find(params, "name"))), text(path)]
    }
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn spelled(&mut self, name: &str) -> String {
        match self.below(12) {
            0 => name.to_uppercase(),
            1 => format!("{name}\\u0000"),
            2 => format!("{name}\\u0000a"),
            3 => name.replace('e', "\\u0065"),
            4 => name.replace('s', "ſ").replace('k', "\u{212A}"),
            5 => format!("\u{200b}{name}"),
            6 => format!("_{name}"),
            7 => name.replace('a', "ａ"),
            8 => format!(" {name}"),
            9 => name[..1].to_uppercase() + &name[1..],
            _ => name.to_owned(),
        }
    }

    fn member(&mut self) -> String {
        let name = self.one(&[
            "jsonrpc",
            "id",
            "method",
            "params",
            "result",
            "error",
            "name",
            "arguments",
            "filePath",
            "_meta",
            "a",
        ]);
        let value = self.one(&[
            "1",
            "-0",
            "1e400",
            "null",
            "\"2.0\"",
            "\"tools/call\"",
            "\"Tools/Call\"",
            "\"delete\"",
            "\"Delete\"",
            "\"/secret\"",
            "\"/public/a\"",
            "\"ping\"",
            "{}",
            "[]",
            "{\"name\":\"delete\"}",
            "{\"filePath\":\"/secret\"}",
            "{\"name\":\"delete\",\"arguments\":{\"filePath\":\"/secret\"}}",
            "{\"code\":1,\"message\":\"a\"}",
            "\"\\ud800\"",
        ]);
        format!("\"{}\":{value}", self.spelled(name))
    }

    /// A member more or less, another spelling, or a character.
    fn mutate(&mut self, text: &str) -> String {
        let starts: Vec<_> = text.match_indices(['{', ',']).map(|(at, _)| at + 1).collect();
        let at = if starts.is_empty() { 0 } else { starts[self.below(starts.len())] };
        match self.below(6) {
            0..=2 => format!("{}{},{}", &text[..at], self.member(), &text[at..]),
            3 => {
                let name = self.one(&[
                    "jsonrpc",
                    "id",
                    "method",
                    "params",
                    "name",
                    "arguments",
                    "filePath",
                    "delete",
                    "write",
                    "tools/call",
                ]);
                text.replacen(name, &self.spelled(name), 1 + self.below(2))
            }
            4 => {
                let mut chars: Vec<_> = text.chars().collect();
                let at = self.below(chars.len());
                chars[at] = self.one(&["\"", "\\", "{", "}", ",", "\0", "ſ", "1"]).chars().next().unwrap();
                chars.into_iter().collect()
            }
            _ => {
                let end = at + text[at..].find([',', '}']).unwrap_or(0);
                format!("{}{}", &text[..at], &text[end..])
            }
        }
    }
}

#[tokio::test]
async fn no_reader_reads_another_method_tool_or_ruled_argument_than_was_judged() {
    let configured = "tool_scopes = { delete = \"mcp:tools:admin\" }\n\
        [[surface.rule]]\ntool = \"write\"\nparameter = \"filePath\"\npattern = \"/public/.*\"\n";
    let g = Guarded::start(configured).await;
    let seeds = [
        call("write", json!({"filePath": "/public/a", "other": {"a": 1}})),
        call("any", json!({"a": "b"})),
        json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized", "params": {"_meta": meta()}}),
        json!({"jsonrpc": "2.0", "id": 1, "result": {"a": 1}}),
        json!({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "a"}}),
    ];
    let (mut chance, mut came) = (Chance(0x9E37_79B9_7F4A_7C15), 0);
    for _ in 0..MESSAGES {
        let mut text = seeds[chance.below(seeds.len())].to_string();
        for _ in 0..=chance.below(3) {
            text = chance.mutate(&text);
        }
        let scope = chance.one(&["", "mcp:read"]);
        g.post(scope, &[], text.clone()).await;
        for (.., body) in g.take() {
            came += 1;
            assert_eq!(body, text.as_bytes());
            let Ok(json) = serde_json::from_str::<Json>(&text) else {
                assert!(text.contains("1e400"), "{text}");
                continue;
            };
            let read = READERS.map(|reader| reader.reads(&json));
            let [method, tool, path] = &read[0];
            let is = |said: &Option<String>, what: &str| said.as_ref().is_some_and(|said| loosely(said, what));
            let is_call = is(method, "tools/call");
            let ruled = if is_call && is(tool, "write") { 3 } else { 2 };
            assert!(read.iter().all(|one| one[..ruled] == read[0][..ruled]), "{text}: {read:?}");
            assert!(
                !scope.is_empty() || ["ping", "notifications/initialized"].contains(&method.as_deref().unwrap()),
                "{text}"
            );
            assert!(!(is_call && is(tool, "delete")), "{text}");
            assert!(ruled == 2 || path.as_ref().is_none_or(|path| path.starts_with("/public/")), "{text}");
        }
    }
    assert!(came > MESSAGES / 50, "{came} came through");
}
