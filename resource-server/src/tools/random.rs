//! Random numbers and names, from a cryptographic generator.
use super::Failure;
use aws_lc_rs::rand;
use uuid::Builder;

const LETTERS: &[&[u8]] = &[b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"abcdefghijkmnopqrstuvwxyz", b"23456789", b"!#$%&*+-=?@_"];
const PASSWORD_LENGTH: usize = 16;

fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes)?;
    Ok(bytes)
}

/// A uniform number below `limit`; 0 if `limit` is 0.
fn below(limit: u64) -> Result<u64, Failure> {
    // The largest multiple of the limit; numbers above it would make the result uneven.
    let whole = u64::MAX - u64::MAX.checked_rem(limit).unwrap_or_default();
    loop {
        let number = u64::from_be_bytes(bytes()?);
        if number < whole || limit == 0 {
            return Ok(number.checked_rem(limit).unwrap_or_default());
        }
    }
}

/// From `min` to `max`, both included.
pub(super) fn number(min: i64, max: i64) -> Result<i64, Failure> {
    Ok(min.saturating_add_unsigned(below(max.abs_diff(min).saturating_add(1))?))
}

/// Version 4 (RFC 9562 §5.4).
pub(super) fn uuid() -> Result<String, Failure> {
    Ok(Builder::from_random_bytes(bytes()?).into_uuid().to_string())
}

/// 128 bits.
pub(super) fn hex() -> Result<String, Failure> {
    Ok(format!("{:032x}", u128::from_be_bytes(bytes()?)))
}

/// 16 characters: at least one of each kind, and none that is easily confused.
pub(super) fn password() -> Result<String, Failure> {
    let all = LETTERS.concat();
    loop {
        let mut letters = Vec::new();
        for _ in 0..PASSWORD_LENGTH {
            let index = usize::try_from(below(u64::try_from(all.len())?)?)?;
            letters.push(all.get(index).copied().unwrap_or(b'x'));
        }
        if LETTERS.iter().all(|kind| letters.iter().any(|letter| kind.contains(letter))) {
            return Ok(String::from_utf8(letters)?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_stay_within_their_bounds_and_reach_them() {
        let seen: BTreeSet<_> = (0..1000).map(|_| number(-2, 2).unwrap()).collect();
        assert_eq!(seen, (-2..=2).collect());
        assert_eq!(number(7, 7).unwrap(), 7);
        for _ in 0..100 {
            number(i64::MIN, i64::MAX).unwrap();
        }
    }

    #[test]
    fn passwords_have_every_kind_of_character() {
        let password = password().unwrap();
        assert_eq!(password.len(), PASSWORD_LENGTH);
        for kind in LETTERS {
            assert!(password.bytes().any(|letter| kind.contains(&letter)), "{password}");
        }
        assert_eq!(uuid().unwrap().as_bytes()[14], b'4');
        assert_ne!(hex().unwrap(), hex().unwrap());
    }
}
