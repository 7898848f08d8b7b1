//! The demo with introspection: because an option asks for it, or because tokens are opaque.
use crate::support::{
    app::{Answer, basic},
    process::{House, Keyward},
    remote::send,
};

const CLIENT: (&str, &str) = ("dev-service-client", "dev-service-secret");

async fn token(keyward: &Keyward) -> String {
    let authorization = basic(CLIENT.0, CLIENT.1);
    let form = [("grant_type", "client_credentials")];
    let answer = keyward.at.post_with("/token", &form, &[("authorization", &authorization)]).await;
    answer.json()["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer:?}")).to_owned()
}

async fn revoke(keyward: &Keyward, token: &str) {
    let authorization = basic(CLIENT.0, CLIENT.1);
    let answer = keyward.at.post_with("/revoke", &[("token", token)], &[("authorization", &authorization)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn ping(keyward: &Keyward, token: &str) -> Answer {
    let request = keyward.at.http.post(&keyward.resource).bearer_auth(token);
    let request = request.header("content-type", "application/json").header("accept", "application/json");
    send(request.body(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)).await.unwrap()
}

#[tokio::test]
async fn told_to_ask_it_refuses_a_token_that_was_revoked_before_it_came() {
    let house = House::new().await;
    for (more, status) in [(&[][..], 200), (&["--introspect"], 401)] {
        let mut keyward = house.demo_with(more);
        let (live, revoked) = (token(&keyward).await, token(&keyward).await);
        revoke(&keyward, &revoked).await;
        assert_eq!(ping(&keyward, &live).await.status, 200, "{more:?}");
        assert_eq!(ping(&keyward, &revoked).await.status, status, "{more:?}");
        assert!(keyward.stop("TERM").success());
    }
}

#[tokio::test]
async fn where_tokens_are_opaque_it_asks_untold() {
    let house = House::new().await.set("KEYWARD__RESOURCES__DEMO__ACCESS_TOKEN_FORMAT", "opaque");
    let keyward = house.demo();
    let token = token(&keyward).await;
    assert!(token.starts_with("kwa_"));
    assert_eq!(ping(&keyward, &token).await.status, 200);
    ping(&keyward, "kwa_another").await.refused(401, "invalid_token");
    assert!(!house.log().contains(&token[4..]), "a token is in the log");
}
