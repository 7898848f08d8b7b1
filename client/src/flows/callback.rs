//! Where the authorization server sends the person back to: a listener on this machine (RFC 8252 §7.3), or a paste.
use crate::{
    error::{Failure, Result},
    http::is_loopback,
};
use std::collections::HashMap;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

const MAX_REQUEST: usize = 16 * 1024;

pub struct Redirect {
    uri: Url,
    text: String,
    /// None: the address is not of this machine, so the person pastes it.
    listener: Option<TcpListener>,
}

impl Redirect {
    /// `http://127.0.0.1:<port>/callback`, unless an address is given.
    pub async fn open(uri: Option<&str>, port: Option<u16>) -> Result<Self> {
        let text = uri.unwrap_or("http://127.0.0.1/callback");
        let mut uri = Url::parse(text).map_err(|_| Failure::usage("--redirect-uri is no URL"))?;
        if uri.scheme() != "http" || !is_loopback(&uri) {
            return Ok(Self { text: text.to_owned(), uri, listener: None });
        }
        let port = port.or(uri.port()).unwrap_or(0);
        let host = if uri.host_str() == Some("[::1]") { "::1" } else { "127.0.0.1" };
        let listener = TcpListener::bind((host, port))
            .await
            .map_err(|error| Failure::new("callback", format!("cannot listen on {host} port {port}: {error}")))?;
        let port = listener.local_addr().map_err(|error| Failure::new("callback", error.to_string()))?.port();
        if uri.port() == Some(port) {
            return Ok(Self { text: text.to_owned(), uri, listener: Some(listener) });
        }
        uri.set_port(Some(port)).map_err(|()| Failure::usage("--redirect-uri takes no port"))?;
        Ok(Self { text: uri.to_string(), uri, listener: Some(listener) })
    }

    /// As it goes over the wire: servers compare it as a string.
    pub fn uri(&self) -> &str {
        &self.text
    }

    /// The parameters of the one request that comes to the exact path.
    pub async fn wait(&mut self) -> Result<HashMap<String, String>> {
        let Some(listener) = &self.listener else { return pasted() };
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { continue };
            let target = read_target(&mut stream).await;
            let found =
                target.and_then(|target| self.uri.join(&target).ok()).filter(|url| url.path() == self.uri.path());
            let done = found.as_ref().is_some_and(|url| url.query().is_some());
            answer(&mut stream, done).await;
            if let Some(url) = found.filter(|_| done) {
                return Ok(url.query_pairs().into_owned().collect());
            }
        }
    }
}

/// The target of a GET; None for anything else.
async fn read_target(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut chunk = [0; 2048];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = tokio::time::timeout(std::time::Duration::from_secs(5), stream.read(&mut chunk)).await.ok()?.ok()?;
        request.extend_from_slice(&chunk[..read]);
        if read == 0 || request.len() > MAX_REQUEST {
            return None;
        }
    }
    let request = String::from_utf8(request).ok()?;
    let mut words = request.lines().next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    (method == "GET" && target.starts_with('/') && !target.starts_with("//")).then(|| target.to_owned())
}

async fn answer(stream: &mut TcpStream, done: bool) {
    let (status, text) = if done {
        ("200 OK", "You can close this page and go back to the terminal.")
    } else {
        ("404 Not Found", "Nothing here.")
    };
    let body = format!("<!doctype html><meta charset=\"utf-8\"><title>mcp-auth</title><p>{text}</p>");
    let head = "content-type: text/html; charset=utf-8\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\n\
        content-security-policy: default-src 'none'\r\nconnection: close";
    let response = format!("HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(response.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn pasted() -> Result<HashMap<String, String>> {
    eprintln!("Paste the whole address you are sent to:");
    let mut line = String::new();
    let _ = std::io::stdin().read_line(&mut line);
    let url = Url::parse(line.trim()).map_err(|_| Failure::new("callback", "that is no address"))?;
    Ok(url.query_pairs().into_owned().collect())
}
