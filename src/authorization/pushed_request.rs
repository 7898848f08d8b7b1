//! Pushed authorization requests (RFC 9126): checked when the client posts them, kept until the user has decided.
use super::checks::{check, compare, hinted_subject, record};
use crate::{
    app::App,
    clients::authenticate::PresentedAssertion,
    error::{ErrorCode, OAuthError, ProtocolError},
    limits::source,
    model::{Client, ClientId},
    oauth::{authorization_request::Callback, compared::RedirectUriComparison, params::Params},
    secrets::{Digest, RequestUri},
    storage::pushed_requests::{self, Insertion, PushedRequest},
    tokens::dpop::{PresentedProof, used_before},
};
use std::net::IpAddr;
use time::Duration;

/// Seconds that a pushed request is valid (RFC 9126 §2.2): long, because the user decides in this time. Nothing
/// prolongs it.
pub const LIFETIME: u16 = 600;
/// Bytes: as much as a URL of this server may have.
const MAX_QUERY_BYTES: usize = 32 * 1024;
/// The client's credentials are not part of the pushed request.
const CREDENTIALS: [&str; 4] = ["client_id", "client_secret", "client_assertion", "client_assertion_type"];

/// Refuses every request that `/authorize` would refuse (RFC 9126 §2.1).
///
/// `assertion` is the one that authenticated the client. `proof` is a proof of possession sent with the request: its
/// key counts as if `dpop_jkt` named it (RFC 9449 §10.1).
pub async fn push(
    app: &App,
    client: &Client,
    params: &Params,
    proof: Option<&PresentedProof>,
    assertion: Option<&PresentedAssertion>,
    address: IpAddr,
) -> Result<RequestUri, OAuthError> {
    let jkt = proof.map(|proof| proof.jkt.as_str());
    let query = query(app, client, params, jkt).await;
    let refused = query.as_ref().err();
    let compared = refused.and_then(|refused| refused.compared.as_ref());
    record(app, Some(&client.id), refused.map(|refused| &refused.error), compared);
    let (uri, now) = (RequestUri::random(), app.clock.now());
    let pushed = PushedRequest {
        request_hash: uri.digest(),
        client_id: client.id.clone(),
        query: query.map_err(|refused| refused.error)?,
        expires_at: now + Duration::seconds(LIFETIME.into()),
    };
    let proof = proof.map(PresentedProof::to_spend);
    let to_spend = assertion.map(PresentedAssertion::to_spend);
    match pushed_requests::insert(&app.db, &pushed, source(address), proof, to_spend, now).await? {
        Insertion::Done => Ok(uri),
        Insertion::Replayed => Err(used_before()),
        Insertion::AssertionReplayed => Err(assertion.map_or_else(used_before, PresentedAssertion::used_before)),
        Insertion::SourceFull => {
            Err(OAuthError::too_many_requests("too many pushed requests wait for their users")
                .retry_after(LIFETIME.into()))
        }
        Insertion::Full => Err(OAuthError::overloaded("too many pushed requests wait for their users").retry_after(60)),
    }
}

/// Why a pushed request is refused; if its redirect URI is not registered, also the comparison with the registered
/// ones.
struct Refused {
    error: OAuthError,
    compared: Option<RedirectUriComparison>,
}

impl<E: Into<OAuthError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self { error: error.into(), compared: None }
    }
}

/// Checks the request, and returns the query to store.
async fn query(app: &App, client: &Client, params: &Params, jkt: Option<&str>) -> Result<String, Refused> {
    if params.get("request_uri")?.is_some() {
        return Err(OAuthError::invalid_request("request_uri must not be pushed (RFC 9126 section 2.1)").into());
    }
    Callback::resolve(params, &client.metadata).map_err(|error| Refused {
        compared: compare(app, &error, params, client),
        error: ProtocolError::from(error).into(),
    })?;
    let (request, _) = check(app, params, client)?;
    hinted_subject(app, &request, client).await?;
    let mut query = params.encode_without(&CREDENTIALS);
    match (jkt, request.dpop_jkt.as_deref()) {
        (Some(proven), Some(named)) if proven != named => {
            let sentence = "dpop_jkt names another key than the one of the DPoP proof";
            return Err(OAuthError::invalid_dpop_proof(sentence).into());
        }
        (Some(proven), None) => query = format!("{query}&dpop_jkt={proven}"),
        _ => {}
    }
    if query.len() > MAX_QUERY_BYTES {
        return Err(OAuthError::invalid_request("the request has more than 32 KiB").into());
    }
    Ok(query)
}

/// The pushed request that these parameters refer to. Parameters beside the reference are ignored, never merged (RFC
/// 9126 §4, RFC 9101 §5).
pub async fn find(app: &App, params: &Params) -> Result<Option<(Params, Digest)>, OAuthError> {
    let (client, uri) = (params.require("client_id")?, params.get("request_uri")?);
    let pushed = |uri: &&str| app.config.authorization.pushed_requests && uri.starts_with(RequestUri::PREFIX);
    let Some(uri) = uri.filter(pushed) else { return Ok(None) };
    let (hash, now) = (RequestUri::presented(uri).digest(), app.clock.now());
    let known = pushed_requests::find(&app.db, &hash, &ClientId::from(client), now).await?;
    let known = known.ok_or_else(|| {
        let sentence = "this request was never made by this app, is too old, or is completed already";
        OAuthError::new(ErrorCode::InvalidRequestUri, sentence)
    })?;
    Ok(Some((Params::parse(known.query.as_bytes())?, hash)))
}

/// Marks the pushed request as decided; `false` if it was decided before. A request that was not pushed is always
/// `true`.
pub async fn complete(app: &App, pushed: Option<&Digest>) -> Result<bool, OAuthError> {
    match pushed {
        Some(hash) => Ok(pushed_requests::complete(&app.db, hash, app.clock.now()).await?),
        None => Ok(true),
    }
}
