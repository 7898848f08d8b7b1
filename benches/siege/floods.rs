//! What strangers do, all at once and without end: each flood has tasks, which send one request after the other.
mod attacks;

use super::{people::PEOPLE, servers::Servers, wire::Line};
use anyhow::Context;
use attacks::Field;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinSet, time::timeout};

/// No attack waits longer for the server than that.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two of a task: all of them share two processors with the servers.
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flood {
    WrongPasswordsForOneAccount,
    WrongPasswordsForManyAccounts,
    WrongClientSecrets,
    Devices,
    Registrations,
    LargeRegistrations,
    PushedRequests,
    LongSignIns,
    Proofs,
    LargeKeys,
    KeysElsewhere,
    SlowHeads,
    SlowBodies,
    IdleSockets,
    WrongBasic,
    NoCredential,
    AnonymousSessions,
    GuessesAtALogin,
    UnknownKeys,
    HeavyQueries,
}

/// Where a flood comes from.
#[derive(Clone, Copy)]
enum From {
    One,
    Twenty,
    Many,
}

impl Flood {
    /// How many tasks, and from where.
    const ALL: [(Self, usize, From); 20] = [
        (Self::WrongPasswordsForOneAccount, 8, From::Many),
        (Self::WrongPasswordsForManyAccounts, 60, From::One),
        (Self::WrongClientSecrets, 4, From::Many),
        (Self::Devices, 20, From::Twenty),
        (Self::Registrations, 4, From::One),
        (Self::LargeRegistrations, 8, From::Many),
        (Self::PushedRequests, 8, From::Many),
        (Self::LongSignIns, 8, From::Many),
        (Self::Proofs, 4, From::Many),
        (Self::LargeKeys, 4, From::Many),
        (Self::KeysElsewhere, 4, From::One),
        (Self::SlowHeads, 200, From::One),
        (Self::SlowBodies, 40, From::Twenty),
        (Self::IdleSockets, 200, From::One),
        (Self::WrongBasic, 8, From::Twenty),
        (Self::NoCredential, 8, From::Many),
        (Self::AnonymousSessions, 8, From::One),
        (Self::GuessesAtALogin, 20, From::Twenty),
        (Self::UnknownKeys, 4, From::Many),
        (Self::HeavyQueries, 4, From::Twenty),
    ];

    fn address(self, from: From) -> Ipv4Addr {
        let own = 10 + u8::try_from(self as usize).unwrap_or(0);
        let [high, low] = rand::random::<[u8; 2]>();
        match from {
            From::One => Ipv4Addr::new(127, own, 0, 1),
            From::Twenty => Ipv4Addr::new(127, own, 0, 1 + low % 20),
            From::Many => Ipv4Addr::new(127, own, high, low.max(1)),
        }
    }
}

/// How often each flood got which status; 0 stands for no answer.
pub type Answers = BTreeMap<Flood, BTreeMap<u16, usize>>;

/// All floods, until `stopped`.
pub async fn rage(
    servers: &Servers,
    stopped: &Arc<AtomicBool>,
) -> anyhow::Result<JoinSet<(Flood, BTreeMap<u16, usize>)>> {
    let field = Arc::new(Field::prepare(servers).await.context("preparing the floods")?);
    let mut raging = JoinSet::new();
    for (flood, tasks, from) in Flood::ALL {
        for _ in 0..tasks {
            raging.spawn(send(flood, from, Arc::clone(&field), Arc::clone(stopped)));
        }
    }
    Ok(raging)
}

async fn send(flood: Flood, from: From, field: Arc<Field>, stopped: Arc<AtomicBool>) -> (Flood, BTreeMap<u16, usize>) {
    let mut answers = BTreeMap::new();
    while !stopped.load(Ordering::Relaxed) {
        let sent = timeout(PATIENCE, field.attack(flood, flood.address(from)));
        let status = sent.await.ok().and_then(Result::ok).unwrap_or(0);
        *answers.entry(status).or_default() += 1;
        tokio::time::sleep(PAUSE).await;
    }
    (flood, answers)
}

pub fn gathered(all: Vec<(Flood, BTreeMap<u16, usize>)>) -> Answers {
    let mut answers = Answers::new();
    for (flood, own) in all {
        let known = answers.entry(flood).or_default();
        for (status, many) in own {
            *known.entry(status).or_default() += many;
        }
    }
    answers
}

pub fn print(answers: &Answers) {
    println!("\n{:32} answers, by status (0: none)", "flood");
    for (flood, own) in answers {
        let own: Vec<_> = own.iter().map(|(status, many)| format!("{status}: {many}")).collect();
        println!("{:32} {}", format!("{flood:?}"), own.join(", "));
    }
}
