//! Rotation under load: a running keyward issues, introspects and is believed by guards while its keys rotate twice.
//!
//! `cargo bench --bench rotation -- --seconds 60`, on SQLite; on PostgreSQL with `TEST_DATABASE_URL`, and two servers.
//! Ends with exit code 1 if one request failed, or a rotation did not happen.
//!
//! The rotations are those on schedule. An emergency promises the opposite: what old keys signed is refused.
#[path = "../../tests/support/db.rs"]
#[allow(dead_code, clippy::unwrap_used)] // the tests' own, of which not everything is needed here
mod db;
mod report;
mod servers;
mod traffic;

use anyhow::{Context, ensure};
use clap::Parser;
use report::{Kind, Report};
use servers::Servers;
use std::{process::ExitCode, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::Instant};
use traffic::{Guards, Traffic};

/// Rotate the signing keys twice under load.
#[derive(Parser)]
struct Arguments {
    /// How long, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(30..=3600))]
    seconds: u64,
    /// Clients that send one request after the other.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000))]
    clients: u16,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let outcome = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(run()));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<bool> {
    let Arguments { seconds, clients, .. } = Arguments::parse();
    let guards = Guards::bind().await?;
    let servers = Servers::start(&guards.resources()).await?;
    println!("{seconds} seconds, {clients} clients, {}", servers.described());
    let traffic = Arc::new(Traffic::new(&servers, guards.serve(&servers.issuer)?)?);
    let begun = Instant::now();
    let mut working = JoinSet::new();
    for number in 0..clients {
        working.spawn(traffic.clone().client(usize::from(number)));
    }
    let half = Duration::from_secs(seconds) / 2;
    let mut rotated = Ok(());
    for rotation in 0..2 {
        tokio::time::sleep_until(begun + half * rotation + half / 10).await;
        rotated = rotated.and(rotate(&servers, &traffic, begun + half * (rotation + 1)).await);
    }
    tokio::time::sleep_until(begun + half * 2).await;
    traffic.stop();
    let report = working.join_all().await.into_iter().fold(Report::default(), Report::with);
    report.print(begun.elapsed());
    let keys = traffic.signed_with();
    println!("signed with {keys} keys, one after the other");
    if report.failures() > 0 {
        eprintln!("{}", servers.last_words());
    }
    rotated?;
    ensure!(Kind::ALL.iter().all(|kind| report.count(*kind) > 0), "a kind of request was never sent");
    Ok(report.failures() == 0 && keys == 3)
}

/// `keyward keys rotate`, and what follows by itself, but for the hour in between: the new keys are made older than
/// they are, and the clocks of the guards go ten minutes ahead, after which they fetch the keys again.
async fn rotate(servers: &Servers, traffic: &Traffic, deadline: Instant) -> anyhow::Result<()> {
    let signing = traffic.signed_with();
    servers.rotate().await?;
    println!("  new keys are published");
    let published = async || traffic.published().await == 6 + 3 * (signing - 1);
    until(deadline, published).await.context("the servers do not follow")?;
    traffic.ten_minutes_later();
    // Each guard fetches beside the requests that come now.
    tokio::time::sleep(Duration::from_secs(1)).await;
    servers.age_next_keys().await;
    until(deadline, async || traffic.signed_with() > signing).await.context("no new key signs")?;
    println!("  new keys sign");
    Ok(())
}

async fn until(deadline: Instant, mut happened: impl AsyncFnMut() -> bool) -> anyhow::Result<()> {
    while !happened().await {
        ensure!(Instant::now() < deadline, "not in time");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
