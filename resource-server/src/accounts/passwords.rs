//! Passwords: argon2id on a few blocking threads; bcrypt for imported hashes.
use anyhow::Context;
use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use keyward_limits::spelling::normal_form;
use tokio::sync::Semaphore;

/// Characters.
const SHORTEST: usize = 8;
const LONGEST: usize = 128;
/// Concurrent computations; each needs 19 MiB.
static THREADS: Semaphore = Semaphore::const_new(4);

/// The rule for a new password: 8 to 128 characters, with upper and lower case, a digit and another character.
pub(crate) fn is_strong(password: &str) -> bool {
    let has = |kind: fn(&char) -> bool| password.chars().any(|letter| kind(&letter));
    (SHORTEST..=LONGEST).contains(&password.chars().count())
        && has(|letter| letter.is_uppercase())
        && has(|letter| letter.is_lowercase())
        && has(|letter| letter.is_numeric())
        && has(|letter| !letter.is_alphanumeric())
}

/// Is the text a hash that [`verify`] can compare with?
pub(crate) fn is_hash(text: &str) -> bool {
    is_bcrypt(text) || PasswordHash::new(text).is_ok_and(|hash| hash.algorithm.as_str() == "argon2id")
}

pub(crate) fn is_bcrypt(hash: &str) -> bool {
    hash.len() == 60 && ["$2a$", "$2b$", "$2y$"].iter().any(|start| hash.starts_with(start))
}

/// The algorithm and parameters, which determine how long a comparison takes.
pub(crate) fn cost(hash: &str) -> &str {
    let end = if is_bcrypt(hash) { 2 } else { 3 };
    hash.match_indices('$').nth(end).map_or(hash, |(end, _)| &hash[..end])
}

/// A PHC string of the password's normal form, with the parameters that OWASP names: 19 MiB, two passes, one lane.
pub(crate) async fn hash(password: &str) -> anyhow::Result<String> {
    let password = normal_form(password).into_owned();
    aside(move || Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())).await
}

/// Imported hashes may be of the password as it was typed: if that differs from its normal form, both are tried.
pub(crate) async fn verify(password: &str, hash: &str) -> anyhow::Result<bool> {
    let normal = normal_form(password);
    let mut same = verify_as_written(&normal, hash).await?;
    if normal != password {
        same |= verify_as_written(password, hash).await?;
    }
    Ok(same)
}

/// A password that is too long is wrong, but takes as long as any other.
async fn verify_as_written(password: &str, hash: &str) -> anyhow::Result<bool> {
    // bcrypt ends a password at NUL, so a password with NUL is refused.
    let fits = password.chars().count() <= LONGEST && !password.contains('\0');
    let (password, hash) = (if fits { password.to_owned() } else { String::new() }, hash.to_owned());
    let same = aside(move || {
        if is_bcrypt(&hash) {
            return Ok(bcrypt::verify(password, &hash)?);
        }
        let hash = PasswordHash::new(&hash)?;
        Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    });
    Ok(same.await? && fits)
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> anyhow::Result<T> + Send + 'static) -> anyhow::Result<T> {
    let _turn = THREADS.acquire().await.context("no thread will ever be free")?;
    tokio::task::spawn_blocking(work).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_own_hash_whatever_made_it() {
        let argon2 = hash("Correct-Horse-1").await.unwrap();
        assert!(argon2.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{argon2}");
        let bcrypt = bcrypt::hash("Correct-Horse-1", 4).unwrap();
        for hash in [&argon2, &bcrypt] {
            assert!(is_hash(hash));
            assert!(verify("Correct-Horse-1", hash).await.unwrap());
            assert!(!verify("correct-horse-1", hash).await.unwrap());
        }
        assert!(!is_hash("Correct-Horse-1"));
        let empty = hash("").await.unwrap();
        assert!(!verify(&"x".repeat(129), &empty).await.unwrap());
    }

    #[tokio::test]
    async fn a_password_is_known_in_whatever_form_it_is_typed() {
        let (composed, decomposed) = ("Caf\u{e9}-Horse-1", "Cafe\u{301}-Horse-1");
        for chosen in [composed, decomposed] {
            let own = hash(chosen).await.unwrap();
            assert!(verify(composed, &own).await.unwrap() && verify(decomposed, &own).await.unwrap());
            // A hash imported from another program, of the password as typed.
            let foreign = bcrypt::hash(chosen, 4).unwrap();
            assert!(verify(chosen, &foreign).await.unwrap());
        }
    }

    #[test]
    fn a_new_password_mixes_kinds_of_characters_and_is_neither_short_nor_endless() {
        assert!(is_strong("Aa1!aaaa"));
        for weak in ["Aa1!aaa", "aa1!aaaa", "AA1!AAAA", "Aaa!aaaa", "Aa1aaaaa", &"Aa1!".repeat(33)] {
            assert!(!is_strong(weak), "{weak}");
        }
    }
}
