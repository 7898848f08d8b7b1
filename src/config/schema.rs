//! Lists all settings by asking the types that they are deserialized into, so that the list is always complete.
use super::Config;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor,
    value::{Error, StrDeserializer},
};
use std::cell::Cell;

/// The kind of value that a path accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A table with these names.
    Table(&'static [&'static str]),
    /// A table whose names the operator chooses.
    Named,
    List,
    Truth,
    Number,
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any value.
    Anything,
}

/// Stands for a name of the operator's choice.
pub const NAME: &str = "NAME";

/// All settings that hold a value, with their full paths.
#[must_use]
pub fn settings() -> Vec<(Vec<&'static str>, Shape)> {
    let mut all = vec![];
    explore(&mut vec![], &mut all);
    all
}

fn explore(path: &mut Vec<&'static str>, all: &mut Vec<(Vec<&'static str>, Shape)>) {
    let Some(shape) = at(path) else { return };
    let names: &[&'static str] = match shape {
        Shape::Table(names) => names,
        Shape::Named => &[NAME],
        Shape::List => {
            path.push("0");
            let tables = matches!(at(path), Some(Shape::Table(_)));
            path.pop();
            if tables { &["0"] } else { &[] }
        }
        _ => &[],
    };
    if names.is_empty() {
        all.push((path.clone(), shape));
    }
    for name in names {
        path.push(name);
        explore(path, all);
        path.pop();
    }
}

/// The kind of value at this path, if there is such a setting.
#[must_use]
pub fn at(path: &[&str]) -> Option<Shape> {
    let found = Cell::new(None);
    // The result is irrelevant: the probe has found its answer on the way.
    Config::deserialize(Probe { path, found: &found }).ok();
    found.get()
}

/// A deserializer that follows one path through the types and records which value is wanted at its end.
#[derive(Clone, Copy)]
struct Probe<'a> {
    path: &'a [&'a str],
    found: &'a Cell<Option<Shape>>,
}

impl<'a> Probe<'a> {
    fn ends<T>(self, shape: Shape) -> Result<T, Error> {
        if self.path.is_empty() {
            self.found.set(Some(shape));
        }
        Err(Error::custom("the question is answered"))
    }

    fn next(self) -> Option<(&'a str, Self)> {
        let (first, rest) = self.path.split_first()?;
        Some((first, Self { path: rest, ..self }))
    }
}

macro_rules! ends {
    ($($shape:ident: $($method:ident)*;)*) => {
        $($(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            self.ends(Shape::$shape)
        })*)*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    ends! {
        Anything: deserialize_any deserialize_ignored_any;
        Truth: deserialize_bool;
        Number: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
            deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64;
        Text: deserialize_str deserialize_string deserialize_identifier;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.next() {
            Some((name, _)) if fields.contains(&name) => visitor.visit_map(Step(Some(self))),
            Some(_) => Err(Error::custom("there is no such setting")),
            None => self.ends(Shape::Table(fields)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.path.is_empty() { self.ends(Shape::Named) } else { visitor.visit_map(Step(Some(self))) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.path.is_empty() { self.ends(Shape::List) } else { visitor.visit_seq(Step(Some(self))) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.ends(Shape::Choice(variants))
    }

    serde::forward_to_deserialize_any! { char bytes byte_buf unit unit_struct tuple tuple_struct }
}

/// One name of the path, and the rest of the path.
struct Step<'a>(Option<Probe<'a>>);

impl<'de> MapAccess<'de> for Step<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, _)) = self.0.and_then(Probe::next) else { return Ok(None) };
        let name: StrDeserializer<Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let next = self.0.take().and_then(Probe::next);
        let (_, probe) = next.ok_or_else(|| Error::custom("a value without a name"))?;
        seed.deserialize(probe)
    }
}

impl<'de> SeqAccess<'de> for Step<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((_, probe)) = self.0.take().and_then(Probe::next) else { return Ok(None) };
        seed.deserialize(probe).map(Some)
    }
}
