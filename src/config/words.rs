//! Settings that consist of one word of a certain kind, or of a list of such words.
use ipnet::IpNet;
use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Unexpected, Visitor},
};
use std::{fmt, marker::PhantomData, net::SocketAddr, str::FromStr};

pub(super) trait Word: FromStr {
    /// Describes the kind of word, with an example.
    const WHAT: &'static str;

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Word for String {
    const WHAT: &'static str = "a text in quotes";
}

impl Word for u16 {
    const WHAT: &'static str = "a port, 1 to 65535";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(|port| *port > 0)
    }
}

impl Word for IpNet {
    const WHAT: &'static str = "a network in CIDR notation, such as 10.0.0.0/8, 192.0.2.1/32 or fd00::/8";
}

impl Word for SocketAddr {
    const WHAT: &'static str = "an address and a port, such as 127.0.0.1:8999";
}

/// Accepts a list from the file, or words separated by spaces or commas from a variable.
pub(super) fn list<'de, D: Deserializer<'de>, T: Word>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_seq(List(PhantomData)).map(|all| all.into_iter().map(|One(word)| word).collect())
}

pub(super) fn one<'de, D: Deserializer<'de>, T: Word>(deserializer: D) -> Result<T, D::Error> {
    One::deserialize(deserializer).map(|One(word)| word)
}

struct One<T>(T);

impl<'de, T: Word> Deserialize<'de> for One<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(OneWord(PhantomData))
    }
}

struct OneWord<T>(PhantomData<T>);

impl<T: Word> Visitor<'_> for OneWord<T> {
    type Value = One<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<One<T>, E> {
        T::read(text).map(One).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }

    /// A port may be written as a number; a setting that takes any text may not.
    fn visit_u64<E: Error>(self, number: u64) -> Result<One<T>, E> {
        let read = (T::WHAT != String::WHAT).then(|| T::read(&number.to_string())).flatten();
        read.map(One).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }
}

struct List<T>(PhantomData<T>);

impl<'de, T: Word> Visitor<'de> for List<T> {
    type Value = Vec<One<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list, each of it {}", T::WHAT)
    }

    fn visit_str<E: Error>(self, words: &str) -> Result<Self::Value, E> {
        let words = words.split([' ', ',']).filter(|word| !word.is_empty());
        words.map(|word| OneWord(PhantomData).visit_str(word)).collect()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut all = vec![];
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(all)
    }
}
