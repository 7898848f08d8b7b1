//! Heartbeats on silent event streams: a comment, which every client ignores, never in the middle of an event.
use axum::{
    body::{Body, BodyDataStream, Bytes},
    http::header,
    response::Response,
};
use futures_util::{StreamExt, stream};
use keyward_guard::events::essence;
use std::time::Duration;
use tokio::time::timeout;

const COMMENT: Bytes = Bytes::from_static(b": alive\n\n");
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// The position in an event stream, for all line endings: LF, CR LF or CR.
struct Place {
    /// Whether the position is between two events.
    between: bool,
    /// Whether the position is at the beginning of a line.
    at_line: bool,
    after_cr: bool,
}

struct Beating {
    stream: BodyDataStream,
    place: Place,
    begun: bool,
    interval: Duration,
}

/// The response with heartbeats; a response that is no event stream stays unchanged.
pub(super) fn added(mut response: Response, interval: Duration) -> Response {
    if essence(response.headers()).as_deref() != Some("text/event-stream") {
        return response;
    }
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.map(|body| {
        let place = Place { between: true, at_line: true, after_cr: false };
        let beating = Beating { stream: body.into_data_stream(), place, begun: false, interval };
        Body::from_stream(stream::unfold(beating, next))
    })
}

async fn next(mut beating: Beating) -> Option<(Result<Bytes, axum::Error>, Beating)> {
    loop {
        match timeout(beating.interval, beating.stream.next()).await {
            Ok(chunk) => {
                let chunk = chunk?.map(|chunk| beating.passed(chunk));
                return Some((chunk, beating));
            }
            Err(_) if beating.place.between => return Some((Ok(COMMENT), beating)),
            Err(_) => {}
        }
    }
}

impl Beating {
    fn passed(&mut self, chunk: Bytes) -> Bytes {
        // After a comment it would no longer be a byte order mark, but part of a name.
        let marked = !self.begun && chunk.starts_with(BYTE_ORDER_MARK);
        self.begun |= !chunk.is_empty();
        let chunk = if marked { chunk.slice(BYTE_ORDER_MARK.len()..) } else { chunk };
        chunk.iter().for_each(|byte| self.place.pass(*byte));
        chunk
    }
}

impl Place {
    fn pass(&mut self, byte: u8) {
        let ends_line = byte == b'\r' || (byte == b'\n' && !self.after_cr);
        if ends_line {
            (self.between, self.at_line) = (self.at_line, true);
        } else if byte != b'\n' {
            (self.between, self.at_line) = (false, false);
        }
        self.after_cr = byte == b'\r';
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use tokio::{sync::mpsc, time::advance};

    fn streaming(content_type: &'static str) -> (mpsc::UnboundedSender<&'static str>, BodyDataStream) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let events = stream::unfold(receiver, async |mut receiver: mpsc::UnboundedReceiver<&str>| {
            Some((Ok::<_, Infallible>(receiver.recv().await?), receiver))
        });
        let response = Response::builder().header(header::CONTENT_TYPE, content_type).body(Body::from_stream(events));
        (sender, added(response.unwrap(), Duration::from_secs(15)).into_body().into_data_stream())
    }

    async fn now(stream: &mut BodyDataStream) -> Option<String> {
        let read = tokio::time::timeout(Duration::from_millis(1), stream.next()).await.ok()?;
        Some(String::from_utf8(read.unwrap().unwrap().to_vec()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_shows_that_it_lives_between_events_and_never_within_one() {
        for (between, within) in [
            (&["", "data: x\n\n", "id: 1\r\n\r\n", "data: x\r\r", ": c\n\n\n", "\n"][..], false),
            (&["data: x", "data: x\n", "data: x\r\n", "data: x\r", "data: x\n\ndata: y\n", "\n: c"], true),
        ] {
            for text in between {
                let (sender, mut stream) = streaming("text/event-stream; charset=utf-8");
                sender.send(text).unwrap();
                assert_eq!(now(&mut stream).await.as_deref(), Some(*text));
                for _ in 0..3 {
                    assert_eq!(now(&mut stream).await, None);
                    advance(Duration::from_secs(15)).await;
                    assert_eq!(now(&mut stream).await.as_deref(), (!within).then_some(": alive\n\n"), "{text:?}");
                }
                sender.send("data: z\n\n").unwrap();
                assert_eq!(now(&mut stream).await.as_deref(), Some("data: z\n\n"));
                drop(sender);
                assert!(stream.next().await.is_none());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_mark_at_the_beginning_is_none_behind_a_sign_of_life_and_other_answers_stay_silent() {
        let (sender, mut stream) = streaming("text/event-stream");
        advance(Duration::from_secs(20)).await;
        assert_eq!(now(&mut stream).await, None);
        advance(Duration::from_secs(20)).await;
        assert_eq!(now(&mut stream).await.as_deref(), Some(": alive\n\n"));
        sender.send("\u{FEFF}data: x\n\n").unwrap();
        assert_eq!(now(&mut stream).await.as_deref(), Some("data: x\n\n"));
        let (_sender, mut stream) = streaming("application/json");
        assert_eq!(now(&mut stream).await, None);
        advance(Duration::from_mins(10)).await;
        assert_eq!(now(&mut stream).await, None);
    }
}
