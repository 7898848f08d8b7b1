//! Server-sent events (HTML, "Server-sent events").
use crate::error::Result;
use reqwest::Response;
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

/// The events of one response, and what is needed to go on after it.
pub struct Events {
    response: Response,
    parser: Parser,
    ready: std::collections::VecDeque<Event>,
}

impl Events {
    pub fn new(response: Response) -> Self {
        Self { response, parser: Parser::default(), ready: std::collections::VecDeque::new() }
    }

    pub async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            match self.response.chunk().await? {
                Some(chunk) => self.ready.extend(self.parser.push(&chunk)),
                None => return Ok(None),
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
    last_id: Option<String>,
    retry: Option<u64>,
}

impl Parser {
    fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.rest.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some((line, used)) = next_line(&self.rest) {
            let line = String::from_utf8_lossy(&line).into_owned();
            self.rest.drain(..used);
            events.extend(self.line(&line));
        }
        events
    }

    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
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

/// A whole line, ended by LF, CRLF or CR, and how many bytes it took.
fn next_line(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
    let crlf = match (bytes[end], bytes.get(end + 1)) {
        (b'\r', Some(b'\n')) => 2,
        // Whether a LF follows is not known yet.
        (b'\r', None) => return None,
        _ => 1,
    };
    Some((bytes[..end].to_vec(), end + crlf))
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
