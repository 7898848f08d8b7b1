//! What a request carries, parsed once at the border.
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
    http::{HeaderMap, header, request::Parts},
};
use http_body_util::BodyExt;
use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

const MAX_FORM: usize = 64 * 1024;
/// Bytes of a body too long that are still listened to, so that the client gets to hear the refusal.
const MAX_HEARD_OUT: usize = 1024 * 1024;
/// Read from the body only (OAuth 2.1 §3.2): in a URL they would end up in logs.
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

/// Where a request came from; a proxy is believed only if it was named.
#[derive(Clone, Copy)]
pub struct ClientIp(pub IpAddr);

impl FromRequestParts<Arc<App>> for ClientIp {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Ok(Self(app.limits.proxies.client(peer, &parts.headers)))
    }
}

/// Where a request came from, unless that is a proxy.
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

/// As much of a body as matters, the rest heard out within reason; and whether that was all of it. One that is too
/// long stays longer than `limit`, for whoever reads it to refuse.
pub async fn take(mut body: Body, limit: usize) -> Result<(Body, bool), OAuthError> {
    let (mut taken, mut seen) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let data = frame.map_err(|_| broken_off())?.into_data().unwrap_or_default();
        seen += data.len();
        let room = (limit + 1).saturating_sub(taken.len()).min(data.len());
        taken.extend_from_slice(&data[..room]);
        if seen > limit + MAX_HEARD_OUT {
            return Ok((taken.into(), false));
        }
    }
    Ok((taken.into(), true))
}

/// The body, up to `limit` bytes. One that says it is longer is not listened to.
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

/// Whether no page of another origin sent it (Fetch Metadata, RFC 6454 §7).
#[must_use]
pub fn same_origin(app: &App, headers: &HeaderMap) -> bool {
    let is = |name: &str, allowed: &[&str]| {
        headers.get_all(name).iter().all(|value| value.to_str().is_ok_and(|value| allowed.contains(&value)))
    };
    is("sec-fetch-site", &["same-origin", "none"]) && is(header::ORIGIN.as_str(), &[app.config.origin()])
}

/// Whether `Accept` names `wanted` itself, and does not rank `other` higher (RFC 9110 §12.5.1).
#[must_use]
pub fn accepts_rather(headers: &HeaderMap, wanted: &str, other: &str) -> bool {
    let ranges = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<_> = ranges.flat_map(|value| value.split(',')).collect();
    let weight = |media: &str| {
        let weights = ranges.iter().filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts.next().is_some_and(|range| range.eq_ignore_ascii_case(media));
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            named.then(|| weight.map_or(1.0, |weight| weight.parse::<f32>().unwrap_or(0.0)))
        });
        weights.fold(0.0, f32::max)
    };
    weight(wanted) > 0.0 && weight(wanted) >= weight(other)
}

/// The one value of a header; `None` without it.
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

/// A bearer token from the header (RFC 6750 §2.1), whatever the case of the scheme.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, OAuthError> {
    let Some(value) = single(headers, "authorization")? else { return Ok(None) };
    Ok(value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim()))
}

/// An access token from the header, and by which scheme, whatever its case.
pub fn access_token(headers: &HeaderMap) -> Result<Option<(Scheme, &str)>, OAuthError> {
    let Some((scheme, token)) = single(headers, "authorization")?.and_then(|value| value.split_once(' ')) else {
        return Ok(None);
    };
    Ok(Scheme::parse(scheme).map(|scheme| (scheme, token.trim())))
}

/// The one proof of possession (RFC 9449 §4.3); `None` without it.
pub fn dpop_proof(headers: &HeaderMap) -> Result<Option<&str>, OAuthError> {
    single(headers, "dpop")
        .map_err(|_| OAuthError::invalid_dpop_proof("the DPoP header must occur once, in visible ASCII"))
}

/// A form of an endpoint for programs: sent by POST, well-formed, nothing twice (OAuth 2.1 §3.2).
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
        let params = Params::parse(&read(request.into_body(), MAX_FORM).await?)?;
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

/// The same, whose assertion is used up with what it is for.
pub struct ClientToSpend {
    pub client: Arc<Client>,
    pub params: Params,
    pub assertion: Option<authenticate::PresentedAssertion>,
}

impl FromRequest<Arc<App>> for ClientToSpend {
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
