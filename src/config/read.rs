//! Deserializes settings; an error names the setting, its value and the allowed values.
use super::{
    faults::{Fault, Kind, Origin, shown},
    source::{Node, Value},
};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
    value::{StrDeserializer, StringDeserializer},
};
use std::{collections::btree_map, fmt::Display, slice};

impl Node {
    /// The text, if it comes from a variable: there, numbers and lists are texts too.
    fn text_of_variable(&self) -> Option<&str> {
        match (&self.origin, &self.value) {
            (Origin::Variable(_), Value::Text(text)) => Some(text.trim()),
            _ => None,
        }
    }

    fn number<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, Fault> {
        match self.text_of_variable().map(str::parse) {
            Some(Ok(number)) => whole(number, visitor),
            _ => self.unquoted(|text| text.parse::<i128>().is_ok())?.deserialize_any(visitor),
        }
    }
}

impl Node {
    /// If the value would be right without its quotes, the error says so.
    fn unquoted(&self, would_be: impl Fn(&str) -> bool) -> Result<&Self, Fault> {
        match &self.value {
            Value::Text(text) if would_be(text) && !matches!(self.origin, Origin::Variable(_)) => {
                let what = format!("a number or true or false; write {text}, without quotes");
                Err(Fault::new(Kind::NotA { value: shown(text), what }))
            }
            _ => Ok(self),
        }
    }
}

fn whole<'de, V: Visitor<'de>>(number: i128, visitor: V) -> Result<V::Value, Fault> {
    match (u64::try_from(number), i64::try_from(number)) {
        (Ok(number), _) => visitor.visit_u64(number),
        (_, Ok(number)) => visitor.visit_i64(number),
        _ => Err(Fault::invalid_value(Unexpected::Other(&number.to_string()), &visitor)),
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.number(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Table(table) => visitor.visit_map(Entries { entries: table.iter(), value: None }),
            Value::List(list) => visitor.visit_seq(Items { items: list.iter(), next: 0 }),
            Value::Text(text) => visitor.visit_str(text),
            Value::Number(number) => whole(*number, visitor),
            Value::Fraction(number) => visitor.visit_f64(*number),
            Value::Truth(truth) => visitor.visit_bool(*truth),
            Value::Date(date) => Err(Fault::invalid_type(Unexpected::Other(date), &visitor)),
            Value::Gone => visitor.visit_unit(),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.text_of_variable().map(str::to_lowercase).as_deref() {
            Some("true" | "1" | "on" | "yes") => visitor.visit_bool(true),
            Some("false" | "0" | "off" | "no") => visitor.visit_bool(false),
            _ => self.unquoted(|text| text.parse::<bool>().is_ok())?.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if let Value::Table(table) = &self.value {
            let unknown = table.iter().find(|(name, node)| !node.is_gone() && !fields.contains(&name.as_str()));
            if let Some((name, _)) = unknown {
                return Err(Fault::new(Kind::Unknown(fields)).within(name));
            }
        }
        // Derived deserializers would accept a list as the members in order.
        if let Value::List(_) = &self.value {
            return Err(Fault::new(Kind::NotA { value: self.value.shown(), what: TABLE.to_owned() }));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Text(text) if variants.contains(&text.as_str()) => {
                visitor.visit_enum(Word(text.as_str().into_deserializer()))
            }
            value => Err(Fault::new(Kind::NotOneOf { name, value: value.shown(), variants })),
        }
    }

    serde::forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl Node {
    fn is_gone(&self) -> bool {
        matches!(self.value, Value::Gone)
    }
}

impl Value {
    fn shown(&self) -> String {
        match self {
            Self::Table(_) => "a table".into(),
            Self::List(_) => "a list".into(),
            Self::Text(text) => shown(text),
            Self::Number(number) => number.to_string(),
            Self::Fraction(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
            Self::Date(date) => date.clone(),
            Self::Gone => "nothing".into(),
        }
    }
}

/// The entries of a table; errors get the name of the entry.
struct Entries<'de> {
    entries: btree_map::Iter<'de, String, Node>,
    value: Option<(&'de str, &'de Node)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let next = self.entries.find(|(_, node)| !node.is_gone());
        self.value = next.map(|(name, node)| (name.as_str(), node));
        let Some((name, _)) = next else { return Ok(None) };
        let name: StringDeserializer<Fault> = name.clone().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (name, node) = self.value.take().ok_or_else(|| Fault::custom("a value without a name"))?;
        seed.deserialize(node).map_err(|fault| fault.within(name))
    }
}

/// The items of a list; errors get the index of the item.
struct Items<'de> {
    items: slice::Iter<'de, Node>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        for node in self.items.by_ref() {
            self.next += 1;
            if !node.is_gone() {
                let at = (self.next - 1).to_string();
                return seed.deserialize(node).map(Some).map_err(|fault| fault.within(&at));
            }
        }
        Ok(None)
    }
}

/// A value out of a fixed set of words.
struct Word<'de>(StrDeserializer<'de, Fault>);

impl<'de> EnumAccess<'de> for Word<'de> {
    type Error = Fault;
    type Variant = <StrDeserializer<'de, Fault> as EnumAccess<'de>>::Variant;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), Fault> {
        self.0.variant_seed(seed)
    }
}

impl Error for Fault {
    fn custom<T: Display>(text: T) -> Self {
        Self::new(Kind::Said(text.to_string()))
    }

    fn invalid_type(found: Unexpected, expected: &dyn Expected) -> Self {
        Self::new(Kind::NotA { value: plain(found), what: in_words(&expected.to_string()) })
    }

    fn invalid_value(found: Unexpected, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(Kind::Missing).within(name)
    }
}

fn plain(found: Unexpected) -> String {
    match found {
        Unexpected::Bool(truth) => truth.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Str(text) => shown(text),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a table".into(),
        other => other.to_string(),
    }
}

pub(super) const TABLE: &str = "a table";

/// Translates serde's words for an expected type into plain English.
fn in_words(expected: &str) -> String {
    let number = |most: u64| format!("a whole number from 0 to {most}");
    match expected {
        "a boolean" => "true or false".into(),
        "a string" | "a borrowed string" | "path string" => "a text in quotes".into(),
        "a sequence" => "a list".into(),
        "a map" => TABLE.into(),
        "u16" => number(u16::MAX.into()),
        "u32" => number(u32::MAX.into()),
        "u64" => number(u64::MAX),
        "a nonzero usize" => "a whole number of at least 1".into(),
        structure if structure.starts_with("struct ") => TABLE.into(),
        other => other.to_owned(),
    }
}
