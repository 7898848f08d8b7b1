//! Requests over loopback from any of its addresses, a connection each.
use anyhow::Context;
use axum::{
    body::Bytes,
    http::{HeaderMap, Request, header, request::Builder},
};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// For an answer; who waits longer has none.
const PATIENCE: Duration = Duration::from_secs(20);

pub const FORM: &str = "application/x-www-form-urlencoded";
pub const JSON: &str = "application/json";

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

/// Somebody at one address, who speaks to one server.
#[derive(Clone, Copy)]
pub struct Line {
    pub from: Ipv4Addr,
    pub to: SocketAddr,
}

impl Line {
    pub async fn connect(self) -> anyhow::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(IpAddr::V4(self.from), 0))?;
        Ok(timeout(PATIENCE, socket.connect(self.to)).await.context("no connection in time")??)
    }

    pub async fn send(self, request: Builder, body: impl Into<Bytes>) -> anyhow::Result<Answer> {
        let request = request.header(header::HOST, self.to.to_string()).body(Full::new(body.into()))?;
        timeout(PATIENCE, self.exchange(request)).await.context("no answer in time")?
    }

    async fn exchange(self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        let (mut sender, connection) = handshake(TokioIo::new(self.connect().await?)).await?;
        let connection = tokio::spawn(connection);
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        connection.abort();
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    pub async fn get(self, path: &str) -> anyhow::Result<Answer> {
        self.send(Request::get(path), "").await
    }

    pub async fn form(self, path: &str, pairs: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.send(Request::post(path).header(header::CONTENT_TYPE, FORM), form(pairs)).await
    }

    pub async fn json(self, path: &str, body: &serde_json::Value) -> anyhow::Result<Answer> {
        self.send(Request::post(path).header(header::CONTENT_TYPE, JSON), body.to_string()).await
    }
}

pub fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
