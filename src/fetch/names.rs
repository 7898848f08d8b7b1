//! Resolves names on a few separate threads, so that a name server which never answers blocks no other work.
use std::{
    future::Future,
    io,
    net::{SocketAddr, ToSocketAddrs},
    pin::Pin,
    sync::Arc,
    thread,
};
use tokio::sync::{Semaphore, oneshot};

pub type Lookup = Arc<dyn Fn(String) -> Addresses + Send + Sync>;
/// The addresses of a name, each with the port for URLs that name none; 0 means the default port of the scheme.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Threads. The system's resolver cannot be cancelled, so each lookup occupies a thread until the resolver gives up.
const THREADS: usize = 16;

type Resolve = fn(&str) -> io::Result<Vec<SocketAddr>>;

pub(super) fn lookup() -> Lookup {
    bounded(|name| Ok((name, 0).to_socket_addrs()?.collect()))
}

fn bounded(resolve: Resolve) -> Lookup {
    let threads = Arc::new(Semaphore::new(THREADS));
    Arc::new(move |name| {
        let threads = threads.clone();
        let found: Addresses = Box::pin(async move {
            let taken = threads.acquire_owned().await.map_err(io::Error::other)?;
            let (answer, found) = oneshot::channel();
            thread::Builder::new().name("names".into()).spawn(move || {
                // The caller may have stopped waiting.
                let _ = answer.send(resolve(&name));
                drop(taken);
            })?;
            found.await.map_err(io::Error::other)?
        });
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    };

    static ASKED: AtomicUsize = AtomicUsize::new(0);
    static ANSWERS: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

    /// A name server that does not answer before the test tells it to.
    #[allow(clippy::unnecessary_wraps)] // what a resolver answers
    fn silent(_: &str) -> io::Result<Vec<SocketAddr>> {
        ASKED.fetch_add(1, SeqCst);
        let answers = ANSWERS.1.wait_while(ANSWERS.0.lock().unwrap(), |answers| !*answers).unwrap();
        drop(answers);
        Ok(vec![])
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_name_server_that_never_answers_takes_its_own_few_threads_and_no_other() {
        let lookup = bounded(silent);
        let all: Vec<_> = (0..200).map(|n| tokio::spawn(lookup(format!("{n}.example")))).collect();
        while ASKED.load(SeqCst) < THREADS {
            tokio::task::yield_now().await;
        }
        // Tokio's blocking threads are still free.
        assert_eq!(tokio::task::spawn_blocking(|| 1).await.unwrap(), 1);
        assert_eq!(ASKED.load(SeqCst), THREADS);
        // A caller that gave up neither frees a thread early nor occupies one.
        let (gone, waiting) = all.split_at(100);
        gone.iter().for_each(tokio::task::JoinHandle::abort);
        assert_eq!(ASKED.load(SeqCst), THREADS);
        *ANSWERS.0.lock().unwrap() = true;
        ANSWERS.1.notify_all();
        for one in waiting {
            while !one.is_finished() {
                tokio::task::yield_now().await;
            }
        }
        assert!(ASKED.load(SeqCst) <= 200);
    }
}
