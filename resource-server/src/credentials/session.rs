//! `session`: everybody may connect. People identify themselves with a session token, an API key, or a login tool on
//! the same connection.
use super::{
    bearer_keys::{Realm, bearer, broken},
    kind::{Built, Kind, Setup},
};
use crate::{
    accounts::{self, Accounts, Identity, Known},
    attempts::Asker,
    connection::{Connection, connection},
};
use anyhow::Context;
use axum::http::{header, request::Parts};
use futures_util::future::{BoxFuture, FutureExt};
use keyward_guard::{
    caller::{Caller, NO_SCHEME, Principal},
    challenge::Refusal,
    credential::Credential,
    json,
    wire::Message,
};
use serde_json::Value;
use std::sync::Arc;

/// The tool whose failures lock an account.
pub(crate) const LOGIN: &str = "authenticate_user";

pub(super) const KIND: Kind = Kind {
    name: accounts::KIND,
    shown: "nothing to come in; then authenticate_user, or Authorization: Bearer <session token or API key>",
    login: None,
    curl: "",
    build,
};

struct Sessions {
    accounts: Arc<Accounts>,
    realm: Realm,
}

fn build(setup: &Setup) -> anyhow::Result<Built> {
    let accounts = setup.accounts.get(&setup.settings.id).context("its people are not there")?;
    Ok(Built::everywhere(Sessions { accounts: Arc::clone(accounts), realm: Realm(setup.title.to_owned()) }))
}

fn anonymous() -> Principal {
    [accounts::KIND, "anonymous", ""].map(str::to_owned)
}

impl Sessions {
    async fn judge(&self, parts: &mut Parts) -> Result<Caller, Refusal> {
        let asker = Asker::of(&parts.extensions);
        let bearer = self.of_bearer(parts, asker).await;
        parts.headers.remove(header::AUTHORIZATION);
        let known = Known { bearer: bearer?, connection: self.of_connection(parts).await? };
        let scheme = if known.bearer.is_some() { "Bearer" } else { NO_SCHEME };
        let principal = known.first().map(|identity| [accounts::KIND, &identity.user.id, ""].map(str::to_owned));
        let mut caller = Caller::of_kind(accounts::KIND, "anonymous", scheme);
        caller.principal = principal.unwrap_or_else(anonymous);
        // After a login the client continues with its anonymous session.
        caller.joins = Some(anonymous());
        caller.extensions.insert(asker);
        Ok(known.introduce(caller))
    }

    /// A credential that is sent must be valid: a wrong one does not count as anonymous.
    async fn of_bearer(&self, parts: &Parts, asker: Asker) -> Result<Option<Identity>, Refusal> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(None);
        }
        let found = match bearer(&parts.headers, &self.realm)? {
            Some(presented) => self.accounts.identify(presented).await.map_err(|error| broken(&error, parts))?,
            None => None,
        };
        if found.is_none() {
            let text = "unknown: the credential is no session token or API key of this surface, or it has ended";
            return Err(self.accounts.attempts.noise(asker, self.realm.invalid_token(text)));
        }
        Ok(found)
    }

    /// The user who logged in on the session or process of this request; the gate checks whose session it is.
    async fn of_connection(&self, parts: &Parts) -> Result<Option<Identity>, Refusal> {
        let Some(bound) = connection(parts).and_then(|connection| self.accounts.logins.of(connection)) else {
            return Ok(None);
        };
        self.accounts.identify_by(&bound.proof).await.map_err(|error| broken(&error, parts))
    }
}

impl Credential for Sessions {
    fn admit<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Result<Caller, Refusal>> {
        self.judge(parts).boxed()
    }

    fn insufficient_scope(&self, _: &Caller, id: &Value, _: &str, data: Value) -> Refusal {
        Refusal::insufficient_scope(id, "the credential lacks a scope this call needs", data)
    }

    /// Refuses if a password may not be tried now.
    fn check_sign_in(&self, caller: &Caller, message: Option<&Message>) -> Result<(), Refusal> {
        let Some(message) = message.filter(|message| message.tool() == Some(LOGIN)) else { return Ok(()) };
        let username = json::member(message.arguments(), "username").and_then(json::text);
        let asker = caller.extensions.get().copied().unwrap_or_default();
        username.map_or(Ok(()), |username| self.accounts.attempts.check(&username, asker))
    }

    /// A login on a session counts only for its messages; a login on this process counts for all.
    fn outside_sessions(&self, caller: &Caller, parts: &Parts) -> Option<Caller> {
        let known = Known::of(caller);
        if known.connection.is_none() || parts.extensions.get::<Connection>().is_some() {
            return None;
        }
        let joined = caller.joins.clone().filter(|_| known.bearer.is_none());
        let principal = joined.unwrap_or_else(|| caller.principal.clone());
        Some(Known { connection: None, ..known }.introduce(Caller { principal, ..caller.clone() }))
    }
}
