//! Redirect URIs: which may be registered, which request matches, how an answer is appended (OAuth 2.1 §2.3, RFC 8252).
use super::{params::form_urlencode, uri};
use crate::error::ProtocolError;
use url::{Url, form_urlencoded};

/// Bytes of one redirect URI.
const MAX_LENGTH: usize = 2048;

/// Schemes that run code, read files or belong to the browser: refused even where the configuration names them.
const REFUSED_SCHEMES: &str = "javascript data vbscript file filesystem blob about view-source jar mhtml ws wss ftp \
    ftps gopher mailto tel sms intent android-app chrome chrome-extension chrome-native chrome-search chrome-untrusted \
    devtools edge brave opera vivaldi resource moz-extension safari-extension safari-web-extension \
    ms-browser-extension search-ms";

/// The rule that a private-use scheme breaks which has no dot and is not among the known ones.
const UNKNOWN_SCHEME: &str = "a private-use scheme must be a reversed domain name, such as com.example.app, or one \
    that this server knows";

/// Names an authorization response uses; RFC 6749 §3.1 allows none of them twice.
const RESPONSE_PARAMETERS: [&str; 9] =
    ["code", "state", "iss", "error", "error_description", "error_uri", "response", "id_token", "access_token"];

/// Whether a client may register this URI (RFC 7591 §5, RFC 8252 §7); if not, `invalid_redirect_uri` tells which rule
/// it breaks. `known_schemes` are private-use schemes without a dot that the operator lets in by name.
pub fn check_registrable(uri: &str, known_schemes: &[String]) -> Result<(), ProtocolError> {
    let refuse = |rule: &'static str| Err(ProtocolError::invalid_redirect_uri(rule));
    if uri.len() > MAX_LENGTH {
        return refuse("a redirect URI has more than 2048 bytes");
    }
    if !uri::is_uri_text(uri) {
        return refuse("a redirect URI is empty or has a character that URIs must escape");
    }
    if uri.contains('#') {
        return refuse("a redirect URI must not have a fragment, not even an empty one");
    }
    let Some(scheme) = uri::scheme(uri) else {
        return refuse("a redirect URI must be absolute, with a scheme in front");
    };
    check_scheme(uri, &scheme, known_schemes)?;
    let query = uri.split_once('?').map_or("", |(_, query)| query);
    let mut names = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
    if names.any(|name| RESPONSE_PARAMETERS.contains(&name.as_ref())) {
        return refuse(
            "the query of a redirect URI must not have a parameter that responses use, such as code or state",
        );
    }
    Ok(())
}

/// A redirect URI that a client can do without where it has others, and the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub uri: String,
    pub rule: String,
}

/// Of a scheme that nobody here knows: a program of that name may exist somewhere. Whatever else is wrong with a
/// redirect URI is a mistake to mend, or an attack to refuse.
#[must_use]
pub fn left_out(uri: &str, known_schemes: &[String]) -> Option<LeftOut> {
    let error = check_registrable(uri, known_schemes).err().filter(|error| error.description == UNKNOWN_SCHEME)?;
    Some(LeftOut { uri: uri.to_owned(), rule: error.description.into_owned() })
}

fn check_scheme(uri: &str, scheme: &str, known_schemes: &[String]) -> Result<(), ProtocolError> {
    let refuse = |rule: &'static str| Err(ProtocolError::invalid_redirect_uri(rule));
    if let Some(refused) = REFUSED_SCHEMES.split(' ').find(|refused| *refused == scheme) {
        return Err(ProtocolError::invalid_redirect_uri(format!("a redirect URI must not use the scheme {refused}")));
    }
    if uri::has_userinfo(uri) {
        return refuse("a redirect URI must not have userinfo in front of its host");
    }
    match scheme {
        "https" if uri::https_host(uri).is_none() => {
            refuse("an https redirect URI needs a host, written as browsers write it")
        }
        "http" if uri::loopback(uri).is_none() => {
            refuse("an http redirect URI must be on 127.0.0.1, [::1] or localhost, with a port from 1 to 65535 if any")
        }
        "https" | "http" => Ok(()),
        _ if Url::parse(uri).is_err() => refuse("a redirect URI must be a URL that browsers can read"),
        _ if is_reversed_domain(scheme) || known_schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme)) => {
            Ok(())
        }
        _ => refuse(UNKNOWN_SCHEME),
    }
}

