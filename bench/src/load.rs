//! Load: many connections at once for a bounded time, every answer checked, and what it cost the server.
use crate::{
    process::Processes,
    scenario::{Scenario, Worker, Workers},
    site::Site,
};
use anyhow::{Context, ensure};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// How long caches and code warm up before anything counts, as a part of the measured time.
const WARM_UP: u32 = 5;
/// What a server still does for what was prepared is not to be counted.
const SETTLE: Duration = Duration::from_millis(100);

/// What one server did in one turn.
#[derive(Default)]
pub struct Turn {
    pub steps: u64,
    /// Steps that went on beside.
    pub beside: u64,
    /// What a step takes of a processor at least.
    pub least: Option<Duration>,
    pub time: Duration,
    pub cpu: Duration,
    pub client_cpu: Duration,
    pub written: u64,
    pub resident: u64,
    pub peak: u64,
    /// Sorted.
    pub waits: Vec<Duration>,
}

pub async fn turn(scenario: &dyn Scenario, site: &Arc<Site>, length: Duration) -> anyhow::Result<Turn> {
    let mut workers = scenario.workers(site).await.context("to begin with")?;
    let server = Processes::new(site.is.pid, &site.is.other_pids);
    let mut unmeasured = Turn::default();
    workers = rounds(workers, &server, length / WARM_UP, &mut unmeasured).await?;
    let mut turn = Turn { least: scenario.least(), ..Turn::default() };
    workers = rounds(workers, &server, length, &mut turn).await?;
    let memory = server.memory()?;
    (turn.resident, turn.peak) = (memory.resident, memory.peak);
    turn.waits.sort_unstable();
    for worker in &mut workers {
        worker.probe().await.context("what must be refused")?;
    }
    Ok(turn)
}

/// As many as it takes to measure for so long: workers that live on a supply stop when it is used up.
async fn rounds(
    mut workers: Workers,
    server: &Processes,
    length: Duration,
    turn: &mut Turn,
) -> anyhow::Result<Workers> {
    while turn.time < length {
        workers = prepared(workers).await.context("to prepare")?;
        tokio::time::sleep(SETTLE).await;
        let (before, ours) = (server.usage()?, Processes::ours().usage()?);
        let begun = Instant::now();
        let steps = turn.steps;
        workers = busy(workers, begun + length.saturating_sub(turn.time), turn).await?;
        turn.time += begun.elapsed();
        let (after, ours_after) = (server.usage()?, Processes::ours().usage()?);
        ensure!(turn.steps > steps, "nothing was done");
        turn.cpu += after.cpu.saturating_sub(before.cpu);
        turn.client_cpu += ours_after.cpu.saturating_sub(ours.cpu);
        turn.written += after.written.saturating_sub(before.written);
    }
    Ok(workers)
}

async fn prepared(workers: Workers) -> anyhow::Result<Workers> {
    let mut tasks = JoinSet::new();
    for mut worker in workers {
        tasks.spawn(async move { worker.prepare().await.map(|()| worker) });
    }
    let mut ready = vec![];
    while let Some(worker) = tasks.join_next().await {
        ready.push(worker??);
    }
    Ok(ready)
}

/// All at once.
async fn busy(workers: Workers, end: Instant, turn: &mut Turn) -> anyhow::Result<Workers> {
    let mut tasks = JoinSet::new();
    for worker in workers {
        tasks.spawn(busy_alone(worker, end));
    }
    let mut done = vec![];
    while let Some(task) = tasks.join_next().await {
        let (worker, waits) = task??;
        let steps = u64::try_from(waits.len())?;
        if worker.counts() {
            turn.steps += steps;
            turn.waits.extend(waits);
        } else {
            turn.beside += steps;
        }
        done.push(worker);
    }
    Ok(done)
}

/// How long each of its steps took.
async fn busy_alone(mut worker: Box<dyn Worker>, end: Instant) -> anyhow::Result<(Box<dyn Worker>, Vec<Duration>)> {
    let mut waits = vec![];
    while worker.ready() && Instant::now() < end {
        worker.pause().await;
        let begun = Instant::now();
        worker.step().await.with_context(|| format!("step {} of a connection", waits.len() + 1))?;
        waits.push(begun.elapsed());
    }
    Ok((worker, waits))
}
