//! One JSON text, from left to right (RFC 8259).
use std::{
    borrow::Cow,
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

/// Arrays and objects in each other. What reads behind us has bounds of its own, none lower than 64 in wide use.
pub(super) const DEEPEST: usize = 100;
/// Characters of a name that is told.
const LONGEST_NAME: usize = 40;

/// Why a text is not JSON, or is JSON that two readers may read differently (RFC 8259, RFC 7493 §2).
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    pub reason: &'static str,
    /// In bytes.
    pub at: usize,
    /// The member that occurs twice: in ASCII, and cut.
    pub member: Option<String>,
}

pub(super) struct Scanner<'a> {
    pub text: &'a str,
    pub at: usize,
}

impl<'a> Scanner<'a> {
    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub fn malformed(&self, reason: &'static str) -> Malformed {
        let reason = if self.at < self.text.len() { reason } else { "it ends too early" };
        Malformed { reason, at: self.at, member: None }
    }

    pub fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    pub fn take(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.peek() != Some(byte) {
            return Err(self.malformed("something stands where JSON has another character"));
        }
        self.at += 1;
        Ok(())
    }

    pub fn value(&mut self, depth: usize, hasher: &RandomState) -> Result<(), Malformed> {
        match self.peek() {
            Some(b'{' | b'[') if depth == DEEPEST => Err(self.malformed("it is nested more than 100 levels deep")),
            Some(open @ (b'{' | b'[')) => self.parts(open, depth, hasher),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => Err(self.malformed("something stands where a JSON value belongs")),
        }
    }

    /// Names are remembered by their hashes, some 20 bytes for a member that takes six at least to send: less than a
    /// message counts for once it is read, and gone after this.
    fn parts(&mut self, open: u8, depth: usize, hasher: &RandomState) -> Result<(), Malformed> {
        let close = if open == b'{' { b'}' } else { b']' };
        let mut names = HashSet::new();
        self.at += 1;
        self.space();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            if open == b'{' {
                let at = self.at;
                let name = decoded(self.string()?).unwrap_or_default();
                if !names.insert(hasher.hash_one(&*name)) {
                    let member = Some(name.chars().take(LONGEST_NAME).flat_map(char::escape_default).collect());
                    return Err(Malformed { reason: "a member occurs twice", at, member });
                }
                self.space();
                self.take(b':')?;
                self.space();
            }
            self.value(depth + 1, hasher)?;
            self.space();
            if self.peek() == Some(close) {
                self.at += 1;
                return Ok(());
            }
            self.take(b',')?;
            self.space();
        }
    }

    /// As it is written, quotes included.
    pub fn string(&mut self) -> Result<&'a str, Malformed> {
        let start = self.at;
        self.take(b'"')?;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(byte) if byte >= 0x20 => self.at += 1,
                _ => return Err(self.malformed("a text has a control character that is not escaped")),
            }
        }
        self.at += 1;
        Ok(&self.text[start..self.at])
    }

    /// RFC 8259 §8.2: what half of a surrogate pair is read as differs, so it is refused.
    fn escape(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let start = self.at - 1;
                let first = self.unit()?;
                let paired = match first {
                    0xD800..=0xDBFF if self.text[self.at..].starts_with("\\u") => {
                        self.at += 1;
                        (0xDC00..=0xDFFF).contains(&self.unit()?)
                    }
                    unit => !(0xD800..=0xDFFF).contains(&unit),
                };
                if !paired {
                    return Err(Malformed { reason: "a text has half of a surrogate pair", at: start, member: None });
                }
            }
            _ => return Err(self.malformed("a text has an escape that JSON has not")),
        }
        Ok(())
    }

    /// After `\`: `u` and four hexadecimal digits.
    fn unit(&mut self) -> Result<u32, Malformed> {
        let mut unit = 0;
        for _ in 0..4 {
            self.at += 1;
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            unit = unit * 16 + digit.ok_or_else(|| self.malformed("a text has an escape that JSON has not"))?;
        }
        self.at += 1;
        Ok(unit)
    }

    fn number(&mut self) -> Result<(), Malformed> {
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(self.malformed("a number is not written as JSON writes numbers")) }
    }

    fn word(&mut self, word: &str) -> Result<(), Malformed> {
        word.bytes().try_for_each(|byte| self.take(byte))
    }

    /// Over a value, without judging it; `None` if it does not end.
    pub fn skip(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return Some(()),
                _ => self.at += 1,
            }
            if depth == 0 && matches!(self.text.as_bytes()[self.at - 1], b'"' | b'}' | b']') {
                return Some(());
            }
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }
}

/// A string as it is written, quotes included.
pub(super) fn decoded(string: &str) -> Option<Cow<'_, str>> {
    let inner = string.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(string).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}
