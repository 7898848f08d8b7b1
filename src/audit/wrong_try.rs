//! A wrong secret, with which a wait begins.
use super::{Event, Trail};
use crate::{
    events::{AccountKind, EventType, FailureReason},
    model::{ClientId, UserId},
};
use serde_json::json;
use std::net::IpAddr;

/// A secret was wrong: of an account of this kind, and of whom, as far as it is anybody's. What somebody typed as a
/// name may be a password, so that a name that nobody has is not kept.
pub struct WrongTry<'a> {
    pub kind: AccountKind,
    /// As it was typed: what tries are counted by, and never written.
    pub account: &'a str,
    pub user: Option<UserId>,
    pub client: Option<&'a ClientId>,
    pub reason: FailureReason,
    pub address: IpAddr,
}

impl WrongTry<'_> {
    /// A wait begins with it.
    pub async fn begins_wait(&self, trail: &Trail) {
        let event = Event::new(EventType::BruteForceDetected).failed().details(json!({"account": self.kind.as_str()}));
        let event = event.because(self.reason).user(self.user).client(self.client);
        event.tally(trail, &format!("{} {}", self.kind.as_str(), self.account), self.address).await;
    }
}
