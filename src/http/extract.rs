//! Extractors: parse each part of a request once.
use crate::{
    app::App,
    clients::authenticate,
    error::{ErrorCode, OAuthError},
    model::Client,
    oauth::{challenge::Scheme, params::Params},
};
use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::{ConnectInfo, FromRequest, FromRequestParts, Request},
    http::{Extensions, HeaderMap, HeaderName, header, request::Parts},
};
use http_body_util::BodyExt;
use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

const MAX_FORM_BYTES: usize = 64 * 1024;
/// Bytes read beyond a body's limit, so that the client finishes sending and reads the error.
const MAX_DISCARDED_BYTES: usize = 1024 * 1024;
/// Parameters that are only accepted in the body (OAuth 2.1 §3.2): in a URL they would end up in logs.
const NEVER_IN_THE_QUERY: [&str; 10] = [
    "assertion",
    "client_id",
    "client_secret",
    "client_assertion",
    "code",
    "code_verifier",
    "device_code",
    "grant_type",
    "refresh_token",
    "token",
];

/// The client's address; `X-Forwarded-For` counts only if a trusted proxy sent it.
#[derive(Clone, Copy)]
pub struct ClientIp(pub IpAddr);

impl ClientIp {
    pub fn of(app: &App, headers: &HeaderMap, extensions: &Extensions) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Self(app.limits.proxies.client(peer, headers))
    }
}

impl FromRequestParts<Arc<App>> for ClientIp {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        Ok(Self::of(app, &parts.headers, &parts.extensions))
    }
}

/// The client's address; `None` if it is a proxy's.
#[derive(Clone, Copy)]
pub struct OwnAddress(pub Option<IpAddr>);

impl FromRequestParts<Arc<App>> for OwnAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        Ok(Self(peer.and_then(|peer| app.limits.proxies.own(peer, &parts.headers))))
    }
}

fn broken_off() -> OAuthError {
    OAuthError::invalid_request("the request body could not be read to its end")
}

/// Reads a body up to `limit`, and a limited amount beyond it; also answers whether the body ended. A body that is too
/// long stays longer than `limit`, so that its reader refuses it.
pub async fn take(mut body: Body, limit: usize) -> Result<(Body, bool), OAuthError> {
    let (mut taken, mut seen) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let data = frame.map_err(|_| broken_off())?.into_data().unwrap_or_default();
        seen += data.len();
        let room = (limit + 1).saturating_sub(taken.len()).min(data.len());
        taken.extend_from_slice(&data[..room]);
        if seen > limit + MAX_DISCARDED_BYTES {
            return Ok((taken.into(), false));
        }
    }
    Ok((taken.into(), true))
}

/// The body, up to `limit` bytes. If its `Content-Length` is larger, it is not read.
pub async fn read(body: Body, limit: usize) -> Result<Bytes, OAuthError> {
    let too_long =
        || OAuthError::new(ErrorCode::RequestTooLarge, "the request body is larger than this endpoint takes");
    if usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX) > limit {
        return Err(too_long());
    }
    to_bytes(body, limit).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        let is_too_long = source.is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>);
        if is_too_long { too_long() } else { broken_off() }
    })
}

#[must_use]
pub fn is_type(headers: &HeaderMap, wanted: &str) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    content_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(wanted))
}

/// Whether the request was not sent by a page of another origin (Fetch Metadata, RFC 6454 §7).
#[must_use]
pub fn same_origin(app: &App, headers: &HeaderMap) -> bool {
    let is = |name: &str, allowed: &[&str]| {
        headers.get_all(name).iter().all(|value| value.to_str().is_ok_and(|value| allowed.contains(&value)))
    };
    is("sec-fetch-site", &["same-origin", "none"]) && is(header::ORIGIN.as_str(), &[app.config.origin()])
}

/// Whether `Accept` names `wanted` itself, and does not prefer `other` (RFC 9110 §12.5.1).
#[must_use]
pub fn accepts_rather(headers: &HeaderMap, wanted: &str, other: &str) -> bool {
    let wanted = weight(headers, &header::ACCEPT, wanted);
    wanted > 0.0 && wanted >= weight(headers, &header::ACCEPT, other)
}

/// Whether `Accept-Encoding` names gzip (RFC 9110 §12.5.3).
#[must_use]
pub fn takes_gzip(headers: &HeaderMap) -> bool {
    weight(headers, &header::ACCEPT_ENCODING, "gzip") > 0.0
}

