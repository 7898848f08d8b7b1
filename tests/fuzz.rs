//! Valid inputs changed at random: nothing panics, nothing fails internally, and refused requests change nothing.
//!
//! A target judges every input of its corpus (`tests/corpus/TARGET`) and then some inputs made from them. By default
//! those are few and always the same. `FUZZ_SECONDS=600 cargo test --test main fuzz::proofs` continues for ten minutes,
//! from a seed that is printed and that `FUZZ_SEED` sets, and adds inputs with a new outcome to the corpus.
mod basic;
mod bend;
mod corpus;
mod documents;
mod forms;
mod guarded;
mod jws;
mod jwts;
mod proofs;
mod redirect_uris;
mod world;

pub use bend::Dice;
use bend::bend;
use corpus::Corpus;
use std::{collections::BTreeSet, time::Instant};

/// Executions beyond the corpus when nobody asks for more.
const FEW: usize = 200;
/// Then the server begins anew, so that what it stores and counts stays small.
const A_SERVERS_LIFE: usize = 10_000;
/// Executions spent on making an input that came to a new end smaller.
const TRIES_AT_SMALLER: usize = 60;

pub trait Target: Sized {
    const NAME: &'static str;
    /// What means something in these inputs.
    const WORDS: &'static [&'static str];
    async fn start() -> Self;
    /// Fails where a property does; answers how each thing ended that the input was used for.
    async fn judge(&self, input: &[u8]) -> Vec<String>;
}

pub async fn run<T: Target>() {
    let seconds = number("FUZZ_SECONDS");
    let seed = number("FUZZ_SEED").unwrap_or(if seconds.is_some() { rand::random() } else { 1 });
    let (mut dice, mut corpus) = (Dice(seed), Corpus::load(T::NAME));
    let (mut target, mut known) = (Box::pin(T::start()).await, BTreeSet::new());
    for input in &corpus.inputs {
        known.extend(judge(&target, input).await);
    }
    let (replayed, mut executions, began) = (corpus.inputs.len(), 0, Instant::now());
    while seconds.map_or(executions < FEW, |seconds| began.elapsed().as_secs() < seconds) {
        if executions % A_SERVERS_LIFE == A_SERVERS_LIFE - 1 {
            target = Box::pin(T::start()).await;
        }
        let input = bend(&mut dice, &corpus.inputs, T::WORDS);
        let ends = judge(&target, &input).await;
        executions += 1;
        let Some(new) = ends.into_iter().find(|end| !known.contains(end)) else { continue };
        if seconds.is_some() {
            let input = smaller(&target, &mut dice, input, &new).await;
            known.extend(judge(&target, &input).await);
            corpus.keep(input);
        }
        known.insert(new);
    }
    println!(
        "{}: {replayed} inputs of the corpus, {executions} bent ones from seed {seed}, {} ends, {} inputs kept",
        T::NAME,
        known.len(),
        corpus.inputs.len() - replayed
    );
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

async fn judge<T: Target>(target: &T, input: &[u8]) -> Vec<String> {
    let _blamed = corpus::Blamed { target: T::NAME, input };
    target.judge(input).await
}

/// The input without what does not matter for this end.
async fn smaller<T: Target>(target: &T, dice: &mut Dice, input: Vec<u8>, end: &String) -> Vec<u8> {
    let mut smallest = input;
    for _ in 0..TRIES_AT_SMALLER {
        let less = bend::shorten(dice, &smallest);
        if less.len() < smallest.len() && judge(target, &less).await.contains(end) {
            smallest = less;
        }
    }
    smallest
}
