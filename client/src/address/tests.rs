//! What is read as an address, what is refused, and with what advice.
use super::*;

#[test]
fn attack_177_only_web_addresses_without_credentials_are_read() {
    for good in ["https://mcp.example/mcp?a=b", "HTTP://127.0.0.1:8080", "https://[::1]/x"] {
        assert!(Address::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)//https://",
        "file:///etc/passwd",
        "data:text/html,x",
        "ftp://a.example/",
        "ssh://a.example/",
        "x-apple.systempreferences:",
        "mailto:a@b.example",
        "https://user:s3cret@mcp.example/",
        "https://s3cret@mcp.example/",
        "https://:s3cret@mcp.example/",
        "https:\\\\user:s3cret@mcp.example",
        " https://us%65r:s3cret%40@mcp.example",
        "//mcp.example/",
        "https://mcp.example/\n",
        "https://mcp\t.example/",
        "",
    ] {
        let refused = Address::parse(bad).unwrap_err();
        assert!(!refused.message.contains("s3cret"), "{bad}");
    }
    let base = Address::parse("https://mcp.example/a").unwrap();
    assert!(base.join("//user:pw@evil.example/").is_err() && base.join("javascript:x").is_err());
    assert_eq!(base.join("../b").unwrap().as_str(), "https://mcp.example/b");
}

#[test]
fn an_address_without_its_scheme_is_refused_with_the_one_that_was_meant() {
    let said = |text: &str| text.parse::<Address>().unwrap_err();
    for (text, wanted) in [
        ("mcp.example.com/mcp", "https://mcp.example.com/mcp"),
        ("mcp.example.com:8443/mcp", "https://mcp.example.com:8443/mcp"),
        ("localhost:8990/mcp/oauth", "http://localhost:8990/mcp/oauth"),
        ("127.0.0.1:8990/mcp", "http://127.0.0.1:8990/mcp"),
        ("[::1]:8990/mcp", "http://[::1]:8990/mcp"),
    ] {
        assert_eq!(said(text), format!("its scheme is missing: {wanted}"));
    }
    for text in ["notaurl", "s3cret-of-somebody", "/mcp", "a b.example", "user:s3cret@mcp.example/mcp", ""] {
        let said = said(text);
        assert!(!said.contains("s3cret") && !said.contains("missing"), "{text}: {said}");
    }
    assert_eq!(said("notaurl"), "an address such as https://mcp.example.com/mcp is needed");
    assert!(said("mailto:a.example").contains("http:// or https://"));
}
