//! How often whoever was let in may ask, where a surface says so: each for themselves.
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
    /// Where anybody may call, addresses are told apart.
    fn spend(&self, source: Source) -> Result<(), Refusal> {
        let spent = self.rates.spend(source, self.clock.now());
        spent.map_err(|seconds| Refusal::too_many("too many requests of this kind", seconds))
    }
}
