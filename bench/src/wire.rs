//! A connection that is kept alive, and what comes back over it.
use anyhow::{Context, ensure};
use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header, request::Builder},
};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};

/// For an answer; a server that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// Its body, if it has this status.
    pub fn good(&self, status: StatusCode) -> anyhow::Result<&[u8]> {
        ensure!(self.status == status, "{} instead of {status}: {}", self.status, self.start());
        Ok(&self.body)
    }

    /// The beginning of the body, for messages.
    pub fn start(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(300).collect()
    }

    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub struct Line {
    to: SocketAddr,
    host: HeaderValue,
    source: Option<HeaderValue>,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Line {
    pub fn new(to: SocketAddr, host: &str) -> anyhow::Result<Self> {
        Ok(Self { to, host: HeaderValue::from_str(host)?, source: None, open: None })
    }

    /// What follows comes from somewhere else, as a proxy would tell.
    pub fn is_from(&mut self, source: Ipv4Addr) -> anyhow::Result<()> {
        self.source = Some(HeaderValue::from_str(&source.to_string())?);
        Ok(())
    }

    pub async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.send(Request::get(path), "").await
    }

    pub async fn form(&mut self, path: &str, authorization: Option<&str>, body: String) -> anyhow::Result<Answer> {
        let mut request = Request::post(path).header(header::CONTENT_TYPE, FORM);
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        self.send(request, body).await
    }

    pub async fn send(&mut self, request: Builder, body: impl Into<Bytes>) -> anyhow::Result<Answer> {
        let mut request = request.header(header::HOST, &self.host);
        if let Some(source) = &self.source {
            request = request.header(X_FORWARDED_FOR, source);
        }
        let request = request.body(Full::new(body.into()))?;
        timeout(PATIENCE, self.exchange(request)).await.context("no answer in time")?
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        // Closed while nobody spoke, as servers may.
        let mut open = self.open.take();
        if let Some(line) = &mut open
            && line.ready().await.is_err()
        {
            open = None;
        }
        let mut open = match open {
            Some(open) => open,
            None => self.connect().await?,
        };
        let (parts, body) = open.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        self.open = Some(open);
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    async fn connect(&self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(self.to).await?;
        stream.set_nodelay(true)?;
        let (open, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(open)
    }
}

pub fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
