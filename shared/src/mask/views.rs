//! A text as whoever decodes it reads it, and where in the text each byte of that comes from.
use std::{collections::VecDeque, ops::Range};

/// Times that a text may have been encoded.
const DEEPEST: usize = 4;
const MOST: usize = 40;

pub(super) struct View {
    bytes: Vec<u8>,
    /// Where in the text each byte begins; and where the text ends.
    starts: Vec<usize>,
}

/// What stands at the beginning of these bytes, and how many of them it takes; `None`: it is not encoded.
type Decoder = fn(&[u8]) -> Option<(Vec<u8>, usize)>;
const DECODERS: [Decoder; 3] = [percent, backslash, plus];

impl View {
    /// The text itself, and what it is when decoded, once or several times.
    pub fn all(text: &str) -> Vec<Self> {
        let itself = Self { bytes: text.as_bytes().to_vec(), starts: (0..=text.len()).collect() };
        let (mut waiting, mut all) = (VecDeque::from([(0, itself)]), Vec::<Self>::new());
        while let Some((depth, view)) = waiting.pop_front().filter(|_| all.len() < MOST) {
            if all.iter().any(|known| known.bytes == view.bytes) {
                continue;
            }
            if depth < DEEPEST {
                waiting.extend(DECODERS.into_iter().filter_map(|decoder| Some((depth + 1, view.decoded(decoder)?))));
            }
            all.push(view);
        }
        all
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn source(&self, place: Range<usize>) -> Range<usize> {
        self.starts[place.start]..self.starts[place.end]
    }

    /// `None` if nothing in it is encoded so.
    fn decoded(&self, read: Decoder) -> Option<Self> {
        let (mut bytes, mut starts, mut at, mut changed) = (Vec::new(), Vec::new(), 0, false);
        while let Some(byte) = self.bytes.get(at) {
            let (plain, length) = match read(&self.bytes[at..]) {
                Some(found) => {
                    changed = true;
                    found
                }
                None => (vec![*byte], 1),
            };
            starts.extend(plain.iter().map(|_| self.starts[at]));
            bytes.extend(plain);
            at += length;
        }
        starts.push(self.starts[self.bytes.len()]);
        changed.then_some(Self { bytes, starts })
    }
}

/// RFC 3986 §2.1.
fn percent(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let [b'%', digits @ ..] = bytes else { return None };
    let digits = std::str::from_utf8(digits.get(..2)?).ok()?;
    // No sign is a digit.
    let value = u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
    Some((vec![value], 3))
}

/// In a text of JSON (RFC 8259 §7).
fn backslash(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let [b'\\', letter, rest @ ..] = bytes else { return None };
    let plain = match letter {
        b'"' | b'\\' | b'/' => *letter,
        b'n' => b'\n',
        b't' => b'\t',
        b'u' => {
            let code = u32::from_str_radix(std::str::from_utf8(rest.get(..4)?).ok()?, 16).ok()?;
            return Some((char::from_u32(code)?.to_string().into_bytes(), 6));
        }
        _ => return None,
    };
    Some((vec![plain], 2))
}

/// In a form, for a space.
fn plus(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    (bytes.first() == Some(&b'+')).then(|| (vec![b' '], 1))
}
