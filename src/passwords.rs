//! Passwords: argon2id on a few threads of their own, each with its memory, behind a queue that every source shares.
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
/// Each holds that much as long as the server runs, on however large a machine.
const MOST_THREADS: usize = 4;
const PASSES: u32 = 2;
/// Who may wait in line. When it is full, whoever has most in it is told to come back.
const QUEUE: usize = 32;
/// Characters of a password in the form that is hashed; longer ones are refused before they cost anything.
pub const MAX_LENGTH: usize = 128;

type Work = Box<dyn FnOnce(&mut [Block]) + Send>;

#[derive(Clone)]
pub struct Passwords {
    /// As many as there are threads.
    seats: Seats,
    threads: mpsc::Sender<Work>,
    /// Hash of a password nobody has: what a guess at an unknown user is checked against.
    nobody: Arc<str>,
}

impl Passwords {
    pub fn new() -> Result<Self, OAuthError> {
        let cores = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
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
            seats: Seats::new(cores, cores, QUEUE),
            threads,
            nobody: make(&crate::secrets::random(), &mut first).map_err(OAuthError::server_error)?.into(),
        })
    }

    /// PHC string of a new hash, of the password's normal form.
    pub async fn hash(&self, password: &str) -> Result<String, OAuthError> {
        let password = normal_form(password).into_owned();
        // Only what was permitted before comes here: it is nobody's guess.
        self.run(Source::Party(0), move |memory| make(&password, memory)).await
    }

    /// Takes the same time whether or not there is a hash to compare with. It is a guess of that source's.
    ///
    /// Hashes of before may be of a password as it was typed: where that is not its normal form, both are tried.
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

/// Its memory is its own, so that none is asked for while people wait.
fn hash_forever(work: &Mutex<mpsc::Receiver<Work>>) {
    let mut memory = vec![Block::default(); MEMORY_KIB as usize];
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(next) = next else { return };
        // Whoever asked hears that nobody answered; the thread is still needed.
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