/// RFC 8252 §7.1, RFC 1123 §2.1: two labels or more, none of them empty.
fn is_reversed_domain(scheme: &str) -> bool {
    scheme.contains('.') && scheme.split('.').all(|label| !label.is_empty())
}

/// Code point equality (RFC 3986 §6.2.1), but for the port on loopback (RFC 8252 §7.3; for `localhost` too, which
/// most MCP clients register). Another loopback host is another URI.
#[must_use]
pub fn matches(registered: &str, requested: &str) -> bool {
    registered == requested || uri::loopback(registered).is_some_and(|uri| Some(uri) == uri::loopback(requested))
}

/// Where a registered redirect URI leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectKind {
    /// To a host on the web, in lower case and without its port.
    Https { host: String },
    /// To whatever program listens on the user's machine (RFC 8252 §7.3).
    Loopback { host: String },
    /// To whatever program the system opens for the scheme (RFC 8252 §7.1).
    PrivateUse { scheme: String },
}

/// Of a URI that `check_registrable` let pass.
#[must_use]
pub fn kind(uri: &str) -> RedirectKind {
    if let Some(loopback) = uri::loopback(uri) {
        RedirectKind::Loopback { host: loopback.host.to_owned() }
    } else if let Some(host) = uri::https_host(uri) {
        RedirectKind::Https { host }
    } else {
        RedirectKind::PrivateUse { scheme: uri::scheme(uri).unwrap_or_default() }
    }
}

/// What a person is told of where it leads: the host, with its port unless that is the usual one, or the scheme.
#[must_use]
pub fn label(uri: &str) -> String {
    match (kind(uri), uri::authority(uri)) {
        (RedirectKind::PrivateUse { scheme }, _) => format!("{scheme}:"),
        (RedirectKind::Https { host } | RedirectKind::Loopback { host }, None) => host,
        (RedirectKind::Https { .. }, Some((authority, _))) => {
            authority.strip_suffix(":443").unwrap_or(authority).to_ascii_lowercase()
        }
        (RedirectKind::Loopback { .. }, Some((authority, _))) => authority.to_owned(),
    }
}

/// Where it leads, so that two that lead to the same place are equal: on the web another port may be another's, on
/// loopback it means nothing (RFC 8252 §7.3).
#[must_use]
pub fn place(uri: &str) -> String {
    match kind(uri) {
        RedirectKind::Loopback { .. } => "loopback".to_owned(),
        _ => label(uri),
    }
}