/// What the reader would give for what is named so (RFC 9110 §12.4.2); 0 if it is not named.
fn weight(headers: &HeaderMap, header: &HeaderName, name: &str) -> f32 {
    let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    let weights = values.flat_map(|value| value.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().is_some_and(|range| range.eq_ignore_ascii_case(name));
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        named.then(|| weight.map_or(1.0, |weight| weight.parse::<f32>().unwrap_or(0.0)))
    });
    weights.fold(0.0, f32::max)
}

/// The value of a header that may occur once; `None` without the header.
pub fn single<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, OAuthError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            value.to_str().map(Some).map_err(|_| OAuthError::invalid_request("a header holds invalid characters"))
        }
        _ => Err(OAuthError::invalid_request("the Authorization header may be sent once only")),
    }
}

/// The bearer token in the header (RFC 6750 §2.1); the case of the scheme is ignored.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, OAuthError> {
    let Some(value) = single(headers, "authorization")? else { return Ok(None) };
    Ok(value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim()))
}

/// The access token in the header and its scheme, whose case is ignored.
pub fn access_token(headers: &HeaderMap) -> Result<Option<(Scheme, &str)>, OAuthError> {
    let Some((scheme, token)) = single(headers, "authorization")?.and_then(|value| value.split_once(' ')) else {
        return Ok(None);
    };
    Ok(Scheme::parse(scheme).map(|scheme| (scheme, token.trim())))
}

/// The proof of possession (RFC 9449 §4.3), which may occur once; `None` without the header.
pub fn dpop_proof(headers: &HeaderMap) -> Result<Option<&str>, OAuthError> {
    single(headers, "dpop")
        .map_err(|_| OAuthError::invalid_dpop_proof("the DPoP header must occur once, in visible ASCII"))
}

/// A form for an endpoint for programs: sent by POST, well-formed, without repeated parameters (OAuth 2.1 §3.2).
pub struct Form(pub Params);

impl FromRequest<Arc<App>> for Form {
    type Rejection = OAuthError;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, OAuthError> {
        if !is_type(request.headers(), "application/x-www-form-urlencoded") {
            return Err(OAuthError::invalid_request("the body must be application/x-www-form-urlencoded"));
        }
        let query = Params::parse(request.uri().query().unwrap_or("").as_bytes())?;
        if NEVER_IN_THE_QUERY.iter().any(|name| query.count(name) > 0) {
            return Err(OAuthError::invalid_request("parameters belong in the body, never in the URL"));
        }
        let params = Params::parse(&read(request.into_body(), MAX_FORM_BYTES).await?)?;
        // RFC 8707 §2 and RFC 8693 §2.1 allow these to repeat.
        params.refuse_repeats(&["resource", "audience"])?;
        Ok(Self(params))
    }
}

/// An authenticated client and the form it sent.
pub struct ClientAuth {
    pub client: Arc<Client>,
    pub params: Params,
}

impl FromRequest<Arc<App>> for ClientAuth {
    type Rejection = OAuthError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, OAuthError> {
        let (headers, address, params) = proof_and_form(request, app).await?;
        let client = authenticate::client(app, single(&headers, "authorization")?, &params, address).await?;
        Ok(Self { client, params })
    }
}

/// An authenticated client and its form, where the client assertion is used up later, together with another change.
pub struct UnspentClientAuth {
    pub client: Arc<Client>,
    pub params: Params,
    pub assertion: Option<authenticate::PresentedAssertion>,
}

impl FromRequest<Arc<App>> for UnspentClientAuth {
    type Rejection = OAuthError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, OAuthError> {
        let (headers, address, params) = proof_and_form(request, app).await?;
        let authorization = single(&headers, "authorization")?;
        let (client, assertion) = authenticate::client_to_spend(app, authorization, &params, address).await?;
        Ok(Self { client, params, assertion })
    }
}

async fn proof_and_form(request: Request, app: &Arc<App>) -> Result<(HeaderMap, IpAddr, Params), OAuthError> {
    let (mut parts, body) = request.into_parts();
    let Ok(ClientIp(address)) = ClientIp::from_request_parts(&mut parts, app).await;
    let headers = parts.headers.clone();
    let Form(params) = Form::from_request(Request::from_parts(parts, body), app).await?;
    Ok((headers, address, params))
}
