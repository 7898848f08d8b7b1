//! The one writer: a thread that runs the jobs in hand between BEGIN and COMMIT. They share the commit, and each is
//! answered after it.
use super::checkpointer::Checkpointer;
use crate::storage::driver::{Answer, ConnectOptions, Connection, Query};
use std::{
    io,
    path::Path,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender, SyncSender},
    },
    thread,
};
use tokio::sync::oneshot;

/// Jobs that share a commit: the first one waits for the last one.
const MAX_JOBS_PER_COMMIT: usize = 256;

#[derive(Debug)]
pub(super) struct Writer(Sender<Job>);

#[derive(Debug)]
enum Job {
    Run(Query, oneshot::Sender<sqlx::Result<Answer>>),
    Lend(oneshot::Sender<sqlx::Result<Loan>>),
    Close(oneshot::Sender<sqlx::Result<()>>),
}

/// A job that succeeded if the commit does.
enum Done {
    Ran(Answer, oneshot::Sender<sqlx::Result<Answer>>),
    Returned(oneshot::Sender<sqlx::Result<()>>),
}

/// The writer's connection, within an open transaction; it goes back when dropped.
#[derive(Debug)]
pub struct Loan {
    /// `None` once it went back.
    connection: Option<Connection>,
    back: SyncSender<(Connection, Option<oneshot::Sender<sqlx::Result<()>>>)>,
}

impl Writer {
    pub(super) fn start(file: &Path, checkpointer: Arc<Checkpointer>) -> sqlx::Result<Self> {
        let options = ConnectOptions::new(file);
        let connection = Some(options.open()?);
        let (jobs, received) = mpsc::channel();
        let mut desk = Desk { options, connection, checkpointer };
        thread::Builder::new().name("writer".into()).spawn(move || desk.serve(&received))?;
        Ok(Self(jobs))
    }

    pub(super) async fn run(&self, query: Query) -> sqlx::Result<Answer> {
        self.ask(|answer| Job::Run(query, answer)).await?
    }

    pub(super) async fn lend(&self) -> sqlx::Result<Loan> {
        self.ask(Job::Lend).await?
    }

    /// Ends the thread after the jobs before this one.
    pub(super) async fn close(&self) -> sqlx::Result<()> {
        match self.ask(Job::Close).await {
            Err(sqlx::Error::PoolClosed) => Ok(()),
            closed => closed?,
        }
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> sqlx::Result<T> {
        let (answer, answered) = oneshot::channel();
        self.0.send(job(answer)).map_err(|_| sqlx::Error::PoolClosed)?;
        answered.await.map_err(|_| sqlx::Error::PoolClosed)
    }
}

impl Loan {
    pub fn connection(&mut self) -> sqlx::Result<&mut Connection> {
        self.connection.as_mut().ok_or(sqlx::Error::WorkerCrashed)
    }

    /// Gives the connection back and waits until its statements are on disk.
    pub async fn committed(mut self) -> sqlx::Result<()> {
        let (done, outcome) = oneshot::channel();
        self.give_back(Some(done));
        outcome.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }

    fn give_back(&mut self, done: Option<oneshot::Sender<sqlx::Result<()>>>) {
        if let Some(connection) = self.connection.take() {
            self.back.send((connection, done)).ok();
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.give_back(None);
    }
}

/// What the thread has.
struct Desk {
    options: ConnectOptions,
    /// `None` after a failure that left its state unknown; the next batch opens a new one.
    connection: Option<Connection>,
    checkpointer: Arc<Checkpointer>,
}

impl Desk {
    fn serve(&mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            let began = self.connection.take().map_or_else(|| self.options.open(), Ok).and_then(begin);
            let closing = match began {
                Ok(connection) => self.batch(connection, job, jobs),
                Err(error) => refuse(job, jobs, error),
            };
            if let Some(closed) = closing {
                self.connection = None;
                closed.send(Ok(())).ok();
                return;
            }
        }
    }

