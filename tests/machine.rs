//! Compares the life of grants with a model: after each random step, responses and live tokens must be the same.
//!
//! 20,000 steps from a fixed seed; `MACHINE_SEED` sets another seed, `MACHINE_STEPS` another number. A disagreement is
//! reported as the shortest sequence of steps that leads to it.
mod model;
mod real;

use crate::fuzz::Dice;
use crate::support::app::{MCP, OTHER};
use model::{ACCESS, CODE, DAY, IDLE, Key, LIFETIME, Model, Narrow, Step, WINDOW};
use real::Real;

const STEPS: usize = 20_000;
/// On PostgreSQL each of the dozen questions that follow a step crosses a socket: more would take many minutes, and
/// what the steps mean is the same there.
const STEPS_ON_POSTGRES: usize = 1_000;
/// Of one sequence, which begins without grants.
const LENGTH: usize = 60;
/// How many ways of shortening are tried on a sequence that shows a disagreement.
const TRIES: usize = 300;

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

/// A step that may mean something; which code or token it is about is told by counting back from the newest.
/// `habit` is the key that is mostly used.
fn any_step(dice: &mut Dice, habit: Key) -> Step {
    let rarely = |dice: &mut Dice| dice.below(12) == 0;
    let key = |dice: &mut Dice| if dice.below(8) == 0 { [None, Some(0), Some(1)][dice.below(3)] } else { habit };
    let recent = |dice: &mut Dice| if dice.below(3) > 0 { 0 } else { dice.below(7) };
    match dice.below(40) {
        0..=5 => {
            Step::Issue { client: dice.below(2), both: dice.below(2) == 0, key: key(dice).filter(|_| rarely(dice)) }
        }
        6..=11 => {
            let (code, foreign, key) = (recent(dice), rarely(dice), key(dice));
            Step::Exchange { code, foreign, key, guess: rarely(dice), narrow: any_narrow(dice) }
        }
        12..=27 => {
            let (token, foreign, key) = (recent(dice), rarely(dice), key(dice));
            Step::Refresh { token, foreign, key, narrow: any_narrow(dice) }
        }
        28 | 29 => Step::Revoke { token: recent(dice), foreign: dice.below(3) > 0 },
        30 => Step::Withdraw { token: recent(dice) },
        31 | 32 => Step::Lock { locked: dice.below(4) == 0 },
        33 | 34 => Step::Disable { client: dice.below(2), disabled: dice.below(4) == 0 },
        35 => Step::Sweep,
        _ => {
            let short = [1, 1, 7, WINDOW - 1, WINDOW, CODE - 1, CODE];
            let long = [ACCESS - 1, ACCESS, IDLE - 1, IDLE, LIFETIME - IDLE, LIFETIME, 3_601, DAY];
            Step::Wait { seconds: if dice.below(3) > 0 { *dice.one_of(&short) } else { *dice.one_of(&long) } }
        }
    }
}

fn any_narrow(dice: &mut Dice) -> Narrow {
    let scopes = [Some("mcp:read"), Some("other:read"), Some("mcp:read mcp:admin")];
    let resources = [Some(MCP), Some(OTHER), Some("https://evil.example/mcp")];
    let mut sometimes = |all: [Option<&'static str>; 3]| if dice.below(6) == 0 { *dice.one_of(&all) } else { None };
    Narrow { scope: sometimes(scopes), resource: sometimes(resources) }
}

/// Where in the sequence, and what differs.
async fn play(real: &mut Real, steps: &[Step]) -> Result<(), String> {
    let mut model = Model::new(real.begin().await, real.rotates);
    for (at, step) in steps.iter().enumerate() {
        let Some(step) = meant(&model, step) else { continue };
        real.step(&mut model, &step).await.map_err(|difference| format!("step {at} {step:?}: {difference}"))?;
    }
    Ok(())
}

/// The step with places instead of distances; `None` if there is nothing it could be about.
fn meant(model: &Model, step: &Step) -> Option<Step> {
    let back = |count: usize, distance: usize| count.checked_sub(1 + distance % count.max(1));
    let mut step = step.clone();
    match &mut step {
        Step::Exchange { code, .. } => *code = back(model.codes(), *code)?,
        Step::Refresh { token, .. } => {
            let places = model.refresh_tokens();
            *token = places[back(places.len(), *token)?];
        }
        Step::Revoke { token, .. } | Step::Withdraw { token } => {
            *token = back(model.tokens.len(), *token)?;
        }
        _ => {}
    }
    Some(step)
}

/// Leaves out what can be left out.
async fn shortest(real: &mut Real, mut steps: Vec<Step>, dice: &mut Dice) -> (Vec<Step>, String) {
    let mut difference = play(real, &steps).await.expect_err("a disagreement that does not come back");
    for _ in 0..TRIES {
        let mut fewer = steps.clone();
        let from = dice.below(fewer.len());
        fewer.drain(from..(from + 1 + dice.below(4)).min(steps.len()));
        if let Err(still) = play(real, &fewer).await {
            (steps, difference) = (fewer, still);
        }
    }
    (steps, difference)
}

async fn agree(rotate_confidential: bool) {
    let on_postgres = std::env::var("TEST_DATABASE_URL").is_ok();
    let seed = number("MACHINE_SEED").unwrap_or(1) as u64 * 2 + u64::from(rotate_confidential);
    let steps = number("MACHINE_STEPS").unwrap_or(if on_postgres { STEPS_ON_POSTGRES } else { STEPS }) / 2;
    let (mut dice, mut real) = (Dice(seed), Box::pin(Real::start(rotate_confidential)).await);
    for sequence in 0.. {
        if real.compared >= steps {
            break;
        }
        let habit = [None, Some(0)][dice.below(2)];
        let steps: Vec<_> = (0..LENGTH).map(|_| any_step(&mut dice, habit)).collect();
        if play(&mut real, &steps).await.is_err() {
            let (steps, difference) = shortest(&mut real, steps, &mut dice).await;
            panic!("seed {seed}, sequence {sequence}: {difference}\n{steps:#?}");
        }
    }
    println!("{} answers were compared, {} of them with tokens; seed {seed}", real.compared, real.issued);
    assert!(real.issued * 12 > real.compared, "too little succeeded: this says nothing");
}

#[tokio::test]
async fn grants_do_what_the_model_says_where_refresh_tokens_of_confidential_clients_stay() {
    Box::pin(agree(false)).await;
}

#[tokio::test]
async fn grants_do_what_the_model_says_where_all_refresh_tokens_rotate() {
    Box::pin(agree(true)).await;
}
