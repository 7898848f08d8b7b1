//! Bytes that are made once and sent often, with what HTTP says of them.
use crate::secrets::{Digest, base64url};
use axum::{body::Bytes, http::HeaderValue};
use flate2::{Compression, write::GzEncoder};
use std::{io::Write, sync::OnceLock};

pub struct Ready {
    plain: Form,
    /// Made for the first reader that takes it; `None` if it would not be smaller.
    gzip: OnceLock<Option<Form>>,
}

/// One of the forms that the same content is sent in.
pub struct Form {
    pub bytes: Bytes,
    /// Strong: another form of the content has another (RFC 9110 §8.8.3.3).
    pub etag: HeaderValue,
}

impl Ready {
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { plain: Form::new(bytes.into(), ""), gzip: OnceLock::new() }
    }

    #[must_use]
    pub fn plain(&self) -> &Form {
        &self.plain
    }

    #[must_use]
    pub fn gzip(&self) -> Option<&Form> {
        self.gzip.get_or_init(|| self.compressed()).as_ref()
    }

    fn compressed(&self) -> Option<Form> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&self.plain.bytes).ok()?;
        let bytes = gzip.finish().ok().filter(|bytes| bytes.len() < self.plain.bytes.len())?;
        Some(Form::new(bytes.into(), "-gzip"))
    }
}

impl Form {
    fn new(bytes: Bytes, suffix: &str) -> Self {
        let etag = format!("\"{}{suffix}\"", base64url(&Digest::of(&bytes).as_bytes()[..12]));
        Self { bytes, etag: HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("\"\"")) }
    }
}
