//! Client identifiers that are URLs (OAuth Client ID Metadata Document §3), judged by their spelling.
use super::uri;
use crate::error::ProtocolError;
use url::Url;
const MAX_BYTES: usize = 2048;

/// Whether the identifier claims to be the URL of a metadata document. Identifiers of other clients never begin this
/// way.
#[must_use]
pub fn is_url(id: &str) -> bool {
    id.starts_with("https://")
}

/// Whether the document lies directly in this folder (with its final slash), which the server serves itself. Only such
/// a document needs neither https nor a public address, so that servers can be tried on loopback (§6.5).
#[must_use]
pub fn lies_in(folder: &str, id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._".contains(&byte);
    id.strip_prefix(folder)
        .is_some_and(|name| !name.is_empty() && !name.starts_with('.') && name.len() <= 100 && name.bytes().all(plain))
}

/// The host of the identifier, in lower case. The URL is requested exactly as it is written; one that an HTTP client
/// would rewrite is refused with the broken rule.
pub fn host(id: &str) -> Result<String, ProtocolError> {
    let refuse = |rule: &'static str| Err(ProtocolError::invalid_client(rule));
    if id.len() > MAX_BYTES {
        return refuse("a client_id has at most 2048 bytes");
    }
    if !is_url(id) || !uri::is_uri_text(id) {
        return refuse("a client_id that is a URL must be https, and have no character that URIs must escape");
    }
    if id.contains('#') {
        return refuse("a client_id must not have a fragment");
    }
    if uri::has_userinfo(id) {
        return refuse("a client_id must not have a user or password in it");
    }
    let path = uri::authority(id).map_or("", |(_, rest)| rest.split('?').next().unwrap_or(""));
    if path.len() < 2 {
        return refuse("a client_id that is a URL must have a path");
    }
    if path.split('/').any(|segment| matches!(&*segment.to_ascii_lowercase().replace("%2e", "."), "." | "..")) {
        return refuse("a client_id must not have . or .. in its path");
    }
    let Some(host) = uri::https_host(id).filter(|_| Url::parse(id).is_ok_and(|url| url.as_str() == id)) else {
        return refuse("a client_id that is a URL must be written as browsers write it");
    };
    if !uri::is_name(&host) {
        return refuse("a client_id must name its host: no address, and no dot at the end");
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_urls_of_real_clients_name_their_host() {
        for (id, expected) in [
            ("https://claude.ai/oauth/mcp-oauth-client-metadata", "claude.ai"),
            ("https://chatgpt.com/oauth/client.json", "chatgpt.com"),
            ("https://vscode.dev/oauth/client-metadata.json", "vscode.dev"),
            ("https://app.example:8443/a%20b/c..d/.well-known/x?tenant=1", "app.example"),
        ] {
            assert_eq!(host(id).unwrap(), expected);
        }
    }

    #[test]
    fn attack_86_what_is_not_written_as_the_rules_say_is_refused_by_the_rule_it_breaks() {
        for (id, rule) in [
            ("http://app.example/c", "https"),
            ("https://app.example", "path"),
            ("https://app.example/", "path"),
            ("https://app.example?c", "path"),
            ("https://app.example/?c", "path"),
            ("https://app.example/a/../b", ".."),
            ("https://app.example/a/./b", ".."),
            ("https://app.example/%2e%2e/b", ".."),
            ("https://app.example/.%2E/b", ".."),
            ("https://app.example/a/..", ".."),
            ("https://app.example/c#", "fragment"),
            ("https://app.example/c#x", "fragment"),
            ("https://user@app.example/c", "user"),
            ("https://user:pw@app.example/c", "user"),
            ("https://@app.example/c", "user"),
            ("https://App.example/c", "browsers"),
            ("https://app.example:443/c", "browsers"),
            ("https://app.example:/c", "browsers"),
            ("https://app.example:99999/c", "browsers"),
            ("https:///app.example/c", "browsers"),
            ("https://%61pp.example/c", "browsers"),
            ("https://127.1/c", "browsers"),
            ("https://0x7f000001/c", "browsers"),
            ("https://2130706433/c", "browsers"),
            ("https://127.0.0.1/c", "address"),
            ("https://127.0.0.1:8443/c", "address"),
            ("https://[::1]/c", "address"),
            ("https://127.0.0.1./c", "browsers"),
            ("https://app.example./c", "address"),
            ("https://app.example/a b", "escape"),
            ("https://app.example/a\\b", "escape"),
            ("https://app.example/a\tb", "escape"),
            ("https://app.example/a\r\nHost:b", "escape"),
            ("https://app.example/%zz", "escape"),
            ("https://äpp.example/c", "escape"),
        ] {
            let error = host(id).expect_err(id);
            assert!(error.code == "invalid_client" && error.description.contains(rule), "{id}: {error}");
        }
        assert!(host(&format!("https://app.example/{}", "a".repeat(2048))).is_err());
        for other in ["HTTPS://app.example/c", "kw_1", "http://app.example/c", ""] {
            assert!(!is_url(other) && host(other).is_err());
        }
    }

    #[test]
    fn only_a_plain_name_lies_in_a_folder_of_our_own() {
        let folder = "http://127.0.0.1:8999/demo/clients/";
        assert!(lies_in(folder, "http://127.0.0.1:8999/demo/clients/private_key_jwt.json"));
        for other in [
            folder,
            "http://127.0.0.1:8999/demo/clients",
            "http://127.0.0.1:8999/demo/clients/..",
            "http://127.0.0.1:8999/demo/clients/../../jwks",
            "http://127.0.0.1:8999/demo/clients/%2e%2e",
            "http://127.0.0.1:8999/demo/clients/a/b.json",
            "http://127.0.0.1:8999/demo/clients/a.json?b",
            "http://127.0.0.1:8999/demo/clients/a.json#b",
            "http://127.0.0.1:8999/jwks",
            "http://127.0.0.1:8998/demo/clients/a.json",
            "http://127.0.0.1:8999@evil.example/demo/clients/a.json",
            "http://localhost:8999/demo/clients/a.json",
            "https://127.0.0.1:8999/demo/clients/a.json",
            "HTTP://127.0.0.1:8999/demo/clients/a.json",
        ] {
            assert!(!lies_in(folder, other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in "\\PC*", tail in "[a-zA-Z0-9@:/?#%.\\[\\]\\\\ -]{0,40}") {
            let _ = host(&text);
            let id = format!("https://{tail}");
            if let Ok(host) = host(&id) {
                let url = Url::parse(&id).unwrap();
                prop_assert!(url.as_str() == id && url.host_str() == Some(&host) && url.domain().is_some());
                prop_assert!(url.username().is_empty() && url.password().is_none() && url.path().len() > 1);
            }
        }
    }
}
