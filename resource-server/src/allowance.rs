//! Request rates: how often each caller may call a surface, if its settings say so.
use keyward_guard::{Allowance, challenge::Refusal, clock::Clock};
use keyward_limits::{
    shares::{Quota, Rates},
    source::Source,
};
use std::num::NonZeroU32;

pub(crate) struct RequestRates {
    rates: Rates,
    clock: Clock,
}

impl RequestRates {
    pub fn new(per_minute: NonZeroU32, clock: Clock) -> Self {
        Self { rates: Rates::new(Quota::per_minute(per_minute.get()), Quota::UNBOUNDED), clock }
    }
}

impl Allowance for RequestRates {
    /// Unidentified callers are counted by address.
    fn spend(&self, source: Source) -> Result<(), Refusal> {
        let spent = self.rates.spend(source, self.clock.now());
        spent.map_err(|seconds| Refusal::too_many("too many requests of this kind", seconds))
    }
}
