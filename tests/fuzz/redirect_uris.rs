//! Redirect URIs: the first line of an input is registered, the second is requested.
use super::{
    Target,
    world::{World, end},
};
use crate::support::app::authorize_path;
use keyward::{
    model::{ClientId, ClientSource},
    oauth::redirect_uri::{RedirectKind, append, check_registrable, kind, matches},
    storage::clients,
};
use serde_json::json;
use url::Url;

pub struct RedirectUris(World);

impl Target for RedirectUris {
    const NAME: &'static str = "redirect_uris";
    const WORDS: &'static [&'static str] = &[
        "https://",
        "http://",
        "HTTPS://",
        "https:/",
        "https:\\\\",
        "client.example",
        "Client.example",
        "/cb",
        "/cb/",
        ":443",
        ":8443",
        ":51004",
        ":0",
        ":65535",
        "@",
        "user@",
        "user:pw@",
        "client.example@",
        "\n",
        "http://127.0.0.1",
        "http://[::1]",
        "http://localhost",
        "http://[::ffff:127.0.0.1]",
        "http://0x7f.1",
        "http://2130706433",
        "localhost.",
        "127.0.0.1.",
        "com.example.app:/",
        "cursor://",
        "x-app:",
        "javascript:alert(1)//",
        "?code=1",
        "?x=1",
        "&state=",
        "?iss",
        "#",
        "%2f",
        "%5c",
        "%40",
        "%3a",
        "%61",
        "xn--",
        "\u{3002}",
        "..;/",
    ];

    async fn start() -> Self {
        Self(World::start().await)
    }

    async fn judge(&self, input: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(input);
        let (registered, requested) = text.split_once('\n').unwrap_or((&text, &text));
        // RFC 6749 §3.1: empty is absent, and then the only one registered is meant.
        let requested = if requested.is_empty() { registered } else { requested };
        judge_text(registered);
        judge_text(requested);
        let matched = matches(registered, requested);
        assert!(matched == matches(requested, registered));
        let mut ends = vec![self.register(registered).await];
        if check_registrable(registered, &["cursor".into()]).is_err() {
            return ends;
        }
        assert!(!matched || same_place(registered, requested), "{registered} is not {requested}");
        // A URL so long that HTTP does not carry it is no request.
        let Some(answer) = self.ask(registered, requested).await else { return ends };
        if let Some(location) = answer.headers.get("location").and_then(|location| location.to_str().ok()) {
            // An error goes where the request says, or nowhere.
            assert!(matched && location.starts_with(requested), "{answer:?}");
            assert!(same_place(registered, location.split("error=").next().unwrap()), "{answer:?}");
        } else {
            assert!(!matched, "{answer:?}");
            answer.page(400);
        }
        ends.push(format!("{matched} {} {}", describe(registered), end(&answer)));
        ends
    }
}

impl RedirectUris {
    async fn register(&self, uri: &str) -> String {
        let body = json!({"redirect_uris": [uri], "token_endpoint_auth_method": "none"}).to_string();
        let headers: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
        let (end, accepted) = self.0.try_to("POST", "/register", &headers, body.as_bytes()).await;
        let nul = uri.contains('\0');
        assert_eq!(accepted, !nul && check_registrable(uri, &["cursor".into()]).is_ok(), "{end}");
        end
    }

    /// A request that is refused by a redirect, of a client that the operator trusts.
    async fn ask(&self, registered: &str, requested: &str) -> Option<crate::support::app::Answer> {
        let t = &self.0.t;
        let id = ClientId::from("c");
        t.public_client("c", &[registered]).await;
        let stored = clients::find(&t.db, &id).await.unwrap().unwrap();
        assert_eq!(
            (stored.source, &*stored.metadata.redirect_uris),
            (ClientSource::Seed, &[registered.to_owned()][..])
        );
        let path = authorize_path(&id, &[("response_type", "token")]);
        let path = format!("{path}&redirect_uri={}", keyward::oauth::params::form_urlencode(requested));
        self.0.send("GET", &path, &[], b"").await
    }
}

fn judge_text(uri: &str) {
    if check_registrable(uri, &["cursor".into()]).is_err() {
        return;
    }
    assert!(matches(uri, uri) && uri.is_ascii() && !uri.contains(['#', '\\', ' ', '"', '<']));
    let location = append(uri, &[("code", "a b"), ("state", "&=#\r\n")]);
    assert!(location.starts_with(uri));
    let (RedirectKind::Https { host } | RedirectKind::Loopback { host }) = kind(uri) else {
        let scheme = uri.split(':').next().unwrap().to_ascii_lowercase();
        return assert_eq!(kind(uri), RedirectKind::PrivateUse { scheme });
    };
    // As browsers read it: the same host, nobody's password, and the answer behind what was there.
    let (parsed, answered) = (Url::parse(uri).unwrap(), Url::parse(&location).unwrap());
    assert_eq!(Url::parse(parsed.as_str()).unwrap(), parsed);
    assert_eq!(parsed.host_str(), Some(&*host));
    assert!(parsed.username().is_empty() && parsed.password().is_none());
    assert_eq!((answered.origin(), answered.path()), (parsed.origin(), parsed.path()));
    let before = parsed.query_pairs().filter(|(name, value)| !(name.is_empty() && value.is_empty())).count();
    let pairs: Vec<_> = answered.query_pairs().filter(|(name, value)| !(name.is_empty() && value.is_empty())).collect();
    assert_eq!(pairs.len(), before + 2, "{location}");
    assert_eq!((&*pairs[before].1, &*pairs[before + 1].1), ("a b", "&=#\r\n"));
}

/// The same but for the port on loopback, as browsers read it.
fn same_place(one: &str, other: &str) -> bool {
    let (Ok(mut one_url), Ok(mut other_url)) = (Url::parse(one), Url::parse(other)) else { return one == other };
    if matches!(kind(one), RedirectKind::Loopback { .. }) {
        let _ = (one_url.set_port(None), other_url.set_port(None));
    }
    let bare = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.path().to_owned());
    bare(&one_url) == bare(&other_url) && one_url.port() == other_url.port()
}

fn describe(uri: &str) -> &'static str {
    match kind(uri) {
        RedirectKind::Https { .. } => "https",
        RedirectKind::Loopback { .. } => "loopback",
        RedirectKind::PrivateUse { .. } => "private",
    }
}

#[tokio::test]
async fn no_redirect_uri_however_bent_leads_to_another_host_than_the_registered_one() {
    Box::pin(super::run::<RedirectUris>()).await;
}
