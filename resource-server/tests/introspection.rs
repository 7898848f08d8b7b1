//! Tokens that the issuer is asked about (RFC 7662): who asks, what is kept, and what happens when nobody answers.
mod issuers;

use crate::support::{Answer, ORIGIN, RESOURCE, TestServer, call, post};
use axum::body::Body;
use base64ct::{Base64, Encoding};
use keyward_resource_server::{Credentials, Guard, Settings, clock::Clock, router};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    future::ready,
    sync::{Arc, Mutex},
};
use time::Duration;
use wiremock::{
    Mock, Request, ResponseTemplate,
    matchers::{method, path},
};

const METADATA: &str = "/.well-known/oauth-authorization-server";
const SIGNED: &str = "application/token-introspection+jwt";

/// A guard that asks, and what its issuer says of which token.
struct Asking {
    t: TestServer,
    said: Arc<Mutex<HashMap<String, ResponseTemplate>>>,
}

impl Asking {
    async fn start() -> Self {
        Self::guarded(|guard| guard).await
    }

    async fn guarded(set: impl FnOnce(Guard) -> Guard) -> Self {
        let asking = Self {
            t: TestServer::guarded(|guard| set(guard.introspect("rs", "sixteen or more!").unwrap())).await,
            said: Arc::default(),
        };
        asking.online().await;
        asking
    }

    async fn online(&self) {
        let (uri, said) = (self.t.issuer.uri(), self.said.clone());
        let metadata = json!({"issuer": uri, "jwks_uri": format!("{uri}/jwks"),
            "introspection_endpoint": format!("{uri}/introspect")});
        self.t.issuer.reset().await;
        self.t.answer(METADATA, metadata).await;
        self.t.answer("/jwks", json!({"keys": [self.t.signer.jwk()]})).await;
        let answer = move |request: &Request| {
            let token = form(request)["token"].clone();
            let inactive = ResponseTemplate::new(200).set_body_json(json!({"active": false}));
            said.lock().unwrap().get(&token).cloned().unwrap_or(inactive)
        };
        Mock::given(method("POST")).and(path("/introspect")).respond_with(answer).mount(&self.t.issuer).await;
    }

    /// What a good answer says.
    fn good(&self) -> Value {
        let mut members = self.t.claims("mcp:read");
        members["active"] = json!(true);
        members
    }

    fn say(&self, token: &str, answer: ResponseTemplate) {
        self.said.lock().unwrap().insert(token.to_owned(), answer);
    }

    /// A good answer but for these members; `null` leaves one out.
    #[allow(clippy::needless_pass_by_value)] // what tests write in place is no one else's
    fn say_good(&self, token: &str, changes: Value) {
        let mut members = self.good();
        for (name, value) in changes.as_object().unwrap() {
            members[name] = value.clone();
        }
        members.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.say(token, ResponseTemplate::new(200).set_body_json(members));
    }

    fn forget(&self, token: &str) {
        self.said.lock().unwrap().remove(token);
    }

    async fn questions(&self) -> Vec<Request> {
        let requests = self.t.issuer.received_requests().await.unwrap();
        requests.into_iter().filter(|request| request.url.path() == "/introspect").collect()
    }

    async fn asked(&self) -> usize {
        self.questions().await.len()
    }

    async fn judge(&self, token: &str) -> Result<(), String> {
        self.t.judge(token).await
    }

    /// The issuer's silence, or what it cannot mean, is nobody's fault here, and lets nobody in.
    async fn no_verdict(&self, token: &str, case: &str) {
        let answer = self.t.post(token, &json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, Some("5")), "{case}: {answer:?}");
        assert_eq!(answer.json()["error"], "temporarily_unavailable", "{case}");
        assert!(answer.header("www-authenticate").is_none(), "{case}");
    }
}

