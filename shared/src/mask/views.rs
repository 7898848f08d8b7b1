//! Decoded views of a text, with the position in the text that each byte comes from.
use std::{collections::VecDeque, ops::Range};

/// How often a text may have been encoded.
const MAX_ENCODINGS: usize = 4;
const MOST: usize = 40;

pub(super) struct DecodedView {
    bytes: Vec<u8>,
    /// The position in the text where each byte begins; the last entry is the end.
    starts: Vec<usize>,
}

/// Decodes the beginning of these bytes: the result, and how many bytes it took; `None` if they are not encoded.
type Decoder = fn(&[u8]) -> Option<(Vec<u8>, usize)>;
const DECODERS: [Decoder; 3] = [percent, backslash, plus];

impl DecodedView {
    /// The text itself and its decoded forms, decoded once or several times.
    pub fn all(text: &str) -> Vec<Self> {
        let itself = Self { bytes: text.as_bytes().to_vec(), starts: (0..=text.len()).collect() };
        let (mut waiting, mut all) = (VecDeque::from([(0, itself)]), Vec::<Self>::new());
        while let Some((depth, view)) = waiting.pop_front().filter(|_| all.len() < MOST) {
            if all.iter().any(|known| known.bytes == view.bytes) {
                continue;
            }
            if depth < MAX_ENCODINGS {
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

    /// `None` if nothing in it has this encoding.
    fn decoded(&self, read: Decoder) -> Option<Self> {
        if (0..self.bytes.len()).all(|at| read(&self.bytes[at..]).is_none()) {
            return None;
        }
        let (mut bytes, mut starts, mut at) = (Vec::new(), Vec::new(), 0);
        while let Some(byte) = self.bytes.get(at) {
            let (plain, length) = read(&self.bytes[at..]).unwrap_or_else(|| (vec![*byte], 1));
            starts.extend(plain.iter().map(|_| self.starts[at]));
            bytes.extend(plain);
            at += length;
        }
        starts.push(self.starts[self.bytes.len()]);
        Some(Self { bytes, starts })
    }
}

/// RFC 3986 §2.1.
fn percent(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let [b'%', digits @ ..] = bytes else { return None };
    let digits = std::str::from_utf8(digits.get(..2)?).ok()?;
    // `from_str_radix` would accept a sign.
    let value = u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
    Some((vec![value], 3))
}

/// Escapes in JSON strings (RFC 8259 §7).
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

/// `+` for a space in forms.
fn plus(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    (bytes.first() == Some(&b'+')).then(|| (vec![b' '], 1))
}
