//! Tokens whose signature was verified a moment ago, and is not verified again: everything else is judged as ever.
use crate::support::{Signer, TestServer};
use serde_json::json;
use time::Duration;

/// Whether it opens nothing. A key that is not known cannot always be looked up at once, which is no 401.
async fn is_refused(t: &TestServer, token: &str) -> bool {
    let status = t.post(token, &json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await.status;
    [401, 503].contains(&status.as_u16())
}

fn signed(t: &TestServer, signer: &Signer) -> String {
    signer.sign(&signer.header(), &t.claims("mcp:read"))
}

#[tokio::test]
async fn attack_200_a_token_like_one_that_is_remembered_is_refused() {
    let t = TestServer::start().await;
    let token = t.token("mcp:read");
    assert_eq!((t.judge(&token).await, t.judge(&token).await), (Ok(()), Ok(())));
    for at in (0..token.len()).filter(|at| token.as_bytes()[*at] != b'.') {
        let mut edited = token.clone().into_bytes();
        edited[at] = if edited[at] == b'A' { b'B' } else { b'A' };
        let edited = String::from_utf8(edited).unwrap();
        assert!(edited == token || is_refused(&t, &edited).await, "{at}");
    }
    let (signed, _) = token.rsplit_once('.').unwrap();
    let other = t.token("mcp:admin").rsplit_once('.').map(|(_, signature)| signature.to_owned()).unwrap();
    for forged in [format!("{signed}."), format!("{signed}.{other}"), format!("{token}=")] {
        assert!(is_refused(&t, &forged).await, "{forged}");
    }
    for header in [json!({"alg": "none"}), json!({"alg": "HS256", "kid": "k1"}), json!({"alg": "EdDSA", "kid": "k1"})] {
        let forged = Signer::es256("k1").sign_as(&header, &t.claims("mcp:read"));
        assert!(is_refused(&t, &forged).await, "{header}");
    }
    assert_eq!(t.judge(&token).await, Ok(()));
}

#[tokio::test]
async fn attack_200_a_remembered_token_ends_with_its_key_also_where_another_takes_its_name() {
    let t = TestServer::start().await;
    for withdrawn in [vec![], vec![Signer::es256("k1")]] {
        t.publish(&[&t.signer]).await;
        t.clock.advance(Duration::minutes(2));
        // Whoever names an unknown key has the keys fetched anew.
        assert!(t.judge(&signed(&t, &Signer::es256("none"))).await.is_err());
        let (token, next) = (t.token("mcp:read"), Signer::es256("k2"));
        assert_eq!((t.judge(&token).await, t.judge(&token).await), (Ok(()), Ok(())));
        t.publish(&withdrawn.iter().chain([&next]).collect::<Vec<_>>()).await;
        t.clock.advance(Duration::minutes(2));
        assert_eq!(t.judge(&signed(&t, &next)).await, Ok(()));
        assert!(t.judge(&token).await.unwrap_err().starts_with("unknown: "));
    }
}

#[tokio::test]
async fn attack_200_a_remembered_token_expires_on_the_second_and_never_by_a_clock_that_is_set_back() {
    let t = TestServer::start().await;
    let token = t.token("mcp:read");
    assert_eq!(t.judge(&token).await, Ok(()));
    t.clock.advance(Duration::seconds(599));
    assert_eq!(t.judge(&token).await, Ok(()));
    t.clock.advance(Duration::seconds(1));
    assert!(t.judge(&token).await.unwrap_err().starts_with("expired: "));
    t.clock.set(Duration::minutes(-11));
    assert!(t.judge(&token).await.unwrap_err().contains("not valid yet"));
}
