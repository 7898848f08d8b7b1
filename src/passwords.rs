//! Passwords: argon2id on a few dedicated threads, each with its own memory, behind a queue with a share for every
//! source.
use crate::error::OAuthError;
use argon2::{
    Algorithm, Argon2, Block, Params, PasswordHash, Version,
    password_hash::phc::{Output, ParamsString, Salt},
};
use aws_lc_rs::constant_time;
use keyward_limits::{shares::Seats, source::Source, spelling::normal_form};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};
use tokio::sync::oneshot;

/// OWASP's setting: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
/// Each thread holds that much memory while the server runs, so their number is bounded on large machines too.
const MAX_THREADS: usize = 4;
const PASSES: u32 = 2;
/// Length of the queue. When it is full, the source with the most waiting requests is refused.
const MAX_QUEUED: usize = 32;
/// Characters of a password in its normal form; longer ones are refused before they are hashed.
pub const MAX_LENGTH: usize = 128;

type Work = Box<dyn FnOnce(&mut [Block]) + Send>;

#[derive(Clone)]
pub struct Passwords {
    /// One seat for each thread.
    seats: Seats,
    threads: mpsc::Sender<Work>,
    /// Hash of a random password: a guess for an unknown user is checked against it, so that it takes the same time.
    nobody: Arc<str>,
}

impl Passwords {
    pub fn new() -> Result<Self, OAuthError> {
        let cores = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let (threads, work) = mpsc::channel();
        let work = Arc::new(Mutex::new(work));
        for _ in 0..cores {
            let work = work.clone();
            thread::Builder::new()
                .name("passwords".into())
                .spawn(move || hash_forever(&work))
                .map_err(OAuthError::server_error)?;
        }
        let mut first = vec![Block::default(); MEMORY_KIB as usize];
        Ok(Self {
            seats: Seats::new(cores, cores, MAX_QUEUED),
            threads,
            nobody: make(&crate::secrets::random(), &mut first).map_err(OAuthError::server_error)?.into(),
        })
    }

    /// The PHC string of a new hash, made from the password's normal form.
    pub async fn hash(&self, password: &str) -> Result<String, OAuthError> {
        let password = normal_form(password).into_owned();
        // Only permitted requests reach this function, so they do not count as guesses of a source.
        self.run(Source::Party(0), move |memory| make(&password, memory)).await
    }

    /// Takes the same time whether or not there is a hash. The guess counts for `source`.
    ///
    /// Older hashes may be of the password as it was typed: if that differs from its normal form, both are tried.
    pub async fn verify(&self, password: &str, hash: Option<&str>, source: Source) -> Result<bool, OAuthError> {
        let normal = normal_form(password);
        let mut matches = self.verify_as_written(&normal, hash, source).await?;
        if normal != password {
            matches |= self.verify_as_written(password, hash, source).await?;
        }
        Ok(matches)
    }

    async fn verify_as_written(&self, password: &str, hash: Option<&str>, source: Source) -> Result<bool, OAuthError> {
        let fits = password.chars().count() <= MAX_LENGTH;
        let known = hash.is_some() && fits;
        let hash = hash.unwrap_or(&self.nobody).to_owned();
        let password = if fits { password.to_owned() } else { String::new() };
        let matches = self.run(source, move |memory| check(&password, &hash, memory)).await?;
        Ok(matches && known)
    }

    async fn run<T: Send + 'static>(
        &self,
        source: Source,
        work: impl FnOnce(&mut [Block]) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, OAuthError> {
        let seat = self.seats.take(source).await.map_err(|_| OAuthError::overloaded("too many sign-ins at once"))?;
        let (done, outcome) = oneshot::channel();
        let work = move |memory: &mut [Block]| {
            let outcome = work(memory);
            drop(seat);
            let _ = done.send(outcome);
        };
        let ended = |_| OAuthError::server_error(anyhow::anyhow!("no thread hashes passwords any more"));
        self.threads.send(Box::new(work)).map_err(ended)?;
        outcome.await.map_err(OAuthError::server_error)?.map_err(OAuthError::server_error)
    }
}

