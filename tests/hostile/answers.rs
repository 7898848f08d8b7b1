//! Hosts whose responses are wrong.
use super::{Hostile, good};
use crate::hostile::host::Answer::{Endless, Unfinished, Whole};

/// What is wrong in a body.
const BROKEN: &str = "error reading a body";
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

/// Why those are refused that are waited for in vain.
pub const TIME: &str = "time";

/// A whole answer with this status line and these headers.
fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    [format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n").as_bytes(), body].concat()
}

/// A good document, but with this status and these headers.
fn status(what: &'static str, reason: &'static str, status: &'static str, headers: &str) -> Hostile {
    let headers = format!("content-type: application/json\r\n{headers}");
    Hostile::new(what, reason, move |url| Whole(answer(status, &headers, good(url).to_string().as_bytes())))
}

/// A good document, but with this header instead of its type.
fn kind(what: &'static str, content_type: &'static str) -> Hostile {
    Hostile::new(what, "content type", move |url| {
        Whole(answer("200 OK", content_type, good(url).to_string().as_bytes()))
    })
}

fn says(what: &'static str, reason: &'static str, bytes: impl Into<Vec<u8>>) -> Hostile {
    let bytes = bytes.into();
    Hostile::new(what, reason, move |_| Whole(bytes.clone()))
}

fn stops(what: &'static str, bytes: impl Into<Vec<u8>>) -> Hostile {
    let bytes = bytes.into();
    Hostile::new(what, TIME, move |_| Unfinished(bytes.clone()))
}

fn never_ends(what: &'static str, reason: &'static str, first: impl Into<Vec<u8>>, more: Vec<u8>) -> Hostile {
    let first = first.into();
    Hostile::new(what, reason, move |_| Endless(first.clone(), more.clone()))
}

/// A body after good headers, as it comes on the wire.
fn raw(headers: &str, body: &str) -> Vec<u8> {
    format!("{HEAD}{headers}\r\n{body}").into_bytes()
}

fn statuses() -> Vec<Hostile> {
    vec![
        status("redirects to itself", "status is not 200", "301 Moved Permanently", "location: /other\r\n"),
        status("redirects to the cloud", "status is not 200", "302 Found", "location: http://169.254.169.254/\r\n"),
        status("redirects to another host", "status is not 200", "307 Temporary", "location: https://a.example/c\r\n"),
        status("redirects for good", "status is not 200", "308 Permanent", "location: https://a.example/c\r\n"),
        status("has several to choose from", "status is not 200", "300 Multiple Choices", "location: /c\r\n"),
        says("has nothing to say", "status is not 200", b"HTTP/1.1 204 No Content\r\n\r\n"),
        status("says a part of it", "status is not 200", "206 Partial Content", "content-range: bytes 0-9/99\r\n"),
        status("says it was created", "status is not 200", "201 Created", ""),
        status("says it never changed", "status is not 200", "304 Not Modified", ""),
        status("does not know it", "status is not 200", "404 Not Found", ""),
        status("wants a password", "status is not 200", "401 Unauthorized", "www-authenticate: Basic realm=a\r\n"),
        status("is in trouble", "status 500", "500 Internal Server Error", ""),
        status("has too much to do", "status 429", "429 Too Many Requests", ""),
    ]
}

fn kinds() -> Vec<Hostile> {
    vec![
        kind("calls it a page", "content-type: text/html\r\n"),
        kind("calls it nothing", ""),
        kind("calls it a script", "content-type: application/javascript\r\n"),
        kind("calls it almost JSON", "content-type: application/jsonp\r\n"),
        kind("calls it text", "content-type: text/json\r\n"),
        status("sends a compressed bomb", "encoded", "200 OK", "content-encoding: gzip\r\n"),
    ]
}

fn too_long() -> Vec<Hostile> {
    vec![
        status(
            "sends headers of 20 KB",
            "headers are too large",
            "200 OK",
            &format!("x-a: {}\r\n", "a".repeat(20_000)),
        ),
        status("sends two hundred headers", "headers are too large", "200 OK", &"x-a: y\r\n".repeat(200)),
        status("gives two lengths", "content-length", "200 OK", "content-length: 7\r\n"),
        never_ends("never ends a header", "headers are too large", format!("{HEAD}x-a: "), vec![b'a'; 4096]),
        never_ends("never ends its headers", "headers are too large", HEAD, b"x-a: b\r\n".repeat(512)),
        never_ends(
            "promises 6 MB and sends more",
            "too large",
            raw("content-length: 6000000\r\n", ""),
            vec![b' '; 4096],
        ),
        never_ends(
            "sends chunks without end",
            "too large",
            raw("transfer-encoding: chunked\r\n", ""),
            [&b"1000\r\n"[..], &[b' '; 4096], b"\r\n"].concat(),
        ),
        never_ends("sends without end", "too large", raw("connection: close\r\n", ""), vec![b' '; 4096]),
        never_ends(
            "never ends a chunk's extension",
            BROKEN,
            raw("transfer-encoding: chunked\r\n", "1;"),
            vec![b'a'; 4096],
        ),
        never_ends(
            "promises an answer for ever",
            "more was sent",
            vec![],
            b"HTTP/1.1 100 Continue\r\n\r\n".repeat(512),
        ),
        never_ends("sends nothing but ends of lines", "headers are too large", vec![], b"\r\n".repeat(512)),
    ]
}

fn no_http() -> Vec<Hostile> {
    vec![
        says("sends chunks of garbage", BROKEN, raw("transfer-encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n")),
        says(
            "sends a chunk larger than numbers",
            BROKEN,
            raw("transfer-encoding: chunked\r\n", "fffffffffffffffff\r\n"),
        ),
        says("hangs up in the middle", BROKEN, raw("content-length: 9999\r\n", "{")),
        says("hangs up at once", "connection closed", vec![]),
        says("speaks SSH", "HTTP version", b"SSH-2.0-OpenSSH_9.2p1\r\n"),
        says("speaks HTTP/9", "HTTP version", b"HTTP/9.9 200 OK\r\n\r\n"),
        says("changes the protocol", "status is not 200", b"HTTP/1.1 101 Switching Protocols\r\nupgrade: a\r\n\r\n"),
        stops("never answers", ""),
        stops("begins and never ends", raw("content-length: 9\r\n", "{")),
        stops("begins a header and never ends", HEAD),
    ]
}

pub fn all() -> Vec<Hostile> {
    [statuses(), kinds(), too_long(), no_http()].into_iter().flatten().collect()
}
