//! How settings that hold a secret are shown: that they are set, and nothing else.
use serde::{Serialize, Serializer};

#[derive(Serialize)]
struct Shown {
    set: bool,
}

pub(super) fn one<T, S: Serializer>(_: &T, serializer: S) -> Result<S::Ok, S::Error> {
    Shown { set: true }.serialize(serializer)
}

#[allow(clippy::ref_option)] // serde's signature
pub(super) fn maybe<T, S: Serializer>(secret: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    Shown { set: secret.is_some() }.serialize(serializer)
}
