//! How often whoever was let in may ask, where a surface says so: each for themselves.
use crate::{
    attempts::Budget,
    caller::{Caller, Principal},
    challenge::Refusal,
    clock::Clock,
};
use axum::{extract::ConnectInfo, http::Extensions};
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
};
use time::Duration;

/// Callers remembered; beyond, those who have been quiet for a minute are forgotten, and if there are none, all are.
const MOST: usize = 10_000;

pub(crate) struct Allowance {
    per_minute: usize,
    budgets: Mutex<HashMap<Who, Budget>>,
    clock: Clock,
}

/// Where anybody may call, addresses are told apart.
type Who = (Principal, Option<IpAddr>);

impl Allowance {
    pub fn new(per_minute: usize, clock: Clock) -> Self {
        Self { per_minute, budgets: Mutex::default(), clock }
    }

    pub fn spend(&self, caller: &Caller, extensions: &Extensions) -> Result<(), Refusal> {
        let address = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let who = (caller.principal.clone(), address.filter(|_| caller.scheme == "none"));
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        if budgets.len() >= MOST && !budgets.contains_key(&who) {
            budgets.retain(|_, budget| !budget.is_whole());
            if budgets.len() >= MOST {
                budgets.clear();
            }
        }
        let new = || Budget::new(self.per_minute, Duration::MINUTE, self.clock.clone());
        budgets.entry(who).or_insert_with(new).spend()
    }
}
