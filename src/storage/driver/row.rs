//! A row, and the values in it.
use rusqlite::types::{Type, Value as Stored, ValueRef as Raw};
use std::sync::Arc;

/// The storage class of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeInfo {
    Null,
    Integer,
    Real,
    Text,
    Blob,
}

impl TypeInfo {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
            Self::Blob => "BLOB",
        }
    }
}

impl From<Type> for TypeInfo {
    fn from(class: Type) -> Self {
        match class {
            Type::Null => Self::Null,
            Type::Integer => Self::Integer,
            Type::Real => Self::Real,
            Type::Text => Self::Text,
            Type::Blob => Self::Blob,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Column {
    pub ordinal: usize,
    pub name: Box<str>,
}

#[derive(Debug)]
pub struct Row {
    pub columns: Arc<[Column]>,
    pub values: Vec<Stored>,
}

/// A value that outlives its row.
#[derive(Clone, Debug)]
pub struct Value(pub Stored);

#[derive(Clone, Copy, Debug)]
pub struct ValueRef<'r>(pub Raw<'r>);
