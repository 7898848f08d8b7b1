//! Each query is answered by its own process, which is killed when it takes too long: SQLite cannot be interrupted
//! within one step, and a short query can contain an endless step.
use super::sample::{self, Rows};
use crate::tools::Failure;
use serde::{Deserialize, Serialize};
use std::{
    io::{stdin, stdout},
    path::Path,
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    time::timeout,
};

/// The only argument of a process that answers a query.
const ARGUMENT: &str = "answer-sample-query";
const LONGEST: Duration = Duration::from_secs(2);
/// Bytes of a process's output.
const LARGEST: u64 = 8 * 1024 * 1024;
/// Bytes of SQLite's heap, and of the whole process.
const HEAP: u32 = 32 * 1024 * 1024;
#[cfg(unix)]
const MEMORY: u64 = 128 * 1024 * 1024;
const TOO_LONG: &str = "The query took too long";

#[derive(Serialize, Deserialize)]
struct Question {
    query: String,
    limit: usize,
}

/// Makes `program` answer the query: see [`answer_query`].
pub(super) async fn ask(program: &Path, query: String, limit: usize) -> Result<Rows, Failure> {
    let mut child = Command::new(program)
        .arg(ARGUMENT)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let question = serde_json::to_vec(&Question { query, limit })?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let conversation = async {
        let mut answer = Vec::new();
        if let (Some(mut input), Some(output)) = (input, output) {
            input.write_all(&question).await?;
            drop(input);
            output.take(LARGEST).read_to_end(&mut answer).await?;
        }
        child.wait().await.map(|status| (status, answer))
    };
    let (status, answer) = timeout(LONGEST, conversation).await.map_err(|_| Failure::new(TOO_LONG))??;
    if !status.success() {
        return Err(Failure::new(TOO_LONG));
    }
    serde_json::from_slice::<Result<Rows, String>>(&answer)?.map_err(|reason| Failure::new(&reason))
}

/// To be called first in `main`: if this process was started to answer a query, it does so. A program that calls this
/// can be used as [`crate::Settings::queries`].
pub fn answer_query() -> Option<anyhow::Result<()>> {
    let mut arguments = std::env::args_os().skip(1);
    let asked = arguments.next().is_some_and(|first| first == ARGUMENT) && arguments.next().is_none();
    asked.then(answer)
}

fn answer() -> anyhow::Result<()> {
    restrict()?;
    let Question { query, limit } = serde_json::from_reader(stdin().lock())?;
    Ok(serde_json::to_writer(stdout().lock(), &sample::read(&query, limit, Some(HEAP))?)?)
}

/// Limits time, memory and files of this process, and lowers its priority, in case the parent dies.
#[cfg(unix)]
fn restrict() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, nice, setrlimit};
    let most =
        [(Resource::Cpu, LONGEST.as_secs()), (Resource::Data, MEMORY), (Resource::Fsize, 0), (Resource::Core, 0)];
    for (resource, most) in most {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    nice(10)?;
    Ok(())
}

#[cfg(not(unix))]
fn restrict() -> anyhow::Result<()> {
    Ok(())
}
