//! Splits a response into its messages: the one in JSON, or those of a stream.
use axum::{body::to_bytes, response::Response};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use keyward_guard::events::{self, Events, Rewritten, essence};

/// Bytes of a response.
const LONGEST: usize = 16 * 1024 * 1024;

/// Each message is one line: the JSON has no line breaks.
pub(crate) fn messages(response: Response) -> BoxStream<'static, anyhow::Result<String>> {
    if essence(response.headers()).as_deref() != Some("text/event-stream") {
        let whole = async { Ok(String::from_utf8(to_bytes(response.into_body(), LONGEST).await?.to_vec())?) };
        return stream::once(whole).boxed();
    }
    let mut events = Events::default();
    let data = response.into_body().into_data_stream().map(move |chunk| {
        let line = |event: &str| Rewritten::Other(format!("{}\n", events::data(event)));
        Ok(String::from_utf8(events.push(&chunk?, line)?.to_vec())?)
    });
    let lines = |data: anyhow::Result<String>| match data {
        Ok(data) => data.lines().filter(|line| !line.is_empty()).map(|line| Ok(line.to_owned())).collect(),
        Err(error) => vec![Err(error)],
    };
    data.flat_map(move |data| stream::iter(lines(data))).boxed()
}
