//! Credentials are masked wherever they stand in a line, and other words are not.
use super::*;

#[test]
fn attack_178_a_credential_of_this_run_is_masked_wherever_it_stands() {
    learn("kn0wn/s3cret+of: us");
    for line in [
        "x|kn0wn/s3cret+of: us|y",
        "https://a.example/kn0wn/s3cret+of: us@b",
        "a=kn0wn%2Fs3cret%2Bof%3A+us&b",
        "a=%6B%6E0wn%2fs3cret%2Bof%3A%20us",
        "Basic a24wd24vczNjcmV0K29mOiB1cw==",
        "%kn0wn/s3cret+of: us%",
    ] {
        let shown = text(line);
        assert!(shown.contains("sha256:") && !shown.contains("s3cret") && !shown.contains("a24wd24v"), "{shown}");
    }
}

#[test]
fn attack_178_what_names_or_looks_like_a_credential_is_masked_in_text_of_others() {
    for line in [
        "client_secret=Hidden1value",
        "see https://u:Hidden1value@as.example/x",
        "see https://Hidden1value@as.example/x?client_secret=Hidden1value#access_token=Hidden1value",
        "{\"refresh_token\":\"Hidden1value\"}",
        "{\"refresh_token\" : \"Hidden1value\"}",
        "password: Hidden1value",
        "password:Hidden1value",
        "x|y/client%5Fsecret=Hidden1value",
        "Authorization: Bearer Hidden1value",
        "authorization: basic Hidden1value==",
        "DPoP  Hidden1value",
        "at:eyJhbGciOi.Hidden1value.c2ln",
    ] {
        let shown = text(line);
        assert!(!shown.contains("Hidden1value"), "{shown}");
    }
    for plain in [
        "the token endpoint refuses with invalid_grant: the code is unknown",
        "the server answers error -32601: no message",
        "warning: no token_endpoint_auth_methods_supported: that means client_secret_basic only",
        "< www-authenticate: Bearer realm=\"x\", resource_metadata=\"https://a.example/b\"",
        "https://mcp.example:8443/mcp answers 401, Bearer token refused",
        "",
    ] {
        assert_eq!(text(plain), plain);
    }
}
