//! Where a request came from, and whom it counts for.
use crate::{caller::Caller, digest};
use axum::{
    extract::{ConnectInfo, Request, State},
    http::Extensions,
    middleware::Next,
    response::Response,
};
use keyward_limits::source::{Source, TrustedProxies};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// The client's address, as far as it is known.
#[derive(Clone, Copy, Debug)]
struct ClientAddress(IpAddr);

/// Middleware: notes the address that is behind the proxies. Nested use changes nothing.
pub async fn attach(State(proxies): State<Arc<TrustedProxies>>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let address = proxies.client(peer.ip(), request.headers());
        request.extensions_mut().insert(ClientAddress(address));
    }
    next.run(request).await
}

pub fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ClientAddress>().map(|client| client.0)
}

/// All whose address nobody knows are one: the program that talks to this process, or whatever embeds it.
pub fn source_of(extensions: &Extensions) -> Source {
    address(extensions).map_or(Source::Party(0), Source::of)
}

/// Whoever is known is the same from wherever.
pub fn of_caller(caller: &Caller, from: Source) -> Source {
    if caller.is_known() { party(&caller.principal.join("\n")) } else { from }
}

/// Somebody of this name.
pub fn party(name: &str) -> Source {
    let digest = digest::of(name.as_bytes());
    Source::Party(digest[..16].iter().fold(0, |number, byte| (number << 8) | u128::from(*byte)))
}
