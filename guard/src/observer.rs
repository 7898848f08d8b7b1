//! What a program gets to see of the requests at a gate: to log, count and audit them.
use crate::{
    caller::Caller,
    challenge::{Refusal, RequestId},
    check_name::CheckName,
    error_code::ErrorCode,
    wire::Message,
};
use axum::{
    extract::Request,
    http::{Extensions, StatusCode},
};
use futures_util::future::{BoxFuture, FutureExt, ready};
use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

/// Sees each request at a gate. It judges nothing, and answers wait until it has seen them.
pub trait Observer: Send + Sync {
    /// A request arrived, and nothing of it was judged. What is put into `notes` is there again when it was answered.
    fn arrived(&self, _request: &Request, _id: &RequestId, _notes: &mut Extensions) {}

    /// Its answer is about to go out.
    fn answered(&self, _passage: Passage) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }

    /// A client has ended its session.
    fn session_ended(&self, _id: &str) {}
}

/// Sees nothing.
pub struct Nobody;

impl Observer for Nobody {}

/// How far a request came, and how it was answered.
pub struct Passage {
    pub started: Instant,
    /// The check that it is at, or failed.
    pub check: CheckName,
    /// Who sends it, once that was judged.
    pub caller: Option<Caller>,
    /// What it says, once that was read.
    pub message: Option<Message>,
    /// Why it was not let through.
    pub refused: Option<Refused>,
    pub status: StatusCode,
    pub outcome: Outcome,
    /// The observer's own.
    pub notes: Extensions,
}

/// What a record keeps of a refusal.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    /// The check that failed.
    pub check: CheckName,
    pub error: ErrorCode,
    pub description: &'static str,
    /// Somebody guesses: with this a lock began.
    pub locks: bool,
}

/// How a call that was let in ended, as far as it is known when the request is answered: whoever serves it finds this
/// in the extensions of the request.
#[derive(Clone, Default)]
pub struct Outcome(Arc<OnceLock<ErrorCode>>);

impl Outcome {
    /// The first error counts.
    pub fn failed(&self, error: ErrorCode) {
        let _ = self.0.set(error);
    }

    pub fn failure(&self) -> Option<ErrorCode> {
        self.0.get().copied()
    }
}

impl Passage {
    pub fn new(notes: Extensions) -> Self {
        Self {
            started: Instant::now(),
            check: CheckName::Origin,
            caller: None,
            message: None,
            refused: None,
            status: StatusCode::OK,
            outcome: Outcome::default(),
            notes,
        }
    }

    pub fn refuse(&mut self, refusal: &Refusal) {
        let Refusal { error, description, locks, by_budget, .. } = *refusal;
        let check = if by_budget { CheckName::RateLimit } else { self.check };
        self.refused = Some(Refused { check, error, description, locks });
    }
}
