//! Server-sent events, cut out of the bytes that arrive, to be changed one by one.
use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use std::io;

/// Bytes of an event that is held until it is whole. A longer one passes as it comes.
const LONGEST: usize = 1024 * 1024;
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

pub enum Rewritten {
    Same,
    Other(String),
    /// The stream cannot go on.
    Broken(&'static str),
}

#[derive(Default)]
pub struct Events {
    held: Vec<u8>,
    /// In the middle of an event that is too long.
    passing: bool,
    /// What the stream begins with was looked at.
    begun: bool,
}

impl Events {
    /// Is what was given out so far whole?
    pub fn between(&self) -> bool {
        !self.passing
    }

    /// The events that this chunk makes whole, each as `rewrite` wants it.
    pub fn push(&mut self, chunk: &[u8], rewrite: impl Fn(&str) -> Rewritten) -> io::Result<Bytes> {
        self.held.extend_from_slice(chunk);
        // What every client leaves out would be read here as part of a name.
        if !self.begun {
            let is_marked = self.held.starts_with(BYTE_ORDER_MARK);
            self.held.drain(..if is_marked { BYTE_ORDER_MARK.len() } else { 0 });
            self.begun = is_marked || !BYTE_ORDER_MARK.starts_with(&self.held);
        }
        let mut given = Vec::new();
        while let Some(end) = end_of_event(&self.held) {
            let event: Vec<_> = self.held.drain(..end).collect();
            let text = std::str::from_utf8(&event).ok().filter(|_| !self.passing);
            self.passing = false;
            match text.map_or(Rewritten::Same, &rewrite) {
                Rewritten::Same => given.extend(event),
                Rewritten::Other(event) => given.extend(event.into_bytes()),
                Rewritten::Broken(reason) => return Err(io::Error::other(reason)),
            }
        }
        if self.passing || self.held.len() > LONGEST {
            self.passing = true;
            // An empty line may be cut in two, so its beginning is kept.
            let kept = self.held.len().saturating_sub(3);
            given.extend(self.held.drain(..kept));
        }
        Ok(given.into())
    }

    /// What is left of a stream that ended within an event.
    pub fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.held).into()
    }
}

/// After the first empty line; lines end with LF, CR LF or CR.
fn end_of_event(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut line) = (0, 0);
    while at < bytes.len() {
        let end = match (bytes[at], bytes.get(at + 1)) {
            (b'\r', None) => return None,
            (b'\r', Some(b'\n')) => at + 2,
            (b'\n' | b'\r', _) => at + 1,
            _ => {
                at += 1;
                continue;
            }
        };
        if at == line {
            return Some(end);
        }
        (at, line) = (end, end);
    }
    None
}

fn lines(event: &str) -> impl Iterator<Item = &str> {
    event.split(['\n', '\r']).filter(|line| !line.is_empty())
}

fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let value = line.strip_prefix(name)?.strip_prefix(':')?;
    Some(value.strip_prefix(' ').unwrap_or(value))
}

/// Its name, if it has one.
pub fn name(event: &str) -> Option<&str> {
    lines(event).find_map(|line| field(line, "event"))
}

pub fn data(event: &str) -> String {
    lines(event).filter_map(|line| field(line, "data")).collect::<Vec<_>>().join("\n")
}

/// The same event with other data.
pub fn with_data(event: &str, data: &str) -> String {
    let others = lines(event).filter(|line| field(line, "data").is_none());
    let data = data.split('\n').map(|line| format!("data: {line}\n"));
    others.map(|line| format!("{line}\n")).chain(data).chain(["\n".to_owned()]).collect()
}

/// The media type, without parameters.
pub fn essence(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upper(event: &str) -> Rewritten {
        Rewritten::Other(with_data(event, &data(event).to_uppercase()))
    }

    #[test]
    fn events_are_found_however_they_are_cut_and_whatever_ends_their_lines() {
        for whole in [
            "event: a\ndata: x\ndata: y\n\nid:1\ndata:z\n\n",
            "event: a\r\ndata: x\r\ndata: y\r\n\r\nid:1\r\ndata:z\r\n\r\n",
        ] {
            for size in 1..whole.len() {
                let mut events = Events::default();
                let pushed = whole.as_bytes().chunks(size).map(|chunk| events.push(chunk, upper).unwrap());
                let given = pushed.collect::<Vec<_>>().concat();
                assert_eq!(String::from_utf8(given).unwrap(), "event: a\ndata: X\ndata: Y\n\nid:1\ndata: Z\n\n");
            }
        }
    }

    #[test]
    fn a_mark_of_the_byte_order_is_no_part_of_a_name() {
        for size in 1..6 {
            let mut events = Events::default();
            let whole = "\u{FEFF}data: x\n\n\u{FEFF}data: y\n\n";
            let given: Vec<_> = whole.as_bytes().chunks(size).map(|chunk| events.push(chunk, upper).unwrap()).collect();
            let expected = "data: X\n\n\u{FEFF}data: y\ndata: \n\n";
            assert_eq!(String::from_utf8(given.concat()).unwrap(), expected);
        }
    }

    #[test]
    fn an_event_that_is_too_long_passes_as_it_is() {
        let long = format!("data: {}\n\n", "x".repeat(3 * LONGEST));
        let (mut events, mut given, mut most) = (Events::default(), Vec::new(), 0);
        for chunk in long.as_bytes().chunks(10_000) {
            given.extend(events.push(chunk, upper).unwrap());
            most = most.max(events.held.len());
        }
        given.extend(events.push(b"data: y\n\n", upper).unwrap());
        assert!(most <= LONGEST, "{most}");
        assert!(given == format!("{long}data: Y\n\n").into_bytes());
        assert!(events.between());
    }
}
