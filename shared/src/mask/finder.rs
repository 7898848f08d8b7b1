//! Finds secrets in a text, also where the text is encoded: known ones by their hashes only, and issued ones by their
//! form.
use super::views::DecodedView;
use anyhow::Context;
use keyward_oauth::digest::Digest;
use regex::bytes::{Regex, RegexSet};
use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::LazyLock,
};

/// Bytes: a known secret that is shorter would be found inside words by chance.
const MIN_SECRET_BYTES: usize = 6;
/// Forms of credentials: issued tokens (JWTs, our own, Keyward's); the value after an authentication scheme; the user
/// information of a URL (RFC 3986 §3.2.1); and query parameters with the name of a credential.
const FORMS: [&str; 4] = [
    r"((?:eyJ|static_|mk_|srt_|kw[acdmrs]_)[A-Za-z0-9._~-]{17,})",
    r"(?i)(?:bearer|basic|dpop|securitykey)[ :]+([A-Za-z0-9._~+/=-]{16,})",
    r"://([^/?#\s@]+)@",
    r"(?i)(?:password|passphrase|secret|token|code|api[-_]?key|assertion|verifier|cookie)=([^&#;,\s]{4,})",
];
/// Whether there is any of them is found in one pass, far faster than where.
static ANY_LOOKS: LazyLock<Option<RegexSet>> = LazyLock::new(|| RegexSet::new(FORMS).ok());
static LOOKS: LazyLock<Vec<Regex>> = LazyLock::new(|| FORMS.iter().filter_map(|form| Regex::new(form).ok()).collect());
static IN_BASE64: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("[A-Za-z0-9+/_-]{8,}={0,2}").ok());

/// Secrets of one length: a fast rolling hash, and the digests that confirm a match.
type OfLength = HashMap<u64, Vec<Digest>>;

#[derive(Clone)]
pub(super) struct SecretFinder {
    /// Odd, and random for each process.
    base: u64,
    known: BTreeMap<usize, OfLength>,
}

impl SecretFinder {
    pub fn new() -> anyhow::Result<Self> {
        let mut base = [0; 8];
        aws_lc_rs::rand::fill(&mut base).ok().context("there is no randomness to be had")?;
        Ok(Self { base: u64::from_ne_bytes(base) | 1, known: BTreeMap::new() })
    }

    pub fn know(&mut self, secret: &str) {
        if secret.len() < MIN_SECRET_BYTES {
            return;
        }
        let quick = self.quick(secret.as_bytes());
        let same = self.known.entry(secret.len()).or_default().entry(quick).or_default();
        same.push(Digest::of(secret));
    }

    /// The ranges in order, without overlaps.
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for view in DecodedView::all(text) {
            let mut secrets = self.plain(view.bytes());
            secrets.extend(self.in_base64(view.bytes()));
            found.extend(secrets.into_iter().map(|place| view.source(place)));
        }
        found.sort_by_key(|place| place.start);
        let mut apart: Vec<Range<usize>> = Vec::new();
        for place in found {
            match apart.last_mut().filter(|last| place.start <= last.end) {
                Some(last) => last.end = last.end.max(place.end),
                None => apart.push(place),
            }
        }
        apart
    }

    fn plain(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let has_none = ANY_LOOKS.as_ref().is_some_and(|any| !any.is_match(bytes));
        let forms = LOOKS.iter().filter(|_| !has_none).flat_map(|form| form.captures_iter(bytes));
        let mut found: Vec<_> = forms.filter_map(|captures| Some(captures.get(1)?.range())).collect();
        for (length, secrets) in &self.known {
            self.slide(bytes, *length, secrets, &mut found);
        }
        found
    }

    /// Rabin-Karp: each window's fast hash is computed from the previous one.
    fn slide(&self, bytes: &[u8], length: usize, secrets: &OfLength, found: &mut Vec<Range<usize>>) {
        let Some(first) = bytes.get(..length) else { return };
        let leaving = self.base.wrapping_pow(u32::try_from(length - 1).unwrap_or_default());
        let mut quick = self.quick(first);
        for start in 0..=bytes.len() - length {
            let window = start..start + length;
            if secrets.get(&quick).is_some_and(|same| same.contains(&Digest::of(&bytes[window.clone()]))) {
                found.push(window);
            }
            if let Some(next) = bytes.get(start + length) {
                let rest = quick.wrapping_sub(leaving.wrapping_mul(u64::from(bytes[start])));
                quick = rest.wrapping_mul(self.base).wrapping_add(u64::from(*next));
            }
        }
    }

    fn quick(&self, bytes: &[u8]) -> u64 {
        bytes.iter().fold(0, |hash: u64, byte| hash.wrapping_mul(self.base).wrapping_add(u64::from(*byte)))
    }

    /// Base64 runs that contain a secret once decoded, at any alignment.
    fn in_base64(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let runs = IN_BASE64.iter().flat_map(|form| form.find_iter(bytes));
        let holds =
            |run: &[u8]| (0..4).any(|skip| !self.plain(&decoded(run.get(skip..).unwrap_or_default())).is_empty());
        runs.filter(|run| holds(run.as_bytes())).map(|run| run.range()).collect()
    }
}

/// Decodes base64 (RFC 4648 §4 and §5) more leniently than any intended reader.
fn decoded(run: &[u8]) -> Vec<u8> {
    let (mut decoded, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for value in run.iter().filter_map(|byte| value(*byte)) {
        (held, bits) = (held << 6 | u32::from(value), bits + 6);
        if bits >= 8 {
            bits -= 8;
            decoded.push((held >> bits & 0xFF) as u8);
        }
    }
    decoded
}

fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}
