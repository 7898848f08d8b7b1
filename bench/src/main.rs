//! Puts load on one authorization server, or on two in turn, and prints what each request costs them.
mod argon2_limit;
mod browser;
mod compare;
mod keys;
mod load;
mod process;
mod protocol;
mod report;
mod scenario;
mod scenarios;
mod site;
mod wire;

use anyhow::{Context, ensure};
use browser::Browser;
use clap::{Parser, Subcommand};
use compare::Plan;
use scenario::Scenario;
use scenarios::SCENARIOS;
use site::Site;
use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

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
        Verb::List => {
            for scenario in SCENARIOS {
                println!("{:<28}{}", scenario.name(), scenario.title());
            }
            Ok(())
        }
        Verb::SignUp { server, link } => {
            let site = Site::read(&server).await?;
            Browser::new(&site, 0)?.sign_up(&link).await
        }
    }
}

impl Run {
    async fn measure(self) -> anyhow::Result<()> {
        ensure!(
            self.svg.is_none() || self.servers.len() == 2,
            "--svg draws ratios, for which there must be two servers"
        );
        let chosen = chosen(&self.only)?;
        let mut sites: Vec<Arc<Site>> = vec![];
        for file in &self.servers {
            sites.push(Site::read(file).await.with_context(|| file.display().to_string())?);
        }
        let plan = Plan { length: Duration::from_secs(self.seconds), pairs: self.pairs };
        let cases = plan.run(&sites, &chosen).await?;
        print!("{}", report::table(&sites, &cases));
        if let Some(file) = &self.json {
            std::fs::write(file, report::json(&sites, &cases)?).with_context(|| file.display().to_string())?;
        }
        if let Some(file) = &self.svg {
            std::fs::write(file, report::svg(&sites, &cases)).with_context(|| file.display().to_string())?;
        }
        Ok(())
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
