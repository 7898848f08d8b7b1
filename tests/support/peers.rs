//! Requests that come from elsewhere than this machine.
use super::app::{Answer, TestApp, encode};
use axum::{body::Body, extract::ConnectInfo, http::Request};
use std::net::{IpAddr, SocketAddr};

/// As if the request came from this peer.
pub fn from(peer: impl Into<IpAddr>, mut request: Request<Body>) -> Request<Body> {
    request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.into(), 40_000)));
    request
}

pub async fn post_from(t: &TestApp, address: [u8; 4], path: &str, form: &[(&str, &str)]) -> Answer {
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    t.send(from(address, request.body(Body::from(encode(form))).unwrap())).await
}
