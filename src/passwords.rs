//! Passwords: argon2id on a few dedicated threads, which give way to all others and have memory only while somebody
//! signs in, behind a queue with a share for every source.
use crate::error::OAuthError;
use argon2::{
    Algorithm, Argon2, Block, Params, PasswordHash, Version,
    password_hash::phc::{Output, ParamsString, Salt},
};
use aws_lc_rs::constant_time;
use keyward_limits::{shares::Seats, source::Source, spelling::normal_form};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};

/// OWASP's setting: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
/// What a thread asks for: an allocation of more than 32 MiB is always a mapping of its own, which goes back to the system
/// as a whole (mallopt(3)). What is not used of it takes no memory.
const RESERVED_KIB: usize = 33 * 1024;
/// Each thread holds its memory while it is used, so their number is bounded on large machines too.
const MAX_THREADS: usize = 4;
const PASSES: u32 = 2;
/// Length of the queue. When it is full, the source with the most waiting requests is refused.
const MAX_QUEUED: usize = 32;
/// In the queue, before whoever waits is told to come again. A sign-in may wait for its account and twice here, and ends
/// before its request is cut off.
const PATIENCE: Duration = Duration::from_secs(8);
/// A thread that has had nothing to do for so long gives its memory back.
const IDLE: Duration = Duration::from_secs(30);
/// By how much the threads step back behind those that answer requests (nice(2)).
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;
/// Bytes of a hash.
const HASH_BYTES: usize = 32;
/// Characters of a password in its normal form; longer ones are refused before they are hashed.
pub const MAX_LENGTH: usize = 128;

type Work = Box<dyn FnOnce(&mut [Block]) + Send>;
type Thread = mpsc::Sender<Work>;

#[derive(Clone)]
pub struct Passwords {
    /// One seat for each thread.
    seats: Seats,
    /// The threads that have nothing to do. The last one is the next, so that as few as suffice keep their memory.
    idle: Arc<Mutex<Vec<Thread>>>,
    /// What looks like the hash of a password, and is of none: a guess for an unknown user is checked against it, so that
    /// it takes the same time.
    nobody: Arc<str>,
}

impl Passwords {
    pub fn new() -> Result<Self, OAuthError> {
        let cores = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let mut idle = Vec::new();
        for _ in 0..cores {
            let (thread, work) = mpsc::channel();
            let named = thread::Builder::new().name("passwords".into());
            named.spawn(move || hash_forever(&work)).map_err(OAuthError::server_error)?;
            idle.push(thread);
        }
        let nobody = phc(&rand::random(), &rand::random()).map_err(OAuthError::server_error)?;
        Ok(Self {
            seats: Seats::new(cores, cores, MAX_QUEUED),
            idle: Arc::new(Mutex::new(idle)),
            nobody: nobody.into(),
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
        let overloaded = || OAuthError::overloaded("too many sign-ins at once");
        let seat = timeout(PATIENCE, self.seats.take(source)).await.map_err(|_| overloaded())?;
        let seat = seat.map_err(|_| overloaded())?;
        let ended = || OAuthError::server_error(anyhow::anyhow!("no thread hashes passwords any more"));
        let thread = lock(&self.idle).pop().ok_or_else(ended)?;
        let (done, outcome) = oneshot::channel();
        let (idle, itself) = (Arc::clone(&self.idle), thread.clone());
        let work = move |memory: &mut [Block]| {
            // After a panic the caller gets an error, and the thread continues.
            let outcome = catch_unwind(AssertUnwindSafe(|| work(memory)));
            lock(&idle).push(itself);
            drop(seat);
            let _ = outcome.map(|outcome| done.send(outcome));
        };
        thread.send(Box::new(work)).map_err(|_| ended())?;
        outcome.await.map_err(OAuthError::server_error)?.map_err(OAuthError::server_error)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hash_forever(work: &mpsc::Receiver<Work>) {
    // Of the calling thread alone, as Linux has it. Where it is refused, all threads are alike.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICENESS);
    let mut memory = Vec::new();
    while hash_next(work, &mut memory, IDLE) {}
}

/// Does what comes next, or gives the memory back if nothing comes. Whether there will be more.
fn hash_next(work: &mpsc::Receiver<Work>, memory: &mut Vec<Block>, idle: Duration) -> bool {
    let next = if memory.is_empty() { work.recv().map_err(Into::into) } else { work.recv_timeout(idle) };
    match next {
        Ok(next) => {
            // Without memory the hash fails, and not the whole process.
            if memory.try_reserve_exact(RESERVED_KIB.saturating_sub(memory.len())).is_ok() {
                memory.resize(MEMORY_KIB as usize, Block::default());
            }
            next(memory);
        }
        Err(RecvTimeoutError::Timeout) => *memory = Vec::new(),
        Err(RecvTimeoutError::Disconnected) => return false,
    }
    true
}

fn argon2(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn own_params() -> anyhow::Result<Params> {
    Ok(Params::new(MEMORY_KIB, PASSES, 1, Some(HASH_BYTES))?)
}

fn make(password: &str, memory: &mut [Block]) -> anyhow::Result<String> {
    let salt = rand::random::<[u8; 16]>();
    let mut hash = [0; HASH_BYTES];
    argon2(own_params()?).hash_password_into_with_memory(password.as_bytes(), &salt, &mut hash, memory)?;
    phc(&salt, &hash)
}

fn phc(salt: &[u8; 16], hash: &[u8; HASH_BYTES]) -> anyhow::Result<String> {
    let phc = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&own_params()?)?,
        salt: Some(Salt::new(salt)?),
        hash: Some(Output::new(hash)?),
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
    use crate::oauth::error::ErrorCode;

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

    #[tokio::test(start_paused = true)]
    async fn who_has_waited_twenty_seconds_for_a_turn_is_told_to_come_again() {
        let passwords = Passwords::new().unwrap();
        let seats: Vec<_> = std::iter::from_fn(|| passwords.seats.try_take(HERE).ok()).collect();
        let refused = passwords.verify("correct horse", None, HERE).await.unwrap_err();
        assert_eq!((refused.code, refused.retry_after), (ErrorCode::TemporarilyUnavailable, Some(5)));
        drop(seats);
        assert!(!passwords.verify("correct horse", None, HERE).await.unwrap());
    }

    #[test]
    fn memory_is_taken_when_somebody_signs_in_and_given_back_when_nobody_does() {
        let (thread, work) = mpsc::channel::<Work>();
        let mut memory = Vec::new();
        let hash = |memory: &mut [Block]| assert_eq!(memory.len(), MEMORY_KIB as usize);
        for _ in 0..2 {
            thread.send(Box::new(hash)).unwrap();
            assert!(hash_next(&work, &mut memory, Duration::MAX));
            assert_eq!(memory.len(), MEMORY_KIB as usize);
        }
        assert!(hash_next(&work, &mut memory, Duration::ZERO));
        assert_eq!(memory.capacity(), 0);
        drop(thread);
        assert!(!hash_next(&work, &mut memory, IDLE));
    }

    #[tokio::test]
    async fn a_thread_that_panicked_hashes_on() {
        let passwords = Passwords::new().unwrap();
        let threads = lock(&passwords.idle).len();
        for _ in 0..=threads {
            assert!(passwords.run(HERE, |_| -> anyhow::Result<()> { panic!("as a test") }).await.is_err());
        }
        assert_eq!(lock(&passwords.idle).len(), threads);
        assert!(passwords.hash("correct horse").await.is_ok());
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
