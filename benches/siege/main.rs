//! A siege: every flood that strangers are known for, at once, while honest people do their work.
//!
//! `cargo bench --bench siege -- --seconds 120`. Ends with exit code 1 if more than one in a hundred things that honest
//! people do fails, or a server takes more than it may.
mod browser;
#[path = "../../tests/support/dpop.rs"]
#[allow(dead_code, clippy::unwrap_used)] // the tests' own, of which not everything is needed here
mod dpop;
mod floods;
mod people;
mod report;
mod servers;
mod watch;
mod wire;

use anyhow::Context;
use clap::Parser;
use people::{PEOPLE, Person};
use report::Report;
use servers::Servers;
use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinSet, time::Instant};
use watch::Watch;

/// Where stands what servers may take.
const PROMISES: &str = include_str!("../../docs/security.md");

/// Lay siege to both servers while honest people work.
#[derive(Parser)]
struct Arguments {
    /// How long, in seconds.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(5..=3600))]
    seconds: u64,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let outcome = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(siege()));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn siege() -> anyhow::Result<bool> {
    let Arguments { seconds, .. } = Arguments::parse();
    let mut servers = Servers::start().await?;
    let stopped = Arc::new(AtomicBool::new(false));
    let mut people = vec![];
    for number in 0..u8::try_from(PEOPLE.len())? {
        let mut person = Person::new(number, &servers, &stopped);
        person.arrive().await?;
        people.push(person);
    }
    println!("{seconds} seconds, {} honest people", people.len());
    let mut watch = Watch::begin(&servers);
    let raging = floods::rage(&servers, &stopped).await?;
    let mut working: JoinSet<_> = people.into_iter().map(Person::stay).collect();
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        watch.look(&servers);
        servers.check()?;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    stopped.store(true, Ordering::Relaxed);
    let mut report = Report::default();
    while let Some(own) = working.join_next().await {
        report = report.with(own?);
    }
    watch.look(&servers);
    servers.check()?;
    // Those that wait for an answer get it, or none.
    drop(servers);
    floods::print(&floods::gathered(raging.join_all().await));
    report.print();
    watch.print();
    Ok(report.good() && watch.within(promised("memory")?, promised("disk")?))
}

/// MiB that a server may take of something, by the page that people read.
fn promised(of: &str) -> anyhow::Result<u64> {
    let (before, _) = PROMISES.split_once(&format!(" MiB of {of}**")).context("the page promises nothing")?;
    let (_, figure) = before.rsplit_once("**").context("the page gives no figure")?;
    Ok(figure.parse()?)
}
