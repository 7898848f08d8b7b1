//! The server is killed in the middle of work: every acknowledged change is still there afterwards.
use crate::support::{
    process::{House, Keyward},
    remote::{Address, Person, request_of},
};
use serde_json::{Value, json};
use std::{
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicIsize, Ordering},
    },
};
use tokio::task::JoinSet;

const CHAINS: usize = 20;
const REFRESHES: usize = 2_000;
const REGISTRARS: usize = 8;
const REGISTRATIONS: usize = 200;

/// A refresh family, as its client knows it.
struct Chain {
    client: String,
    /// All that were acknowledged, the newest last.
    refresh_tokens: Vec<String>,
    /// Those since the last start.
    access_tokens: Vec<String>,
}

impl Chain {
    fn newest(&self) -> &str {
        self.refresh_tokens.last().unwrap()
    }

    fn acknowledged(&mut self, tokens: &Value) {
        self.access_tokens.push(tokens["access_token"].as_str().unwrap().to_owned());
        self.refresh_tokens.push(tokens["refresh_token"].as_str().unwrap().to_owned());
    }
}

#[derive(Debug, PartialEq)]
enum Kind {
    Refresh,
    Registration,
}

/// Kills the server the moment one of them is acknowledged, while others are under way.
struct Killer {
    keyward: Mutex<Keyward>,
    kind: Kind,
    /// How many of its kind are let live.
    mercy: AtomicIsize,
}

impl Killer {
    fn acknowledged(&self, kind: &Kind) {
        if self.kind == *kind && self.mercy.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.keyward.lock().unwrap().kill();
        }
    }
}

/// What the clients hold.
struct World {
    chains: Vec<Chain>,
    registered: Vec<String>,
    /// How many registrations were begun; each has a name of its own.
    named: usize,
    keys: String,
    browser: Person,
}

impl World {
    async fn begin(keyward: &Keyward) -> Self {
        let at = &keyward.at;
        let mut browser = at.signed_in("alice", "password123").await;
        let client = register(at, "The one with grants").await.unwrap();
        let mut chains = vec![];
        for _ in 0..CHAINS {
            let back = browser.approve(&request_of(&client)).await;
            let mut chain = Chain { client: client.clone(), refresh_tokens: vec![], access_tokens: vec![] };
            chain.acknowledged(&at.redeem(&client, &back.returned("code").unwrap()).await.json());
            chains.push(chain);
        }
        let keys = at.get("/jwks").await.body;
        Self { chains, registered: vec![], named: 0, keys, browser }
    }

    fn refreshed(&self) -> usize {
        self.chains.iter().map(|chain| chain.refresh_tokens.len() - 1).sum()
    }

    fn left(&self, kind: &Kind) -> usize {
        match kind {
            Kind::Refresh => REFRESHES.saturating_sub(self.refreshed()),
            Kind::Registration => REGISTRATIONS - self.registered.len(),
        }
    }

    /// Everybody works at once until all is done or the server no longer answers.
    async fn work(&mut self, killer: &Arc<Killer>) {
        let at = killer.keyward.lock().unwrap().at.clone();
        let mut refreshing = JoinSet::new();
        let mut share = shares(self.left(&Kind::Refresh), CHAINS);
        for mut chain in self.chains.drain(..) {
            let (at, killer, share) = (at.clone(), killer.clone(), share.next().unwrap());
            refreshing.spawn(async move {
                for _ in share {
                    let Ok(answer) = at.try_refresh(&chain.client, chain.newest()).await else { break };
                    assert_eq!(answer.status, 200, "{answer:?}");
                    chain.acknowledged(&answer.json());
                    killer.acknowledged(&Kind::Refresh);
                }
                chain
            });
        }
        let mut registering = JoinSet::new();
        for share in shares(self.left(&Kind::Registration), REGISTRARS) {
            let (at, killer, begun) = (at.clone(), killer.clone(), self.named);
            self.named += share.len();
            registering.spawn(async move {
                let mut registered = vec![];
                for number in share {
                    let Ok(client) = register(&at, &format!("Agent {}", begun + number)).await else { break };
                    registered.push(client);
                    killer.acknowledged(&Kind::Registration);
                }
                registered
            });
        }
        self.chains = refreshing.join_all().await;
        self.registered.extend(registering.join_all().await.into_iter().flatten());
    }

    /// All that was acknowledged before the server died.
    async fn holds(&mut self, keyward: &Keyward) {
        let at = &keyward.at;
        assert_eq!(at.get("/jwks").await.body, self.keys, "the keys changed");
        for chain in &mut self.chains {
            for token in chain.access_tokens.drain(..) {
                assert_eq!(at.introspect(&token).await["active"], true, "an acknowledged access token is dead");
            }
            // Live, or rotated by a request whose answer was lost: then this brings the same successor.
            let answer = at.refresh(&chain.client, chain.newest()).await;
            assert_eq!(answer.status, 200, "an acknowledged refresh token is dead: {answer:?}");
            chain.acknowledged(&answer.json());
        }
        for client in &self.registered {
            let page = self.browser.get(&request_of(client)).await;
            assert_eq!(page.status, 200, "an acknowledged registration is unknown: {page:?}");
        }
    }
}

/// Cuts `0..total` into this many ranges of about the same length.
fn shares(total: usize, count: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).map(move |number| total * number / count..total * (number + 1) / count)
}

async fn register(at: &Address, name: &str) -> reqwest::Result<String> {
    let asked = json!({"client_name": name, "redirect_uris": ["http://127.0.0.1/callback"],
        "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"]});
    let answer = at.try_register(&asked).await?;
    assert_eq!(answer.status, 201, "{answer:?}");
    Ok(answer.json()["client_id"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_amid_refreshes_and_registrations_it_comes_back_with_all_it_acknowledged() {
    // A machine that is slow to restart must not close the window in which a lost answer is given again.
    let house = House::new().await.set("KEYWARD__TOKENS__REPLAY_WINDOW", "3600");
    let mut keyward = house.demo();
    let mut world = World::begin(&keyward).await;
    for (kind, last) in [(Kind::Registration, false), (Kind::Refresh, false), (Kind::Refresh, true)] {
        // Somewhere in the middle; the last time when all is done.
        let left = world.left(&kind);
        let mercy = if last { left + 1 } else { rand::random_range(left / 8..left / 2) };
        eprintln!("{kind:?} {mercy} of {left} is the last");
        let mercy = AtomicIsize::new(mercy.cast_signed());
        let killer = Arc::new(Killer { keyward: Mutex::new(keyward), kind, mercy });
        world.work(&killer).await;
        assert_eq!(killer.mercy.load(Ordering::Relaxed) <= 0, !last, "it died by itself: {}", house.log());
        drop(Arc::into_inner(killer).unwrap());
        keyward = house.demo();
        world.holds(&keyward).await;
    }
    assert!(world.refreshed() >= REFRESHES && world.registered.len() == REGISTRATIONS);
    for chain in &world.chains {
        one_token_lives(&keyward.at, chain).await;
    }
}

/// Presenting the one before the newest brings the newest again, never another; an older one is theft.
async fn one_token_lives(at: &Address, chain: &Chain) {
    let [.., older, before, newest] = &chain.refresh_tokens[..] else { panic!("no chain") };
    let again = at.refresh(&chain.client, before).await.json();
    assert_eq!(again["refresh_token"], newest.as_str(), "the chain has forked");
    assert_eq!(at.refresh(&chain.client, newest).await.status, 200);
    at.refresh(&chain.client, older).await.refused(400, "invalid_grant");
    at.refresh(&chain.client, newest).await.refused(400, "invalid_grant");
}
