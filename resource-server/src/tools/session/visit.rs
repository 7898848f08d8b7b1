//! A call of a tool for people, with the identity of its caller.
use crate::{
    accounts::{Accounts, Identity, Known, roles::Permission},
    audit::{Event, EventKind},
    failure::Failure,
    tools::{call::Call, tool::Tool},
};
use anyhow::anyhow;
use keyward_guard::challenge::Refusal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use std::sync::Arc;

/// Arguments, and beside them a credential.
#[derive(Deserialize, JsonSchema)]
struct With<A> {
    #[serde(flatten)]
    arguments: A,
    /// A session token or API key, for clients that cannot send it in the Authorization header.
    session_token: Option<String>,
}

/// A call together with the identity of its caller.
pub(super) struct Visit {
    pub call: Call,
    pub accounts: Arc<Accounts>,
    pub identity: Option<Identity>,
}

/// A tool that anybody may call.
pub(super) fn open<A, R, F>(
    name: &'static str,
    title: &'static str,
    description: &'static str,
    answer: impl Fn(Visit, A) -> F + Send + Sync + 'static,
) -> anyhow::Result<Tool>
where
    A: DeserializeOwned + JsonSchema + Send + 'static,
    R: Serialize + JsonSchema + 'static,
    F: Future<Output = Result<R, Failure>> + Send + 'static,
{
    let answer = Arc::new(answer);
    Tool::waiting(name, title, description, move |call, With { arguments, session_token }: With<A>| {
        let answer = Arc::clone(&answer);
        async move { answer(Visit::new(call, session_token.as_deref()).await?, arguments).await }
    })
}

/// A tool for identified people, with the permission `needed` if there is one.
pub(super) fn closed<A, R, F>(
    name: &'static str,
    title: &'static str,
    description: &'static str,
    needed: Option<Permission>,
    answer: impl Fn(Visit, Identity, A) -> F + Send + Sync + 'static,
) -> anyhow::Result<Tool>
where
    A: DeserializeOwned + JsonSchema + Send + 'static,
    R: Serialize + JsonSchema + 'static,
    F: Future<Output = Result<R, Failure>> + Send + 'static,
{
    let answer = Arc::new(answer);
    open(name, title, description, move |visit: Visit, arguments| {
        let answer = Arc::clone(&answer);
        async move {
            let identity = visit.require(name, needed).await?;
            answer(visit, identity, arguments).await
        }
    })
}

impl Visit {
    /// Identifies the caller by the header, then the argument, then the login on this connection; if several are
    /// present they must be the same person's.
    pub async fn new(call: Call, session_token: Option<&str>) -> Result<Self, Failure> {
        let accounts = accounts_of(&call)?;
        let told = match session_token {
            Some(token) => Some(of_argument(&accounts, token).await?),
            None => None,
        };
        let known = Known::of(&call.caller);
        let all: Vec<_> = [&known.bearer, &told, &known.connection].into_iter().flatten().cloned().collect();
        if all.windows(2).any(|pair| pair[0].user.id != pair[1].user.id) {
            return Err(Failure::new("Two different identities"));
        }
        let identity = all.into_iter().next();
        Ok(Self { call, accounts, identity })
    }

    /// Whether the caller typed their password on this connection, and nobody else uses it.
    pub fn gave_password(&self) -> bool {
        let bound = self.call.connection.as_deref().and_then(|connection| self.accounts.logins.of(connection));
        self.call.alone && bound.is_some_and(|bound| bound.by_password)
    }

    /// The caller's identity, if they have the permission; both outcomes are audited.
    pub async fn require(&self, action: &str, needed: Option<Permission>) -> Result<Identity, Failure> {
        let refused = match &self.identity {
            None => json!({"error": "Authentication required"}),
            Some(identity) if needed.is_none_or(|needed| identity.permissions.contains(&needed)) => {
                let granted = Event { action: Some(action.to_owned()), ..self.event(EventKind::AccessGranted, true) };
                self.accounts.audit.record(granted).await;
                return Ok(identity.clone());
            }
            Some(_) if needed == Some(Permission::Admin) => json!({"error": "Admin access required"}),
            Some(_) => json!({"error": "Permission denied", "required": needed}),
        };
        // A caller who has not logged in yet has violated nothing.
        let kind = if self.identity.is_some() { EventKind::AccessDenied } else { EventKind::AuthenticationRequired };
        let denied = Event { action: Some(action.to_owned()), ..self.event(kind, false) };
        self.accounts.audit.record(Event { details: refused.clone(), ..denied }).await;
        Err(Failure::Told(refused))
    }

    /// An event of this call and its caller.
    pub fn event(&self, kind: EventKind, success: bool) -> Event {
        let user = self.identity.as_ref().map(|identity| &identity.user);
        Event {
            user_id: user.map(|user| user.id.clone()),
            username: user.map(|user| user.username.clone()),
            ..event(&self.call, kind, success)
        }
    }
}

pub(super) fn accounts_of(call: &Call) -> Result<Arc<Accounts>, Failure> {
    call.accounts.clone().ok_or_else(|| Failure::Internal(anyhow!("the surface {} has no people", call.surface)))
}

async fn of_argument(accounts: &Accounts, token: &str) -> Result<Identity, Failure> {
    let known = accounts.identify(token).await.map_err(Failure::Internal)?;
    known.ok_or_else(|| Failure::new("Invalid or expired session token"))
}

pub(super) async fn too_many(accounts: &Accounts, call: &Call, refusal: &Refusal) -> Failure {
    accounts.audit.record(event(call, EventKind::RateLimitExceeded, false)).await;
    let seconds = refusal.retry_after().unwrap_or(1);
    let error = format!("Too many failed attempts; try again in {seconds} s");
    Failure::Told(json!({"success": false, "error": error, "retry_after": seconds}))
}

/// An event of this call.
pub(super) fn event(call: &Call, kind: EventKind, success: bool) -> Event {
    Event {
        resource: Some(call.surface.to_string()),
        client_info: call.client_info.clone(),
        request_id: Some(call.request_id.clone()),
        ..Event::new(kind, success)
    }
}