    /// Runs the job and those that wait behind it. The result is set if one of them closes the database.
    fn batch(&mut self, connection: Connection, first: Job, jobs: &Receiver<Job>) -> Option<Closed> {
        let (mut connection, mut done, mut closing) = (Some(connection), vec![], None);
        let (mut next, mut taken) = (Some(first), 0);
        while let Some(job) = next.take() {
            let Some(lent) = connection.take() else { break };
            taken += 1;
            connection = match job {
                // Whoever gave up was told that nothing happened.
                Job::Run(_, answer) if answer.is_closed() => Some(lent),
                Job::Run(query, answer) => {
                    run(&lent, query, answer, &mut done);
                    Some(lent)
                }
                Job::Lend(borrower) => lend(lent, borrower, &mut done),
                Job::Close(closed) => {
                    closing = Some(closed);
                    Some(lent)
                }
            };
            // SQLite rolls back everything if, for example, the disk is full: COMMIT then fails.
            let open = connection.as_ref().is_some_and(|connection| !connection.inner.is_autocommit());
            if open && closing.is_none() && taken < MAX_JOBS_PER_COMMIT {
                next = jobs.try_recv().ok();
            }
        }
        let committed = connection.ok_or(sqlx::Error::WorkerCrashed).and_then(commit);
        match committed {
            Ok(connection) => {
                self.connection = Some(connection);
                for job in done {
                    job.succeed();
                }
                self.checkpointer.soon();
            }
            Err(error) => {
                let error = Arc::new(error);
                for job in done {
                    job.fail(&error);
                }
            }
        }
        closing
    }
}

type Closed = oneshot::Sender<sqlx::Result<()>>;

fn begin(connection: Connection) -> sqlx::Result<Connection> {
    connection.batch("BEGIN IMMEDIATE").map(|()| connection)
}

/// If it fails, closing the connection rolls back.
fn commit(connection: Connection) -> sqlx::Result<Connection> {
    connection.batch("COMMIT").map(|()| connection)
}

/// A failed statement changes nothing, and fails alone.
fn run(on: &Connection, query: Query, answer: oneshot::Sender<sqlx::Result<Answer>>, done: &mut Vec<Done>) {
    match on.run(query) {
        Ok(ran) => done.push(Done::Ran(ran, answer)),
        Err(error) => drop(answer.send(Err(error))),
    }
}

/// Waits until the borrower gives the connection back.
fn lend(
    connection: Connection,
    borrower: oneshot::Sender<sqlx::Result<Loan>>,
    done: &mut Vec<Done>,
) -> Option<Connection> {
    let (back, returned) = mpsc::sync_channel(1);
    // A borrower that has gone meanwhile drops the loan, which gives it back.
    drop(borrower.send(Ok(Loan { connection: Some(connection), back })));
    let (connection, finished) = returned.recv().ok()?;
    done.extend(finished.map(Done::Returned));
    Some(connection)
}

/// Refuses the job and those that wait behind it: for each of them the database would be waited for in vain.
fn refuse(first: Job, jobs: &Receiver<Job>, error: sqlx::Error) -> Option<Closed> {
    let error = Arc::new(error);
    let mut next = Some(first);
    while let Some(job) = next.take() {
        match job {
            Job::Run(_, answer) => drop(answer.send(Err(shared(&error)))),
            Job::Lend(borrower) => drop(borrower.send(Err(shared(&error)))),
            Job::Close(closed) => return Some(closed),
        }
        next = jobs.try_recv().ok();
    }
    None
}

/// The same error for each job of a batch.
fn shared(error: &Arc<sqlx::Error>) -> sqlx::Error {
    sqlx::Error::Io(io::Error::other(Arc::clone(error)))
}

impl Done {
    fn succeed(self) {
        match self {
            Self::Ran(answer, asked) => drop(asked.send(Ok(answer))),
            Self::Returned(asked) => drop(asked.send(Ok(()))),
        }
    }

    fn fail(self, error: &Arc<sqlx::Error>) {
        match self {
            Self::Ran(_, asked) => drop(asked.send(Err(shared(error)))),
            Self::Returned(asked) => drop(asked.send(Err(shared(error)))),
        }
    }
}
