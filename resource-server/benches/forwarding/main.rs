//! What a guarded call costs a guard: with a token it knows and with one it sees for the first time, each against a bare
//! reverse proxy of the same crates. `cargo bench --bench forwarding -- --seconds 3 --rounds 5`
//!
//! Each part is a process of its own. What is compared is the processor time that a process took for a call, in ratios
//! of one run; other figures depend on the machine. `KEYWARD_GUARD_BINARY` names another guard to compare.
mod issuer;
mod parts;
mod traffic;

use anyhow::{Context, ensure};
use parts::Part;
use std::{env, time::Duration};
use traffic::Calls;

/// Connections at once.
const CONNECTIONS: usize = 16;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = env::args().collect();
    let named = |name: &str| arguments.iter().position(|own| own == name).and_then(|at| arguments.get(at + 1));
    if let Some(part) = named("--part") {
        return parts::run(part);
    }
    let number = |name, otherwise| named(name).map_or(Ok(otherwise), |text| text.parse::<u32>());
    let (seconds, rounds) = (number("--seconds", 2)?, number("--rounds", 5)?);
    ensure!(seconds > 0 && rounds > 0, "--seconds and --rounds must be more than 0");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(compare(Duration::from_secs(seconds.into()), rounds))
}

async fn compare(each: Duration, rounds: u32) -> anyhow::Result<()> {
    let issuer = issuer::Issuer::start().await?;
    let _server = Part::start("server", &issuer.url)?;
    let (guard, bare) = (Part::start("guard", &issuer.url)?, Part::start("bare", &issuer.url)?);
    let calls = Calls::new(CONNECTIONS)?;
    let known = [issuer.token()?];
    // Warm: keys are fetched, connections are open.
    calls.send(&guard, &known, each / 4).await?;
    calls.send(&bare, &known, each / 4).await?;
    let mut ratios = [vec![], vec![], vec![]];
    for round in 1..=rounds {
        let (of_bare, rate) = calls.send(&bare, &known, each).await?;
        let (of_known, guarded) = calls.send(&guard, &known, each).await?;
        // As many as will be sent, and no more: none of them is seen twice.
        let count = usize::try_from(guarded * u64::from(u32::try_from(each.as_secs())?) * 2)?;
        let new = (0..count).map(|_| issuer.token()).collect::<anyhow::Result<Vec<_>>>()?;
        let (of_new, _) = calls.send(&guard, &new, each).await?;
        println!("round {round}: bare {of_bare:.1} us ({rate}/s), known {of_known:.1} us, first seen {of_new:.1} us");
        ratios[0].push(of_known / of_bare);
        ratios[1].push(of_new / of_bare);
        ratios[2].push(of_known / of_new);
    }
    let [known, new, saved] = ratios.map(median);
    println!("a call with a known token against the bare proxy: {:.2}", known.context("no round")?);
    println!("a call with a token first seen against the bare proxy: {:.2}", new.context("no round")?);
    println!("a call with a known token against one first seen: {:.2}", saved.context("no round")?);
    Ok(())
}

fn median(mut ratios: Vec<f64>) -> Option<f64> {
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied()
}
