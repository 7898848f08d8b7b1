//! Tests of redirect URIs.
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
