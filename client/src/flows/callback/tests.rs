//! What a person may paste.
use super::*;

#[test]
fn a_paste_is_an_address_its_query_or_a_code_and_of_this_sign_in() {
    let expected = |promises_issuer| ExpectedResponse {
        state: "s".to_owned(),
        issuer: "https://as.example".to_owned(),
        promises_issuer,
    };
    for good in [
        "http://127.0.0.1:1/callback?code=c&state=s",
        "'https://app.example/cb?state=s&code=c#x'",
        "com.example:/cb#code=c&state=s",
        "?code=c&state=s",
        "code=c&state=s",
    ] {
        assert_eq!(pasted(good, &expected(true)).unwrap()["code"], "c", "{good}");
    }
    assert_eq!(pasted("c.d_e", &expected(false)).unwrap()["code"], "c.d_e");
    for bad in [
        "http://127.0.0.1:1/callback?code=c&state=t",
        "http://127.0.0.1:1/callback?code=c",
        "code=c&state=s&state=t",
        "code=c&code=d&state=s",
        "two words",
        "",
    ] {
        assert!(pasted(bad, &expected(false)).is_none(), "{bad}");
    }
    assert!(pasted("c", &expected(true)).is_none(), "who sent it cannot be seen");
}
