//! Puts load on one authorization server, or on two in turn, and prints what each request costs them.
mod argon2_limit;
mod browser;
mod compare;
mod instructions;
mod keys;
mod load;
mod machine;
mod process;
mod protocol;
mod report;
mod rows;
mod scenario;
mod scenarios;
mod site;
mod wire;

use anyhow::{Context, ensure};
use browser::Browser;
use clap::{Parser, Subcommand};
use compare::Plan;
use instructions::Counted;
use scenario::Scenario;
use scenarios::SCENARIOS;
use site::Site;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

#[derive(Parser)]
#[command(
    name = "keyward-bench",
    version,
    about,
    after_help = "Examples:\n  \
    keyward-bench run keyward.json --only discovery --seconds 2 --pairs 1\n  \
    keyward-bench run new.json old.json --json figures.json --svg ratios.svg\n\n\
    `scripts/bench` starts servers and writes these files; bench/README.md says what is in them."
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Measure one server, or two in turn; ratios above 1 say that the first is the better one.
    Run(Run),
    /// List what is measured.
    List,
    /// Count the instructions of requests to a server under callgrind, and compare them with those before.
    Instructions(Instructions),
    /// Add so many people, clients, grants and audit events to the database of a server that does not run.
    Rows {
        #[arg(value_name = "FILE")]
        database: PathBuf,
        #[arg(value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
        rows: u64,
    },
    /// Create the person of a server's file through the link that its first start printed.
    SignUp {
        #[arg(value_name = "FILE")]
        server: PathBuf,
        link: String,
    },
}

#[derive(clap::Args)]
struct Run {
    /// A file that describes a server; or two of them.
    #[arg(value_name = "FILE", num_args = 1..=2, required = true)]
    servers: Vec<PathBuf>,
    /// How long each scenario is measured each time.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How often, each server after the other. Medians are shown.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pairs: u16,
    /// Only scenarios whose name begins so; may be repeated.
    #[arg(long, value_name = "SCENARIO")]
    only: Vec<String>,
    /// Write all figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the ratios of two servers.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write the page about performance.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Instructions {
    /// The file that describes the server.
    #[arg(value_name = "FILE")]
    server: PathBuf,
    /// What its `--callgrind-out-file` is.
    #[arg(long, value_name = "FILE")]
    dump: PathBuf,
    /// The instructions of each request as they were.
    #[arg(long, value_name = "FILE")]
    known: PathBuf,
    /// Write them anew instead of comparing.
    #[arg(long)]
    write: bool,
}

fn main() -> ExitCode {
    // One thread: the servers are to have what is left of the machine.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(obey(Arguments::parse().verb))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keyward-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn obey(verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::Run(run) => run.measure().await,
        Verb::Instructions(instructions) => instructions.count().await,
        Verb::List => {
            for scenario in SCENARIOS {
                println!("{:<28}{}", scenario.name(), scenario.title());
            }
            Ok(())
        }
        Verb::Rows { database, rows } => rows::add(&database, rows),
        Verb::SignUp { server, link } => {
            let site = Site::read(&server).await?;
            Browser::new(&site, 0)?.sign_up(&link).await
        }
    }
}

impl Run {
    async fn measure(self) -> anyhow::Result<()> {
        let with_ratios = self.svg.is_some() || self.markdown.is_some();
        ensure!(!with_ratios || self.servers.len() == 2, "ratios are of two servers");
        let chosen = chosen(&self.only)?;
        let mut sites: Vec<Arc<Site>> = vec![];
        for file in &self.servers {
            sites.push(Site::read(file).await.with_context(|| file.display().to_string())?);
        }
        let plan = Plan { length: Duration::from_secs(self.seconds), pairs: self.pairs };
        let cases = plan.run(&sites, &chosen).await?;
        print!("{}", report::table(&sites, &cases));
        write(self.json.as_deref(), || report::json(&sites, &cases))?;
        write(self.svg.as_deref(), || Ok(report::svg(&sites, &cases)))?;
        write(self.markdown.as_deref(), || Ok(report::markdown(&sites, &cases, &plan)))
    }
}

fn write(file: Option<&Path>, report: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<()> {
    let Some(file) = file else { return Ok(()) };
    std::fs::write(file, report()?).with_context(|| file.display().to_string())
}

impl Instructions {
    async fn count(self) -> anyhow::Result<()> {
        let site = Site::read(&self.server).await.with_context(|| self.server.display().to_string())?;
        let counts = Counted { site, dump: self.dump, dumps: 0 }.counts().await?;
        if self.write {
            return Ok(std::fs::write(&self.known, instructions::written(&counts))?);
        }
        instructions::compare(&counts, &self.known)
    }
}

fn chosen(only: &[String]) -> anyhow::Result<Vec<&'static dyn Scenario>> {
    for name in only {
        let known = SCENARIOS.iter().any(|scenario| scenario.name().starts_with(name));
        ensure!(known, "no scenario begins with {name:?}; `keyward-bench list` names them");
    }
    let wanted =
        |scenario: &&&dyn Scenario| only.is_empty() || only.iter().any(|name| scenario.name().starts_with(name));
    Ok(SCENARIOS.iter().filter(wanted).copied().collect())
}
