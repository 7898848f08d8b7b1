//! What a program adds to a guard: checks, an allowance, and an observer.
use crate::support::{Issuer, RESOURCE, call, send};
use axum::{
    Router,
    http::{StatusCode, header},
    routing::post,
};
use futures_util::future::{BoxFuture, FutureExt, ready};
use keyward_guard::{Allowance, Check, ErrorCode, Guard, Observer, OwnError, Passage, Refusal, Source};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

/// An error that only this program knows.
const CLOSED: ErrorCode = ErrorCode::Own(&OwnError { word: "closed", status: StatusCode::IM_A_TEAPOT });

fn guard(issuer: &Issuer) -> Guard {
    Guard::new(RESOURCE, &issuer.url)
        .unwrap()
        .clock(issuer.clock.clone())
        .tool("read_note", "mcp:tools:read")
        .tool("delete_note", "mcp:tools:admin")
}

/// An MCP server that counts what reaches it.
fn protected(guard: Guard) -> (Router, Arc<AtomicUsize>) {
    let reached = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reached);
    let server = post(move || async move {
        counted.fetch_add(1, Ordering::Relaxed);
        "{}"
    });
    (guard.protect(server), reached)
}

#[tokio::test]
async fn a_check_of_the_program_comes_after_the_scopes_and_may_refuse() {
    let issuer = Issuer::start().await;
    let refuse = |text| Refusal::new(CLOSED, text);
    let check = Check::new("opening_hours", move |call| {
        if call.message.tool().is_some() && call.caller.subject() == "alice" {
            Err(refuse("come back later"))
        } else {
            Ok(())
        }
    });
    let (app, reached) = protected(guard(&issuer).check(check));
    let token = issuer.token("mcp:read");
    let (status, _, body) = send(&app, call("read_note", Some(&token))).await;
    assert_eq!(status, StatusCode::IM_A_TEAPOT, "{body}");
    assert!(body.contains("\"error\":\"closed\"") && body.contains("come back later"), "{body}");
    // Who may not call it at all hears that, and nothing of the hours.
    let (status, challenge, body) = send(&app, call("delete_note", Some(&token))).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    assert!(challenge.contains("insufficient_scope"), "{challenge}");
    assert_eq!(reached.load(Ordering::Relaxed), 0);
}

struct Once(AtomicUsize);

impl Allowance for Once {
    fn spend(&self, _: Source) -> Result<(), Refusal> {
        let spent = self.0.fetch_add(1, Ordering::Relaxed);
        if spent == 0 { Ok(()) } else { Err(Refusal::too_many("once is enough", 7)) }
    }
}

#[tokio::test]
async fn an_allowance_is_spent_by_those_whose_credential_is_good() {
    let issuer = Issuer::start().await;
    let (app, reached) = protected(guard(&issuer).allowance(Once(AtomicUsize::new(0))));
    let token = issuer.token("mcp:read");
    assert_eq!(send(&app, call("read_note", None)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(send(&app, call("read_note", Some(&token))).await.0, StatusCode::OK);
    let (status, _, body) = send(&app, call("read_note", Some(&token))).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{body}");
    assert!(body.contains("\"retry_after\":7"), "{body}");
    assert_eq!(reached.load(Ordering::Relaxed), 1);
}

/// The check that failed, who called what, and how it was answered.
type Seen = (Option<&'static str>, Option<String>, Option<String>, u16);

#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<Seen>>>);

impl Observer for Record {
    fn answered(&self, passage: Passage) -> BoxFuture<'_, ()> {
        let check = passage.refused.map(|refused| refused.check.as_str());
        let caller = passage.caller.as_ref().map(|caller| caller.subject().to_owned());
        let tool = passage.message.as_ref().and_then(|message| message.tool()).map(str::to_owned);
        self.0.lock().unwrap().push((check, caller, tool, passage.status.as_u16()));
        ready(()).boxed()
    }
}

#[tokio::test]
async fn an_observer_sees_how_far_each_request_came() {
    let issuer = Issuer::start().await;
    let record = Record::default();
    let (app, _) = protected(guard(&issuer).observer(record.clone()));
    let token = issuer.token("mcp:read");
    let mut elsewhere = call("read_note", Some(&token));
    elsewhere.headers_mut().insert(header::HOST, "evil.example".parse().unwrap());
    for request in
        [elsewhere, call("read_note", None), call("delete_note", Some(&token)), call("read_note", Some(&token))]
    {
        send(&app, request).await;
    }
    let (alice, tool) = (Some("alice".to_owned()), |name: &str| Some(name.to_owned()));
    let expected = [
        (Some("origin"), None, None, 421),
        (Some("credential"), None, None, 401),
        (Some("scope"), alice.clone(), tool("delete_note"), 403),
        (None, alice, tool("read_note"), 200),
    ];
    assert_eq!(*record.0.lock().unwrap(), expected);
}