/// The URI with response parameters added; what it had is kept as it was (RFC 6749 §4.1.2).
#[must_use]
pub fn append(uri: &str, params: &[(&str, &str)]) -> String {
    let mut location = uri.to_owned();
    let mut separator = match uri.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    for (name, value) in params {
        location.extend([separator, &form_urlencode(name), "=", &form_urlencode(value)]);
        separator = "&";
    }
    location
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(uri: &str) -> String {
        let error = check_registrable(uri, &["cursor".to_owned(), "javascript".to_owned()]).expect_err(uri);
        assert_eq!(error.code, "invalid_redirect_uri");
        error.description.into_owned()
    }

    #[test]
    fn a_place_is_a_host_with_its_port_this_computer_or_what_opens_a_scheme() {
        for (uri, shown, leads_to) in [
            ("https://client.example/cb?a=b", "client.example", "client.example"),
            ("https://Client.example:443/other", "client.example", "client.example"),
            ("https://client.example:8443", "client.example:8443", "client.example:8443"),
            ("https://[2001:db8::1]:8443/cb", "[2001:db8::1]:8443", "[2001:db8::1]:8443"),
            ("http://localhost:3000/cb", "localhost:3000", "loopback"),
            ("http://127.0.0.1/", "127.0.0.1", "loopback"),
            ("http://[::1]:1", "[::1]:1", "loopback"),
            ("com.example.app:/cb", "com.example.app:", "com.example.app:"),
            ("cursor://host:1/cb", "cursor:", "cursor:"),
        ] {
            assert_eq!((label(uri).as_str(), place(uri).as_str()), (shown, leads_to));
        }
    }

    #[test]
    fn what_real_clients_register_may_be_registered() {
        for uri in [
            "https://claude.ai/api/mcp/auth_callback",
            "https://chatgpt.com/connector/oauth/abc_DEF-1",
            "https://client.example:8443/cb?tenant=a%20b&x=",
            "https://[2001:db8::1]/cb",
            "https://client.example",
            "http://localhost/callback",
            "http://127.0.0.1:33418/",
            "http://127.0.0.1:33418",
            "http://[::1]:1?a=b",
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "com.example.app:/oauth2redirect",
            "com.Example.App://callback",
        ] {
            assert!(check_registrable(uri, &["cursor".to_owned()]).is_ok(), "{uri}");
        }
    }

    #[test]
    fn attack_82_dangerous_redirect_uris_are_refused_by_the_rule_they_break() {
        for scheme in REFUSED_SCHEMES.split(' ') {
            assert_eq!(refusal(&format!("{scheme}://x/y")), format!("a redirect URI must not use the scheme {scheme}"));
        }
        assert!(refusal("JavaScript:alert(1)").ends_with("the scheme javascript"));
        for (uri, rule) in [
            ("", "empty"),
            ("/callback", "absolute"),
            ("callback", "absolute"),
            ("://x", "absolute"),
            ("1a:/x", "absolute"),
            ("http://client.example/cb", "127.0.0.1"),
            ("http://127.1/cb", "127.0.0.1"),
            ("http://localhost:0/cb", "65535"),
            ("http://localhost:/cb", "65535"),
            ("http://localhost.evil.example/cb", "127.0.0.1"),
            ("HTTP://localhost/cb", "127.0.0.1"),
            ("https:/client.example/cb", "host"),
            ("https:client.example/?u=https://client.example", "host"),
            ("https:///cb", "host"),
            ("https://0x7f.1/cb", "host"),
            ("https://client%2eexample/cb", "host"),
            ("https://client.example:99999/cb", "host"),
            ("https://user@client.example/cb", "userinfo"),
            ("https://user:pw@client.example/cb", "userinfo"),
            ("com.example.app://user@host/cb", "userinfo"),
            ("https://client.example/cb#", "fragment"),
            ("https://client.example/cb#x", "fragment"),
            ("https://client.example/cb?code=1", "responses use"),
            ("https://client.example/cb?a=b&%73tate=1", "responses use"),
            ("com.example.app:/cb?iss", "responses use"),
            ("myapp:/cb", "reversed domain"),
            ("com..app:/cb", "reversed domain"),
            ("cursor://:", "browsers can read"),
            ("com.example.app://host:99999/cb", "browsers can read"),
            ("com.:/cb", "reversed domain"),
            ("urn:ietf:wg:oauth:2.0:oob", "reversed domain"),
            ("https:\\\\client.example\\cb", "character"),
            ("https://client.example/c b", "character"),
            ("https://client.example/\r\nSet-Cookie:a", "character"),
            ("https://client.example/\"><script>", "character"),
            ("https://client.example/%zz", "character"),
            ("https://client.example/%4", "character"),
            ("https://clïent.example/", "character"),
        ] {
            assert!(refusal(uri).contains(rule), "{uri}: {}", refusal(uri));
        }
        assert!(refusal(&format!("https://client.example/{}", "a".repeat(2048))).contains("2048"));
    }

    #[test]
    fn attack_1_and_2_and_6_nothing_but_the_very_string_matches() {
        let registered = "https://client.example/cb";
        assert!(matches(registered, registered));
        for requested in [
            "https://client.example/cb/",
            "https://client.example/CB",
            "https://client.example/cb?x=1",
            "https://client.example/cb/../evil",
            "https://client.example/%63b",
            "https://CLIENT.example/cb",
            "https://client.example:443/cb",
            "https://client.example:8443/cb",
            "https://client.example@evil.example/cb",
            "https://client.example.evil.example/cb",
            "https://evil.example/?https://client.example/cb",
            "https://client.example/cb#",
            "https://client.example/cb#frag",
            "http://client.example/cb",
            "",
        ] {
            assert!(!matches(registered, requested), "{requested}");
        }
    }

    #[test]
    fn attack_3_on_loopback_any_port_matches() {
        for host in ["127.0.0.1", "[::1]", "localhost"] {
            for (registered, requested) in [("", ":51004"), (":8080", ":1"), (":8080", ""), ("", ":65535")] {
                let uri = |port| format!("http://{host}{port}/cb?a=b");
                assert!(matches(&uri(registered), &uri(requested)), "{host} {registered} {requested}");
            }
        }
    }

    #[test]
    fn attack_4_and_5_nothing_else_is_loosened_on_loopback() {
        for requested in [
            "http://localhost:51004/cb",
            "http://[::1]:51004/cb",
            "https://127.0.0.1:51004/cb",
            "http://127.0.0.1:51004/other",
            "http://127.0.0.1:51004/cb/",
            "http://127.0.0.1:51004/cb?x",
            "http://127.0.0.1:51004/cb#",
            "http://127.0.0.1:51004",
            "http://127.0.0.1:80@evil.example/cb",
            "http://127.0.0.1@evil.example/cb",
            "http://127.0.0.1.evil.example:1/cb",
            "http://127.1:9/cb",
            "http://0x7f.0.0.1/cb",
            "http://2130706433/cb",
            "http://[::ffff:127.0.0.1]/cb",
            "http:\\\\127.0.0.1\\cb",
            "http://127.0.0.1\\@evil.example/cb",
            "http://127.0.0.1:\t51004/cb",
            "http://127.0.0.1:99999/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:000001/cb",
            "http://127.0.0.1:-1/cb",
            "http://127.0.0.1:+1/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:/cb",
            "HTTP://127.0.0.1:1/cb",
        ] {
            assert!(!matches("http://127.0.0.1/cb", requested), "{requested}");
        }
        assert!(!matches("https://localhost/cb", "https://localhost:1/cb"));
    }

    #[test]
    fn the_kind_tells_where_the_code_goes() {
        assert_eq!(kind("https://Client.example:8443/cb"), RedirectKind::Https { host: "client.example".into() });
        assert_eq!(kind("http://[::1]:5/cb"), RedirectKind::Loopback { host: "[::1]".into() });
        assert_eq!(kind("cursor://x/cb"), RedirectKind::PrivateUse { scheme: "cursor".into() });
    }

    #[test]
    fn an_answer_is_appended_and_the_query_kept() {
        let answer = [("code", "a b"), ("state", "&=\r\n\"<ä")];
        for (uri, expected) in [
            ("https://c.example", "https://c.example?"),
            ("https://c.example/cb", "https://c.example/cb?"),
            ("https://c.example/cb?", "https://c.example/cb?"),
            ("https://c.example/cb?a=%20+b", "https://c.example/cb?a=%20+b&"),
            ("https://c.example/cb?a&", "https://c.example/cb?a&"),
        ] {
            assert_eq!(append(uri, &answer), format!("{expected}code=a%20b&state=%26%3D%0D%0A%22%3C%C3%A4"));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(uri in "\\PC*", other in "(http|https|a.b)://[a-z0-9@:/?#%.\\[\\]]*") {
            let _ = (check_registrable(&uri, &[]), check_registrable(&other, &[]), kind(&uri), kind(&other));
            prop_assert!(!matches("http://127.0.0.1/cb", &uri) && !matches("https://c.example/cb", &other));
        }

        #[test]
        fn what_may_be_registered_goes_where_browsers_go(uri in "https:[/\\\\]{0,3}[a-z0-9@:/?%.]{0,30}") {
            if check_registrable(&uri, &[]).is_ok() {
                let parsed = Url::parse(&uri).unwrap();
                prop_assert_eq!(kind(&uri), RedirectKind::Https { host: parsed.host_str().unwrap().to_owned() });
                prop_assert!(parsed.username().is_empty() && parsed.password().is_none());
            }
        }
    }
}
