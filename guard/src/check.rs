//! What a program asks of calls beside their scopes.
use crate::{caller::Caller, challenge::Refusal, wire::Message};
use keyward_limits::source::Source;
use std::sync::Arc;

/// A message that is about to be let through, and who sends it.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub message: &'a Message,
    pub caller: &'a Caller,
}

/// One more check of a gate, after those of its own. It may refuse, and changes nothing: what is only explained is
/// judged by it as well.
#[derive(Clone)]
pub struct Check {
    /// How records and explanations name it.
    pub name: &'static str,
    /// Without the arguments of a call it has nothing to say.
    pub needs_arguments: bool,
    judge: Judge,
}

type Judge = Arc<dyn Fn(Call) -> Result<(), Refusal> + Send + Sync>;

impl Check {
    pub fn new(name: &'static str, judge: impl Fn(Call) -> Result<(), Refusal> + Send + Sync + 'static) -> Self {
        Self { name, needs_arguments: false, judge: Arc::new(judge) }
    }

    /// One that judges what a tool is called with.
    pub fn of_arguments(
        name: &'static str,
        judge: impl Fn(Call) -> Result<(), Refusal> + Send + Sync + 'static,
    ) -> Self {
        Self { needs_arguments: true, ..Self::new(name, judge) }
    }

    pub fn judge(&self, call: Call) -> Result<(), Refusal> {
        (self.judge)(call)
    }
}

/// How often whoever was let in may ask.
pub trait Allowance: Send + Sync {
    /// Takes one request from what this source may still send.
    fn spend(&self, source: Source) -> Result<(), Refusal>;
}
