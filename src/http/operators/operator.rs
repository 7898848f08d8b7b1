//! Who may look inside: in the demo whoever is on this machine, else who sends `debug.admin_token`.
use crate::{
    app::App,
    audit::WrongTry,
    error::{ErrorCode, OAuthError},
    events::{AccountKind, FailureReason},
    http::extract::{ClientIp, bearer, same_origin},
    operations::Operator,
    secrets::Digest,
};
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{
        header,
        request::Parts,
        uri::{Authority, Uri},
    },
};
use keyward_limits::source::is_forwarded;
use secrecy::ExposeSecret;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use url::Url;

/// The account that wrong tokens are counted for.
const ACCOUNT: AccountKind = AccountKind::Operator;

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = OAuthError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, OAuthError> {
        let Ok(ClientIp(address)) = ClientIp::from_request_parts(parts, app).await;
        admit(app, parts, address).await.map(|()| Self::over_http(address))
    }
}

/// A browser never sends the token by itself, so a request with the token needs no check of `Host` or `Origin`.
async fn admit(app: &App, parts: &Parts, address: IpAddr) -> Result<(), OAuthError> {
    let presented = bearer(&parts.headers)?;
    if presented.is_some_and(|token| knows(app, token)) {
        return Ok(());
    }
    if app.config.debug.this_machine && is_here(parts) {
        return check_browser(app, parts);
    }
    if presented.is_some() {
        if app.limits.guesses.wrong(ACCOUNT, "", address)? {
            let (kind, reason) = (ACCOUNT, FailureReason::WrongToken);
            let wrong = WrongTry { kind, account: "", user: None, client: None, reason, address };
            wrong.begins_wait(&app.audit).await;
        }
        return Err(OAuthError::invalid_token("this is not the operator's token"));
    }
    Err(OAuthError::new(ErrorCode::Unauthorized, "this needs the operator's token"))
}

fn knows(app: &App, presented: &str) -> bool {
    let token = app.config.debug.admin_token.as_ref();
    token.is_some_and(|token| Digest::of(presented).matches(&Digest::of(token.expose_secret())))
}

fn is_here(parts: &Parts) -> bool {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
    !is_forwarded(&parts.headers) && peer.is_some_and(|peer| peer.is_loopback())
}

/// A browser on this machine may show a malicious page: one whose host name was made to resolve to this machine (DNS
/// rebinding), or one of another origin.
fn check_browser(app: &App, parts: &Parts) -> Result<(), OAuthError> {
    let issuer = Url::parse(&app.config.issuer).ok();
    let own = issuer.as_ref().and_then(Url::host_str);
    let names = ["localhost", "127.0.0.1", "[::1]"];
    let ours = |host: &str| own.into_iter().chain(names).any(|name| name.eq_ignore_ascii_case(host));
    if !host(parts).is_some_and(|host| !host.as_str().contains('@') && ours(host.host())) {
        return Err(OAuthError::new(ErrorCode::MisdirectedRequest, "the Host header names no host of this server"));
    }
    same_origin(app, &parts.headers)
        .then_some(())
        .ok_or_else(|| OAuthError::new(ErrorCode::Forbidden, "the request comes from a page of another origin"))
}

/// The host in the request; HTTP/2 has it in the URI (RFC 9113 §8.3.1).
fn host(parts: &Parts) -> Option<Authority> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => Uri::authority(&parts.uri).cloned(),
        (Some(host), None) => host.to_str().ok()?.parse().ok(),
        _ => None,
    }
}
