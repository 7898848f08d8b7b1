//! Passwords: argon2id on a few threads of their own, each with its memory kept, behind a bounded queue.
use crate::error::OAuthError;
use argon2::{
    Algorithm, Argon2, Block, Params, PasswordHash, Version,
    password_hash::phc::{Output, ParamsString, Salt},
};
use aws_lc_rs::constant_time;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// OWASP's setting: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
/// Who waits longer in line than this many others is told to come back.
const QUEUE: usize = 32;
/// Longer ones are refused before they cost anything.
pub const MAX_LENGTH: usize = 128;

#[derive(Clone)]
pub struct Passwords {
    threads: Arc<Semaphore>,
    places: Arc<Semaphore>,
    buffers: Arc<Mutex<Vec<Vec<Block>>>>,
    /// Hash of a password nobody has: what a guess at an unknown user is checked against.
    nobody: Arc<str>,
}

impl Passwords {
    pub fn new() -> Result<Self, OAuthError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let buffers = (0..cores).map(|_| vec![Block::default(); MEMORY_KIB as usize]).collect();
        let mut first = vec![Block::default(); MEMORY_KIB as usize];
        Ok(Self {
            threads: Arc::new(Semaphore::new(cores)),
            places: Arc::new(Semaphore::new(cores + QUEUE)),
            buffers: Arc::new(Mutex::new(buffers)),
            nobody: make(&crate::secrets::random(), &mut first).map_err(OAuthError::server_error)?.into(),
        })
    }

    /// PHC string of a new hash.
    pub async fn hash(&self, password: &str) -> Result<String, OAuthError> {
        let password = password.to_owned();
        self.run(move |memory| make(&password, memory)).await
    }

    /// Takes the same time whether or not there is a hash to compare with.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, OAuthError> {
        let known = hash.is_some() && password.len() <= MAX_LENGTH;
        let hash = hash.unwrap_or(&self.nobody).to_owned();
        let password = if password.len() <= MAX_LENGTH { password.to_owned() } else { String::new() };
        let matches = self.run(move |memory| check(&password, &hash, memory)).await?;
        Ok(matches && known)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut [Block]) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, OAuthError> {
        let busy = || OAuthError::temporarily_unavailable("too many sign-ins at once").retry_after(5);
        let place = self.places.clone().try_acquire_owned().map_err(|_| busy())?;
        let thread = self.threads.clone().acquire_owned().await.map_err(OAuthError::server_error)?;
        let buffers = self.buffers.clone();
        let done = tokio::task::spawn_blocking(move || {
            let (_place, _thread) = (place, thread);
            let lock = || buffers.lock().unwrap_or_else(PoisonError::into_inner);
            let taken = lock().pop();
            let mut memory = taken.unwrap_or_else(|| vec![Block::default(); MEMORY_KIB as usize]);
            let done = work(&mut memory);
            lock().push(memory);
            done
        });
        done.await.map_err(OAuthError::server_error)?.map_err(OAuthError::server_error)
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

    #[tokio::test]
    async fn a_guess_at_nobody_costs_what_a_guess_at_somebody_does_from_the_start() {
        let passwords = Passwords::new().unwrap();
        let (nobody, somebody) = (passwords.nobody.to_string(), passwords.hash("correct horse").await.unwrap());
        let cost = |hash: &str| Params::try_from(&PasswordHash::new(hash).unwrap()).unwrap();
        assert_eq!(cost(&nobody), cost(&somebody));
    }

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("wrong horse", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horse", None).await.unwrap());
    }
}