/// Each thread allocates its memory once, before anybody waits for it.
fn hash_forever(work: &Mutex<mpsc::Receiver<Work>>) {
    let mut memory = vec![Block::default(); MEMORY_KIB as usize];
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(next) = next else { return };
        // After a panic the caller gets an error, and the thread continues.
        let _ = catch_unwind(AssertUnwindSafe(|| next(&mut memory)));
    }
}

fn argon2(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn make(password: &str, memory: &mut [Block]) -> anyhow::Result<String> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32))?;
    let salt = rand::random::<[u8; 16]>();
    let mut hash = [0; 32];
    argon2(params.clone()).hash_password_into_with_memory(password.as_bytes(), &salt, &mut hash, memory)?;
    let phc = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params)?,
        salt: Some(Salt::new(&salt)?),
        hash: Some(Output::new(&hash)?),
    };
    Ok(phc.to_string())
}

fn check(password: &str, phc: &str, memory: &mut [Block]) -> anyhow::Result<bool> {
    let phc = PasswordHash::new(phc)?;
    let (Some(salt), Some(expected)) = (phc.salt, phc.hash) else { anyhow::bail!("the stored hash is cut short") };
    let params = Params::try_from(&phc)?;
    anyhow::ensure!(params.block_count() <= memory.len(), "the stored hash wants more memory than is set aside");
    let mut hash = vec![0; expected.len()];
    argon2(params).hash_password_into_with_memory(password.as_bytes(), &salt, &mut hash, memory)?;
    Ok(constant_time::verify_slices_are_equal(&hash, expected.as_bytes()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Source = Source::Party(1);

    #[tokio::test]
    async fn a_guess_at_nobody_costs_what_a_guess_at_somebody_does_from_the_start() {
        let passwords = Passwords::new().unwrap();
        let (nobody, somebody) = (passwords.nobody.to_string(), passwords.hash("correct horse").await.unwrap());
        let cost = |hash: &str| Params::try_from(&PasswordHash::new(hash).unwrap()).unwrap();
        assert_eq!(cost(&nobody), cost(&somebody));
    }

    #[tokio::test]
    async fn a_password_is_as_long_as_it_has_characters_whatever_their_bytes() {
        let passwords = Passwords::new().unwrap();
        for (length, fits) in [(MAX_LENGTH, true), (MAX_LENGTH + 1, false)] {
            let password = "鍵".repeat(length);
            let hash = passwords.hash(&password).await.unwrap();
            assert_eq!(passwords.verify(&password, Some(&hash), HERE).await.unwrap(), fits, "{length}");
            let refused = crate::people::sign_in::refuse_choice("alice", &password);
            assert_eq!(refused != Some("A password has 8 to 128 characters."), fits, "{length}");
        }
        let short = crate::people::sign_in::refuse_choice("alice", &"鍵".repeat(7));
        assert_eq!(short, Some("A password has 8 to 128 characters."));
    }

    #[tokio::test]
    async fn a_guess_at_nobody_waits_its_turn_and_is_judged_like_one_at_somebody() {
        let passwords = Passwords::new().unwrap();
        let (somebody, long) = (passwords.hash("correct horse").await.unwrap(), "x".repeat(MAX_LENGTH + 1));
        let mut seats = vec![];
        while let Ok(seat) = passwords.seats.try_take(HERE) {
            seats.push(seat);
        }
        for (password, hash) in
            [("wrong horse", Some(&*somebody)), ("wrong horse", None), (&long, Some(&*somebody)), (&long, None)]
        {
            tokio::select! {
                biased;
                answered = passwords.verify(password, hash, HERE) => panic!("{answered:?}, and nobody judged it"),
                () = std::future::ready(()) => {}
            }
        }
    }

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse", Some(&hash), HERE).await.unwrap());
        assert!(!passwords.verify("wrong horse", Some(&hash), HERE).await.unwrap());
        assert!(!passwords.verify("correct horse", None, HERE).await.unwrap());
    }
}
