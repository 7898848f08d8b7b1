//! One request on a connection of its own, to an address that was just checked, with a limit on received bytes.
use super::{
    answer::{ContentRule, FetchError, MAX_HEADERS, check},
    names::Lookup,
    network::Network,
};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::{
    Request,
    body::Bytes,
    client::conn::http1,
    header,
    http::{self, response::Parts},
};
use hyper_util::rt::TokioIo;
use rustls_platform_verifier::BuilderVerifierExt;
use std::{
    error::Error,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{self, ClientConfig, crypto::aws_lc_rs, pki_types::ServerName},
};
use url::{Position, Url};

/// Bytes that a host may send on a connection in addition to the body: certificates, interim responses, headers.
const MAX_OVERHEAD_BYTES: usize = 48 * 1024;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Verifies certificates as the operating system does.
pub(super) fn tls() -> Result<TlsConnector, rustls::Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions()?.with_platform_verifier()?;
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}

/// The head of an acceptable response, and its body.
pub(super) async fn get(
    network: &Network,
    lookup: &Lookup,
    tls: Option<&TlsConnector>,
    url: &Url,
    wanted: &ContentRule,
) -> Result<(Parts, Bytes), FetchError> {
    let opened = timeout(network.connect_timeout, open(network, lookup, tls, url, wanted.max_body)).await;
    let stream = opened.map_err(|_| FetchError::Unavailable("no connection in time".into()))??;
    let request = request(url, wanted).map_err(|error| failed(&error))?;
    let mut http = http1::Builder::new();
    http.max_buf_size(MAX_HEADERS);
    let (mut sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    let exchange = async move {
        let (head, body) = sender.send_request(request).await.map_err(|error| failed(&error))?.into_parts();
        check(&head, wanted)?;
        let body = Limited::new(body, wanted.max_body).collect().await.map_err(|error| failed(&*error))?;
        Ok((head, body.to_bytes()))
    };
    tokio::pin!(exchange);
    // Not spawned as a task: the connection ends together with this future, even if the host keeps sending.
    tokio::select! {
        outcome = &mut exchange => return outcome,
        _ = connection => {}
    }
    exchange.await
}

fn request(url: &Url, wanted: &ContentRule) -> http::Result<Request<Empty<Bytes>>> {
    Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(header::HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(header::USER_AGENT, concat!("keyward/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, wanted.accept)
        .body(Empty::new())
}

async fn open(
    network: &Network,
    lookup: &Lookup,
    tls: Option<&TlsConnector>,
    url: &Url,
    max_body: usize,
) -> Result<Box<dyn Stream>, FetchError> {
    let stream = LimitedStream { stream: connect(network, lookup, url).await?, left: MAX_OVERHEAD_BYTES + max_body };
    let (Some(tls), false) = (tls, is_own(url)) else { return Ok(Box::new(stream)) };
    let host = url.host_str().unwrap_or_default();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
    Ok(Box::new(tls.connect(name, stream).await.map_err(|error| failed(&error))?))
}

/// The URL was checked before: only this server's own documents are fetched by plain http.
fn is_own(url: &Url) -> bool {
    url.scheme() == "http"
}

/// The name is resolved once, so that the checked address is the one connected to (no DNS rebinding).
async fn connect(network: &Network, lookup: &Lookup, url: &Url) -> Result<TcpStream, FetchError> {
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443));
    let addresses = lookup(host.to_owned()).await.map_err(|error| failed(&error))?;
    if !is_own(url) && !addresses.iter().all(|address| network.may_reach(address.ip())) {
        return Err(FetchError::Forbidden(
            "the host has an address that is not on the public internet, or in a network that is never fetched from",
        ));
    }
    let mut last = FetchError::Unavailable("the host has no address".into());
    let each = network.connect_timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    for mut address in addresses {
        if address.port() == 0 {
            address.set_port(port);
        }
        match timeout(each, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = failed(&error),
            Err(_) => last = FetchError::Unavailable("no connection in time".into()),
        }
    }
    Err(last)
}

/// The first cause that is a rule of this server, or else all causes.
fn failed(error: &(dyn Error + 'static)) -> FetchError {
    let mut causes = vec![];
    let mut next = Some(error);
    while let Some(cause) = next {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is_some_and(<dyn Error + Send + Sync>::is::<TooMuch>) {
            return FetchError::Unacceptable("more was sent than an answer may have");
        }
        if cause.is::<LengthLimitError>() {
            return FetchError::Unacceptable("the body is too large");
        }
        if cause.downcast_ref().is_some_and(hyper::Error::is_parse_too_large) {
            return FetchError::Unacceptable("the headers are too large");
        }
        causes.push(cause.to_string());
        next = cause.source();
    }
    FetchError::Unavailable(causes.join(": "))
}

#[derive(Debug, thiserror::Error)]
#[error("more was sent than is read")]
struct TooMuch;

/// A stream that fails after so many bytes; the read that passes the limit is still delivered.
struct LimitedStream {
    stream: TcpStream,
    left: usize,
}

impl AsyncRead for LimitedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other(TooMuch)));
        }
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        self.left = self.left.saturating_sub(into.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LimitedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