fn form(request: &Request) -> HashMap<String, String> {
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

#[tokio::test]
async fn a_token_is_worth_what_its_issuer_says() {
    let Asking { t, said } = Asking::start().await;
    let own = Some(Credentials { id: "rs".into(), secret: "sixteen or more!".to_owned().into() });
    let settings = Settings::demo(ORIGIN, &t.issuer.uri()).unwrap();
    let mut settings = Settings { clock: t.clock.clone(), ..settings };
    settings.surfaces.iter_mut().for_each(|surface| surface.introspection = own.clone());
    assert!(!format!("{settings:?}").contains("sixteen"));
    let asking = Asking { t: TestServer { router: router(&settings).unwrap(), ..t }, said };
    asking.say_good("opaque", json!({"username": "Alice"}));
    let answer = asking.t.post("opaque", &call("whoami", json!({}))).await;
    let who = &answer.json()["result"]["structuredContent"];
    for (name, value) in [("subject", "alice"), ("identity", "Alice"), ("client_id", "c1")] {
        assert_eq!(who[name], value, "{name}: {who}");
    }
    assert_eq!(asking.t.post("opaque", &call("get_secret", json!({}))).await.status, 403);
    assert!(asking.judge("unknown").await.unwrap_err().starts_with("unknown: "));
}

#[tokio::test]
async fn the_resource_server_proves_itself_by_its_secret_form_encoded() {
    let asking = Asking::guarded(|guard| guard.introspect("notes server", "a:b+c%é and more").unwrap()).await;
    asking.say_good("a+b/c=", json!({}));
    assert_eq!(asking.judge("a+b/c=").await, Ok(()));
    let [question] = &asking.questions().await[..] else { panic!("not one question") };
    let header = |name: &str| question.headers[name].to_str().unwrap().to_owned();
    let credentials = Base64::encode_string(b"notes+server:a%3Ab%2Bc%25%C3%A9+and+more");
    assert_eq!(header("authorization"), format!("Basic {credentials}"));
    assert_eq!(header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(header("accept"), "application/json");
    let expected = [("token", "a+b/c="), ("token_type_hint", "access_token")];
    assert_eq!(form(question), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[test]
fn a_secret_of_fewer_than_sixteen_characters_is_none_to_introspect_with() {
    let guard = || keyward_resource_server::Guard::new(crate::support::RESOURCE, "https://auth.example").unwrap();
    for short in ["", "s", "fifteen or less", "é".repeat(15).as_str()] {
        let said = guard().introspect("rs", short).err().map(|error| error.to_string());
        let rule = "the introspection secret must have 16 characters, better 32 that are random";
        assert_eq!(said.as_deref(), Some(rule), "{short}");
    }
    assert!(guard().introspect("rs", "sixteen or more!").is_ok());
}

#[tokio::test]
async fn a_good_answer_is_kept_for_thirty_seconds_and_no_longer() {
    let asking = Asking::start().await;
    asking.say_good("t", json!({}));
    assert_eq!(asking.judge("t").await, Ok(()));
    asking.forget("t");
    asking.t.clock.advance(Duration::seconds(27));
    assert_eq!(asking.judge("t").await, Ok(()));
    assert_eq!(asking.asked().await, 1);
    asking.t.clock.advance(Duration::seconds(3));
    assert!(asking.judge("t").await.is_err());
    assert_eq!(asking.asked().await, 2);
}

#[tokio::test]
async fn a_bad_answer_is_never_kept() {
    let asking = Asking::start().await;
    for questions in 1..=3 {
        assert!(asking.judge("t").await.is_err());
        assert_eq!(asking.asked().await, questions);
    }
    asking.say_good("t", json!({}));
    assert_eq!(asking.judge("t").await, Ok(()));
}

#[tokio::test]
async fn answers_are_kept_for_as_long_as_the_guard_was_told_and_for_thirty_seconds_at_most() {
    let asking = Asking::guarded(|guard| guard.keep_answers(0)).await;
    asking.say_good("t", json!({}));
    for questions in 1..=3 {
        assert_eq!(asking.judge("t").await, Ok(()));
        assert_eq!(asking.asked().await, questions);
    }
    let asking = Asking::guarded(|guard| guard.keep_answers(255)).await;
    asking.say_good("t", json!({}));
    assert_eq!(asking.judge("t").await, Ok(()));
    asking.t.clock.advance(Duration::seconds(30));
    assert_eq!(asking.judge("t").await, Ok(()));
    assert_eq!(asking.asked().await, 2);
}

#[tokio::test]
async fn a_kept_answer_does_not_outlive_its_token() {
    let asking = Asking::start().await;
    asking.say_good("t", json!({"exp": asking.t.clock.now().unix_timestamp() + 10}));
    assert_eq!(asking.judge("t").await, Ok(()));
    asking.t.clock.advance(Duration::seconds(10));
    assert!(asking.judge("t").await.unwrap_err().starts_with("expired: "));
}

#[tokio::test]
async fn many_who_bring_one_token_at_once_ask_once() {
    let asking = Asking::guarded(|guard| guard.keep_answers(0)).await;
    asking.say_good("t", json!({}));
    let judge = || asking.judge("t");
    assert_eq!(tokio::join!(judge(), judge(), judge(), judge()), (Ok(()), Ok(()), Ok(()), Ok(())));
    assert_eq!(asking.asked().await, 1);
    let bad = || asking.judge("bad");
    let (one, other, third) = tokio::join!(bad(), bad(), asking.judge("t"));
    assert!(one.is_err() && other.is_err() && third.is_ok());
    assert_eq!(asking.asked().await, 3);
}

#[tokio::test]
async fn who_comes_after_the_answer_asks_anew_though_others_have_not_heard_it_yet() {
    let asking = Asking::guarded(|guard| guard.keep_answers(0)).await;
    asking.say_good("t", json!({}));
    let (mut first, mut second) = (Box::pin(asking.judge("t")), Box::pin(asking.judge("t")));
    for waiting in [&mut first, &mut second] {
        tokio::select! { biased; _ = waiting => panic!("answered already"), () = ready(()) => {} }
    }
    assert_eq!(first.await, Ok(()));
    asking.forget("t");
    assert!(asking.judge("t").await.is_err());
    assert_eq!(asking.asked().await, 2);
    assert_eq!(second.await, Ok(()));
}

#[tokio::test]
async fn who_gives_up_takes_nobody_along() {
    let asking = Asking::start().await;
    asking.say_good("t", json!({}));
    let (mut first, mut second) = (Box::pin(asking.judge("t")), Box::pin(asking.judge("t")));
    for waiting in [&mut first, &mut second] {
        tokio::select! { biased; _ = waiting => panic!("answered already"), () = ready(()) => {} }
    }
    drop(first);
    assert_eq!(second.await, Ok(()));
    assert_eq!(asking.judge("t").await, Ok(()));
}

#[tokio::test]
async fn what_is_said_is_judged_as_the_claims_of_a_jwt_are() {
    let asking = Asking::start().await;
    let now = asking.t.clock.now().unix_timestamp();
    let cases = [
        (json!({"aud": "https://other.example"}), "audience: "),
        (json!({"aud": [format!("{RESOURCE}/")]}), "audience: "),
        (json!({"exp": now}), "expired: "),
        (json!({"nbf": now + 60}), "unknown: "),
        (json!({"iat": now + 60}), "unknown: "),
        (json!({"cnf": {"jkt": "k"}}), "unknown: "),
        (json!({"cnf": {}}), "unknown: "),
        (json!({"scope": "a\"b"}), "unknown: "),
        (json!({"sub": ""}), "unknown: "),
    ];
    for (number, (changes, reason)) in cases.into_iter().enumerate() {
        let token = format!("t{number}");
        asking.say_good(&token, changes.clone());
        let refused = asking.judge(&token).await.unwrap_err();
        assert!(refused.starts_with(reason), "{changes}: {refused}");
    }
    asking.say_good("many", json!({"aud": ["https://other.example", RESOURCE], "scope": null}));
    assert_eq!(asking.judge("many").await, Ok(()));
}

#[tokio::test]
async fn a_token_bound_to_a_key_needs_its_proof() {
    let asking = Asking::start().await;
    asking.say_good("bound", json!({"cnf": {"jkt": "k"}}));
    asking.say_good("unbound", json!({}));
    let send = async |token: &str| -> Answer {
        let request = post().header("authorization", format!("DPoP {token}"));
        asking.t.send(request.body(Body::from(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)).unwrap()).await
    };
    for (token, error) in [("bound", "invalid_dpop_proof"), ("unbound", "invalid_token")] {
        let answer = send(token).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (401, &json!(error)), "{answer:?}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("DPoP "));
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_answer_younger() {
    let clock = Clock::stopped();
    let asking = Asking::guarded(|guard| guard.clock(clock.clone())).await;
    clock.advance(Duration::minutes(5));
    asking.say_good("t", json!({}));
    assert_eq!(asking.judge("t").await, Ok(()));
    asking.forget("t");
    clock.advance(Duration::minutes(-4));
    assert!(asking.judge("t").await.is_err());
}

#[test]
fn the_program_wants_the_secret_in_a_variable() {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_keyward-resource-server"));
    let output = program.args(["--listen", "127.0.0.1:0", "--introspect-as", "rs"]).env_clear().output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("KEYWARD_INTROSPECTION_SECRET is not set"), "{said}");
}
