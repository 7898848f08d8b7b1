//! Server-sent events (HTML standard §9.2.6).
//!
//! They are parsed here and not by `sse-stream`: that crate fails on lines that the standard ignores (unknown fields,
//! fields without a colon, a malformed `retry`), and bounds neither lines nor events.
use crate::{bounds, error::Result, http::Reply};
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub name: String,
    pub data: String,
}

impl Event {
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.data).ok()
    }
}

/// The events of one response, and what resuming it needs.
pub struct Events {
    reply: Reply,
    parser: Parser,
    ready: std::collections::VecDeque<Event>,
}

impl Events {
    pub fn new(reply: Reply) -> Self {
        Self { reply, parser: Parser::default(), ready: std::collections::VecDeque::new() }
    }

    pub async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            match self.reply.chunk().await? {
                Some(chunk) => self.ready.extend(self.parser.push(&chunk)),
                None => return Ok(None),
            }
            if self.parser.held() > bounds::RESULT {
                return Err(self.reply.too_much(bounds::RESULT));
            }
        }
    }

    pub fn last_id(&self) -> Option<&str> {
        self.parser.last_id.as_deref()
    }

    /// Milliseconds to wait before connecting again.
    pub fn retry(&self) -> Option<u64> {
        self.parser.retry
    }
}

#[derive(Default)]
struct Parser {
    rest: Vec<u8>,
    name: String,
    data: Vec<String>,
    /// Bytes of lines since the last event.
    held: usize,
    last_id: Option<String>,
    retry: Option<u64>,
}

impl Parser {
    fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut rest = std::mem::take(&mut self.rest);
        // Bytes that were searched before are not searched again, except a final CR, whose LF may have come.
        let (mut events, mut begin, mut from) = (Vec::new(), 0, rest.len().saturating_sub(1));
        rest.extend_from_slice(bytes);
        while let Some((end, next)) = line_end(&rest, from) {
            events.extend(self.line(&String::from_utf8_lossy(&rest[begin..end])));
            (begin, from) = (next, next);
        }
        self.rest = rest.split_off(begin);
        events
    }

    /// Bytes of lines that do not make an event yet.
    fn held(&self) -> usize {
        self.rest.len() + self.held
    }

    fn line(&mut self, line: &str) -> Option<Event> {
        self.held += line.len() + 1;
        if line.is_empty() {
            self.held = 0;
            let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
            return (!data.is_empty()).then(|| Event { name, data: data.join("\n") });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => self.data.push(value.to_owned()),
            "id" => self.last_id = Some(value.to_owned()),
            "retry" => self.retry = value.parse().ok().or(self.retry),
            _ => {}
        }
        None
    }
}

/// Where the first line ends that ends at or after `from`, by LF, CRLF or CR, and where the next one begins.
fn line_end(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let end = from + bytes.get(from..)?.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
    match (bytes[end], bytes.get(end + 1)) {
        (b'\r', Some(b'\n')) => Some((end, end + 2)),
        // Whether a LF follows is not known yet.
        (b'\r', None) => None,
        _ => Some((end, end + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let text =
            ": hello\r\nid: e1\nretry: 500\ndata: \n\nevent: message\ndata: {\"a\":\ndata:  1}\r\n\r\ndata: grüße\n\n";
        let whole = Parser::default().push(text.as_bytes());
        let mut parser = Parser::default();
        let bytewise: Vec<_> = text.bytes().flat_map(|byte| parser.push(&[byte])).collect();
        assert_eq!(whole, bytewise);
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[0].data, "");
        assert_eq!(whole[1].json().unwrap()["a"], 1);
        assert_eq!(whole[2].data, "grüße");
        assert_eq!((parser.last_id.as_deref(), parser.retry), (Some("e1"), Some(500)));
    }
}
