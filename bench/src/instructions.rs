//! Counts what requests cost a server in instructions, which hardly depend on what else the machine does.
//!
//! The server runs under callgrind with `--instr-atstart=no`, and is only counted while a request is under way.
use crate::{
    scenario::{Scenario, Worker},
    scenarios::SCENARIOS,
    site::Site,
};
use anyhow::{Context, ensure};
use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

/// Those that most of a server's work goes into.
const SCENARIOS_COUNTED: [&str; 4] =
    ["client_credentials_es256", "introspection_jwt", "refresh_16", "authorize_remembered"];
/// As many as a resource server has tokens in `introspection_jwt`, so that each is asked about equally often.
const STEPS: u64 = 16;
/// The least of them counts: what a server does from time to time only adds.
const ROUNDS: usize = 8;
/// In percent. Counts of two runs differ by up to three: threads wake each other differently.
const MOST_MORE: f64 = 5.0;
const HEADER: &str = "# Instructions of one request, all of the server's threads together, of a debug build. Written and compared by\n\
    # `./scripts/instructions`.\n";

pub type Counts = BTreeMap<String, u64>;

/// A server under callgrind.
pub struct Counted {
    pub site: Arc<Site>,
    /// What `--callgrind-out-file` names. Counts go to it with a number behind.
    pub dump: PathBuf,
    pub dumps: u32,
}

impl Counted {
    pub async fn counts(&mut self) -> anyhow::Result<Counts> {
        let mut counts = Counts::new();
        for scenario in SCENARIOS.iter().filter(|scenario| SCENARIOS_COUNTED.contains(&scenario.name())) {
            eprint!("\r\x1b[K{}", scenario.title());
            let count = self.count(*scenario).await.with_context(|| scenario.name())?;
            counts.insert(scenario.name().to_owned(), count);
        }
        eprint!("\r\x1b[K");
        Ok(counts)
    }

    async fn count(&mut self, scenario: &dyn Scenario) -> anyhow::Result<u64> {
        let mut workers = scenario.workers(&self.site).await?;
        // One connection, one request after the other.
        workers.truncate(1);
        let worker = workers.first_mut().context("no connection")?;
        self.steps(worker.as_mut()).await?;
        self.control(&["-i", "on"])?;
        self.steps(worker.as_mut()).await?;
        let mut rounds = vec![];
        for _ in 0..ROUNDS {
            self.control(&["-z"])?;
            self.steps(worker.as_mut()).await?;
            rounds.push(self.dumped()? / STEPS);
        }
        self.control(&["-i", "off"])?;
        rounds.into_iter().min().context("no rounds")
    }

    async fn steps(&self, worker: &mut dyn Worker) -> anyhow::Result<()> {
        for _ in 0..STEPS {
            worker.step().await?;
        }
        Ok(())
    }

    fn control(&self, what: &[&str]) -> anyhow::Result<()> {
        let output = Command::new("callgrind_control").args(what).arg(self.site.is.pid.to_string()).output();
        let output = output.context("callgrind_control, which comes with valgrind")?;
        ensure!(output.status.success(), "callgrind_control: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// What was counted since it was last asked.
    fn dumped(&mut self) -> anyhow::Result<u64> {
        self.control(&["-d"])?;
        self.dumps += 1;
        let file = format!("{}.{}", self.dump.display(), self.dumps);
        let text = fs::read_to_string(&file).with_context(|| file.clone())?;
        fs::remove_file(&file)?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals:")).context("callgrind told no total")?;
        Ok(total.trim().parse()?)
    }
}

pub fn written(counts: &Counts) -> String {
    let mut text = HEADER.to_owned();
    for (name, count) in counts {
        let _ = writeln!(text, "{name} = {count}");
    }
    text
}

/// Prints both counts of each, and fails for those that became too many.
pub fn compare(counts: &Counts, with: &Path) -> anyhow::Result<()> {
    let before: Counts = toml::from_str(&fs::read_to_string(with).with_context(|| with.display().to_string())?)?;
    let mut too_many = vec![];
    for (name, count) in counts {
        let known = *before.get(name).with_context(|| format!("{} has no {name}", with.display()))?;
        let more = (to_float(*count) / to_float(known) - 1.0) * 100.0;
        println!("{name:<28}{count:>12}, was {known:>12}   {more:+.1} %");
        if more > MOST_MORE {
            too_many.push(format!("{name} takes {count} instructions, {more:.1} % more than {known}"));
        }
    }
    ensure!(too_many.is_empty(), "{}\nIf that is as it must be: ./scripts/instructions --write", too_many.join("\n"));
    Ok(())
}

#[allow(clippy::cast_precision_loss)] // far from 2^52
fn to_float(count: u64) -> f64 {
    count as f64
}
