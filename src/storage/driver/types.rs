//! How values are stored: as sqlx's own driver for SQLite stores them, which wrote the existing databases.
use super::{
    database::Direct,
    row::{TypeInfo, ValueRef},
};
use crate::{
    clock,
    model::{ClientSource, KeyStatus, Role},
};
use rusqlite::types::{Value, ValueRef as Raw};
use serde::{Deserialize, Serialize};
use sqlx::{
    Decode, Encode, Type,
    encode::IsNull,
    error::BoxDynError,
    types::{Json, Uuid},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

type Decoded<T> = Result<T, BoxDynError>;

/// SQLite has values of other types in a column only if another program wrote them: then decoding fails.
macro_rules! stored {
    ($({$generic:ident: $bound:path})? $type:ty: $info:ident) => {
        impl$(<$generic: $bound>)? Type<Direct> for $type {
            fn type_info() -> TypeInfo {
                TypeInfo::$info
            }
            fn compatible(_: &TypeInfo) -> bool {
                true
            }
        }
    };
}

stored!(i32: Integer);
stored!(i64: Integer);
stored!(bool: Integer);
stored!(String: Text);
stored!(str: Text);
stored!(Vec<u8>: Blob);
stored!([u8]: Blob);
stored!(Uuid: Blob);
stored!(OffsetDateTime: Text);
stored!({T: Sized} Json<T>: Text);

macro_rules! encoded {
    ($({$generic:ident: $bound:path})? $type:ty, |$value:ident| $encoded:expr) => {
        impl<'q, $($generic: $bound)?> Encode<'q, Direct> for $type {
            fn encode_by_ref(&self, into: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
                let $value = self;
                into.push($encoded);
                Ok(IsNull::No)
            }
        }
    };
}

encoded!(i32, |value| Value::Integer((*value).into()));
encoded!(i64, |value| Value::Integer(*value));
encoded!(bool, |value| Value::Integer((*value).into()));
encoded!(String, |value| Value::Text(value.clone()));
encoded!(&'q str, |value| Value::Text((*value).to_owned()));
encoded!(Vec<u8>, |value| Value::Blob(value.clone()));
encoded!(&'q [u8], |value| Value::Blob(value.to_vec()));
encoded!(Uuid, |value| Value::Blob(value.as_bytes().to_vec()));
encoded!(OffsetDateTime, |value| Value::Text(value.format(&Rfc3339)?));
encoded!({T: Serialize} Json<T>, |value| Value::Text(serde_json::to_string(&value.0)?));

impl<'q, T: Encode<'q, Direct> + Type<Direct> + 'q> Encode<'q, Direct> for Option<T> {
    fn encode_by_ref(&self, into: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        self.as_ref().map_or(Ok(IsNull::Yes), |value| value.encode_by_ref(into))
    }
}

macro_rules! decoded {
    ($({$generic:ident: $bound:path})? $type:ty, $wanted:literal, $($shape:pat => $decoded:expr),+) => {
        impl<'r, $($generic: $bound)?> Decode<'r, Direct> for $type {
            fn decode(value: ValueRef<'r>) -> Decoded<Self> {
                match value.0 {
                    $($shape => Ok($decoded),)+
                    other => Err(format!(concat!("{} is not ", $wanted), other.data_type()).into()),
                }
            }
        }
    };
}

decoded!(i32, "an integer", Raw::Integer(value) => value.try_into()?);
decoded!(i64, "an integer", Raw::Integer(value) => value);
decoded!(bool, "an integer", Raw::Integer(value) => value != 0);
decoded!(&'r str, "text", Raw::Text(value) => std::str::from_utf8(value)?);
decoded!(String, "text", Raw::Text(value) => std::str::from_utf8(value)?.to_owned());
decoded!(Vec<u8>, "a blob", Raw::Blob(value) => value.to_vec());
decoded!(&'r [u8], "a blob", Raw::Blob(value) => value);
decoded!(Uuid, "a UUID", Raw::Blob(value) => Uuid::from_slice(value)?);
decoded!(OffsetDateTime, "a date", Raw::Text(value) => clock::parse(std::str::from_utf8(value)?)?);
decoded!({T: Deserialize<'r>} Json<T>, "JSON", Raw::Text(value) => Json(serde_json::from_slice(value)?));

/// What sqlx derives for an enum whose values are stored by their names, for its own databases.
macro_rules! named {
    ($($kind:ty),*) => {
        $(
            stored!($kind: Text);

            impl<'r> Decode<'r, Direct> for $kind {
                fn decode(value: ValueRef<'r>) -> Decoded<Self> {
                    let name = <&str as Decode<Direct>>::decode(value)?;
                    let known = Self::ALL.into_iter().find(|kind| kind.name() == name);
                    known.ok_or_else(|| format!(concat!("{:?} is no ", stringify!($kind)), name).into())
                }
            }
        )*
    };
}

named!(ClientSource, KeyStatus, Role);
