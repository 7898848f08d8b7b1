//! The body of an answer under way. Its connection is busy until the last byte of it.
use super::roster::BusyMember;
use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

pub(super) struct AnswerBody {
    pub body: Body,
    /// For a stream that a client listens to: ready when the stream has to end early.
    pub ends: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    pub _busy: BusyMember,
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.ends.as_mut().is_some_and(|ends| ends.as_mut().poll(cx).is_ready()) {
            self.ends = None;
            self.body = Body::empty();
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
