//! Public documents: compressed for whoever takes it, and not sent again to whoever has them.
use crate::support::app::TestApp;
use axum::{
    body::Body,
    http::{Request, response::Parts},
};
use keyward::operations::keys;
use std::io::Read;

const DOCUMENTS: [&str; 6] = [
    "/jwks",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/openapi.json",
    "/static/keyward.css",
    "/static/icon.svg",
];

async fn get(t: &TestApp, path: &str, header: (&str, &str)) -> (Parts, Vec<u8>) {
    t.send_for_bytes(Request::get(path).header(header.0, header.1).body(Body::empty()).unwrap()).await
}

fn header<'a>(parts: &'a Parts, name: &str) -> &'a str {
    parts.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_document_comes_compressed_to_whoever_takes_gzip_and_each_form_has_its_own_etag() {
    let t = TestApp::start().await;
    for path in DOCUMENTS {
        let (plain, content) = get(&t, path, ("accept-encoding", "br, gzip;q=0")).await;
        let (packed, bytes) = get(&t, path, ("accept-encoding", "br;q=1.0, GZIP;q=0.8")).await;
        assert_eq!((header(&plain, "content-encoding"), header(&packed, "content-encoding")), ("", "gzip"), "{path}");
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == content && bytes.len() < content.len(), "{path}");
        assert_ne!(header(&plain, "etag"), header(&packed, "etag"), "{path}");
        for parts in [plain, packed] {
            let vary = parts.headers.get_all("vary").iter().any(|name| name == "accept-encoding");
            assert!(vary && header(&parts, "etag").starts_with('"'), "{path}: {parts:?}");
            assert!(!header(&parts, "content-type").is_empty(), "{path}");
        }
    }
}

#[tokio::test]
async fn whoever_has_a_document_is_told_so_until_it_changes() {
    let t = TestApp::start().await;
    for path in DOCUMENTS {
        let (first, _) = get(&t, path, ("accept", "*/*")).await;
        let etag = header(&first, "etag");
        for known in [etag.to_owned(), format!("W/{etag}"), format!("\"another\", {etag}")] {
            let (again, content) = get(&t, path, ("if-none-match", &known)).await;
            assert_eq!((again.status.as_u16(), content.len()), (304, 0), "{path} {known}");
            for name in ["etag", "cache-control"] {
                assert_eq!(header(&again, name), header(&first, name), "{path}");
            }
        }
        assert_eq!(get(&t, path, ("if-none-match", "\"another\"")).await.0.status, 200);
    }
    let (first, _) = get(&t, "/jwks", ("accept", "*/*")).await;
    keys::rotate(&t.app, &crate::support::app::operator()).await.unwrap();
    let (again, content) = get(&t, "/jwks", ("if-none-match", header(&first, "etag"))).await;
    assert_eq!(again.status, 200);
    let published = String::from_utf8(content).unwrap();
    assert!(t.app.keys.ring().all().iter().all(|key| published.contains(&key.kid)), "{published}");
}
