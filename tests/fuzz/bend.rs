//! Changes inputs: omits, doubles or swaps parts of valid ones, or replaces parts with invalid ones.
use serde_json::{Value, json};

/// Bytes; a little more than any request may have.
const MAX_LENGTH: usize = 70_000;

/// What is trouble anywhere. The last two are looked for in answers.
const TROUBLE: &[&str] = &[
    "",
    "0",
    "-1",
    "1",
    "1e999",
    "0.5",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "null",
    "true",
    "[]",
    "{}",
    "[[",
    "{\"a\":",
    "\"",
    "'",
    "\\",
    "\\u0000",
    "\\ud800",
    "\0",
    "\r\n",
    "\n",
    "\t",
    " ",
    "+",
    "%00",
    "%ff",
    "%",
    "%zz",
    "%25",
    "%2e",
    "&",
    "=",
    "?",
    "#",
    "@",
    ":",
    ":0",
    ":443",
    ":65536",
    ";",
    ",",
    ".",
    "..",
    "/../",
    "//",
    "\\\\",
    "*",
    "[::1]",
    "[",
    "]",
    "127.0.0.1",
    "127.1",
    "localhost",
    "evil.example",
    "https://evil.example/",
    "http://",
    "javascript:",
    "data:",
    "\u{e4}",
    "\u{202e}",
    "\u{ff0e}",
    "\u{1f511}",
    "<zQ9x>",
    "\"zQ9x",
];

/// Falls the same way for the same seed (`SplitMix64`).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
    /// Less than `end`, or 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end.max(1) as u64).unwrap()
    }
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
    fn word(&mut self, words: &[&'static str]) -> &'static str {
        if self.below(2) == 0 { self.one_of::<&str>(words) } else { self.one_of::<&str>(TROUBLE) }
    }
    /// A range of at least one, mostly short.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length);
        let longest = if self.below(4) == 0 { length - start } else { (length - start).min(4) };
        start..(start + 1 + self.below(longest)).min(length)
    }
}

pub fn bend(dice: &mut Dice, inputs: &[Vec<u8>], words: &[&'static str]) -> Vec<u8> {
    let mut input = dice.one_of(inputs).clone();
    for _ in 0..=dice.below(4) {
        let tree = (dice.below(2) == 0).then(|| serde_json::from_slice(&input).ok()).flatten();
        input = match tree {
            Some(tree) => tree_bent(dice, tree, words).to_string().into_bytes(),
            None => bytes_bent(dice, &input, inputs, words),
        };
        input.truncate(MAX_LENGTH);
    }
    input
}

/// With a range of pieces left out.
pub fn shorten(dice: &mut Dice, input: &[u8]) -> Vec<u8> {
    let mut pieces = pieces(input);
    if !pieces.is_empty() {
        pieces.drain(dice.range(pieces.len()));
    }
    pieces.concat()
}

/// Names and numbers whole, all else byte by byte.
fn pieces(input: &[u8]) -> Vec<&[u8]> {
    let named = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    input.chunk_by(|left, right| named(left) && named(right)).collect()
}

fn bytes_bent(dice: &mut Dice, input: &[u8], inputs: &[Vec<u8>], words: &[&'static str]) -> Vec<u8> {
    let mut all = pieces(input);
    if all.is_empty() {
        return dice.word(words).into();
    }
    let at = dice.below(all.len());
    let other = dice.one_of(inputs);
    let mut owned = all[at].to_vec();
    match dice.below(12) {
        0 => drop(all.drain(dice.range(all.len()))),
        1 => {
            let range = dice.range(all.len());
            let doubled = all[range].to_vec();
            all.splice(at..at, doubled);
        }
        2 => {
            let with = dice.below(all.len());
            all.swap(at, with);
        }
        3 | 4 => all[at] = dice.word(words).as_bytes(),
        5 | 6 => all.insert(at, dice.word(words).as_bytes()),
        7 => {
            let others = pieces(other);
            let range = dice.range(others.len());
            all.splice(at..at, others[range].iter().copied());
        }
        8 => {
            let others = pieces(other);
            all.truncate(at);
            all.extend(&others[dice.below(others.len())..]);
        }
        9 => {
            let byte = dice.below(owned.len());
            owned[byte] = u8::try_from(dice.below(256)).unwrap();
            all[at] = &owned;
        }
        10 => {
            let byte = dice.below(owned.len());
            let escape = format!("%{:02x}", owned[byte]).into_bytes();
            owned.splice(byte..=byte, escape);
            all[at] = &owned;
        }
        _ => {
            owned = owned.repeat(1 << dice.below(17)).into_iter().take(MAX_LENGTH).collect();
            all[at] = &owned;
        }
    }
    all.concat()
}

/// One value of the tree exchanged, wrapped, or gone.
fn tree_bent(dice: &mut Dice, mut tree: Value, words: &[&'static str]) -> Value {
    let nodes = count(&tree);
    let mut left = dice.below(nodes);
    let new = match dice.below(8) {
        0 => json!(dice.below(3)),
        1 => json!(null),
        2 => json!([]),
        3 => json!({}),
        4 => serde_json::from_str(dice.word(words)).unwrap_or(json!(1e300)),
        _ => json!(dice.word(words)),
    };
    let how = dice.below(6);
    let name = dice.word(words);
    visit(&mut tree, &mut left, &mut |node| match (how, node) {
        (0, Value::Object(members)) => drop(members.insert(name.to_owned(), new.clone())),
        (0 | 1, Value::Array(items)) => items.push(new.clone()),
        (1, Value::Object(members)) => {
            let gone = members.keys().next_back().cloned();
            gone.and_then(|gone| members.remove(&gone));
        }
        (2, node) => *node = json!([node.take()]),
        (3, Value::String(text)) => text.push_str(name),
        (4, Value::Array(items)) => items.reverse(),
        (5, node) => *node = (0..20).fold(node.take(), |inner, _| json!({"a": inner})),
        (_, node) => *node = new.clone(),
    });
    tree
}

fn count(node: &Value) -> usize {
    1 + match node {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// Does it to one node, the `left`th in order.
fn visit(node: &mut Value, left: &mut usize, act: &mut impl FnMut(&mut Value)) {
    if *left == 0 {
        *left = usize::MAX;
        return act(node);
    }
    *left -= 1;
    match node {
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, left, act)),
        Value::Object(members) => members.values_mut().for_each(|member| visit(member, left, act)),
        _ => {}
    }
}
