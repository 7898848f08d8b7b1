//! The part of a record that is known when a request arrives.
use super::{
    provenance::{source_ip, transport, user_agent},
    record::Record,
};
use axum::{
    body::HttpBody,
    extract::Request,
    http::{HeaderMap, header},
};
use base64ct::{Base64, Encoding};
use keyward_guard::{
    challenge::{REQUEST_ID, RequestId},
    digest,
    source::source_of,
    wire,
};
use keyward_limits::source::Source;
use keyward_shared::mask::Masker;

#[derive(Clone)]
pub(super) struct Arrival {
    pub record: Record,
    pub source: Source,
    /// The presented credentials, valid or not.
    pub brought: Vec<String>,
}

impl Arrival {
    pub fn new(request: &Request, id: &RequestId, surface: &str, masker: &Masker) -> Self {
        let is_sent = request.headers().contains_key(REQUEST_ID);
        let record = Record {
            request_id: if is_sent { masker.text(id.as_str()) } else { id.as_str().to_owned() },
            surface: surface.to_owned(),
            transport: transport(request.extensions()),
            token_hash: presented(request.headers()).map(|text| digest::fingerprint(&digest::of(text.as_bytes()))),
            source_ip: source_ip(request.extensions()),
            user_agent: user_agent(request.headers()),
            ..Record::default()
        };
        tracing::info!(
            event = "request_start",
            request_id = record.request_id,
            surface,
            transport = record.transport,
            http_method = masker.text(request.method().as_str()),
            source_ip = record.source_ip,
            payload_length = request.body().size_hint().exact(),
            "request"
        );
        let (source, brought) = (source_of(request.extensions()), brought(request.headers()));
        Self { record, source, brought }
    }
}

/// The presented credentials; of a Basic pair also the password (RFC 7617 §2).
fn brought(headers: &HeaderMap) -> Vec<String> {
    let Some(presented) = presented(headers) else { return Vec::new() };
    let pair = Base64::decode_vec(presented).ok().and_then(|pair| String::from_utf8(pair).ok());
    let password = pair.and_then(|pair| Some(pair.split_once(':')?.1.to_owned()));
    [Some(presented.to_owned()), password].into_iter().flatten().collect()
}

/// The credential in the `Authorization` header, without its scheme.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let value = wire::single(headers, &header::AUTHORIZATION).ok().flatten()?;
    Some(value.split_once(' ')?.1.trim()).filter(|text| !text.is_empty())
}
