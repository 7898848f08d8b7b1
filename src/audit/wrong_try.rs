//! Wrong secrets that made an account or address wait.
use super::{Event, Trail};
use crate::{
    events::{AccountKind, EventType, FailureReason},
    model::{ClientId, UserId},
};
use serde_json::json;
use std::net::IpAddr;

/// A wrong secret: the kind of account it was for, and the account itself if it exists. A name that no account has is
/// not stored, because people sometimes type their password there.
pub struct WrongTry<'a> {
    pub kind: AccountKind,
    /// The name as it was typed: tries are counted by it, and it is never written.
    pub account: &'a str,
    pub user: Option<UserId>,
    pub client: Option<&'a ClientId>,
    pub reason: FailureReason,
    pub address: IpAddr,
}

impl WrongTry<'_> {
    /// Records that the account or address has to wait from now on.
    pub async fn begins_wait(&self, trail: &Trail) {
        let event = Event::new(EventType::BruteForceDetected).failed().details(json!({"account": self.kind.as_str()}));
        let event = event.because(self.reason).user(self.user).client(self.client);
        event.tally(trail, &format!("{} {}", self.kind.as_str(), self.account), self.address).await;
    }
}
