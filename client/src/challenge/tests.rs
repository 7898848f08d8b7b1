//! Challenges as they may legally come, and how malformed ones are named.
use super::*;

#[test]
fn several_schemes_in_one_line_are_told_apart_despite_quoted_commas() {
    let line = r#"Basic realm="a, b=c", charset="UTF-8", bearer Error = "x\"y", resource_metadata="https://a/b?c,d""#;
    let found = parse([line, "DPoP algs=\"ES256\", error=use_dpop_nonce", "Negotiate"]);
    assert_eq!(found.iter().map(|c| &*c.scheme).collect::<Vec<_>>(), ["Basic", "bearer", "DPoP", "Negotiate"]);
    assert_eq!(found[0].get("realm"), Some("a, b=c"));
    assert_eq!(found[1].get("error"), Some("x\"y"));
    assert_eq!(parameter(&found, "resource_metadata"), Some("https://a/b?c,d"));
    assert_eq!(found[2].get("error"), Some("use_dpop_nonce"));
    assert!(found[3].parameters.is_empty());
}

#[test]
fn a_repeated_parameter_does_not_replace_the_first() {
    assert_eq!(parse(["Bearer scope=\"a\", scope=\"b\""])[0].get("scope"), Some("a"));
}

#[test]
fn a_malformed_challenge_is_called_so_and_says_what_is_wrong() {
    for (line, what) in [
        ("", "is empty"),
        ("realm=\"x\", scope=\"a\"", "without a scheme"),
        ("Bearer realm=\"x", "not closed"),
        ("Bearer realm=\"x\" scope=\"a\"", "a comma is missing after the value of realm"),
        ("Bearer resource_metadata=https://a.example/b", "quotation marks are missing around the value of resource_"),
        ("Bearer realm=\"x\", scope=a b", "quotation marks are missing around the value of scope"),
        ("Bearer realm=\"x\", scope=", "no value for scope"),
        ("Bearer realm=\"x\", Realm=\"y\"", "realm stands in it twice"),
        ("Bearer realm \"x\"", "no parameter"),
        ("Bearer realm=\"x\", =\"y\"", "no name"),
        ("\"Bearer\" realm=\"x\"", "no word"),
        ("Bearer realm=\"caf\u{e9}\"", "not ASCII"),
    ] {
        let found = malformed(line.as_bytes());
        assert!(found.as_deref().is_some_and(|found| found.contains(what)), "{line}: {found:?}");
    }
    for good in [
        "Bearer",
        "Bearer realm=\"a, \\\"b\\\" = c\", error=invalid_token",
        "Negotiate YII/+w==, Basic realm = \"x\", charset=\"UTF-8\"",
        "DPoP algs=\"ES256\",Bearer scope=\"a b\" , ,",
    ] {
        assert_eq!(malformed(good.as_bytes()), None, "{good}");
    }
}

#[test]
fn nonsense_is_no_panic() {
    for line in ["", ",", "=", "\"", "Bearer \"", "Bearer =", "Bearer a=\"\\", "a=b", "\\\"\\", "Bearer a=\"\\\""] {
        parse([line]);
        malformed(line.as_bytes());
    }
}
