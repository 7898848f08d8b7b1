//! Logging in, renewing a session, and logging out.
use super::visit::{Visit, accounts_of, event, open, too_many};
use crate::{
    accounts::{Accounts, Bound, Identity, Proof, Refreshed, Tokens, User, is_username, roles::Role},
    audit::{Event, EventKind, Level},
    credentials::session::LOGIN,
    failure::Failure,
    tools::{
        call::Call,
        tool::{NoArguments, Tool},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
struct PasswordArguments {
    username: String,
    password: String,
}

#[derive(Deserialize, JsonSchema)]
struct KeyArguments {
    api_key: String,
}

#[derive(Deserialize, JsonSchema)]
struct RefreshArguments {
    refresh_token: String,
}

#[derive(Serialize, JsonSchema)]
struct Login {
    success: bool,
    /// A JWT for the Authorization header, or for the argument `session_token` of other tools.
    access_token: String,
    /// Good once, for `refresh_session`.
    refresh_token: String,
    token_type: &'static str,
    /// In seconds.
    expires_in: i64,
    session_id: String,
    user: Person,
}

#[derive(Serialize, JsonSchema)]
struct Known {
    success: bool,
    user: Person,
}

#[derive(Serialize, JsonSchema)]
struct Person {
    id: String,
    username: String,
    role: Role,
}

#[derive(Serialize, JsonSchema)]
struct LoggedOut {
    success: bool,
    message: &'static str,
}

pub(super) fn tools() -> anyhow::Result<Vec<Tool>> {
    Ok(vec![
        Tool::waiting(
            LOGIN,
            "Log in",
            "Logs in with user name and password, on this connection, and gives tokens for others.",
            by_password,
        )?
        .writes(),
        Tool::waiting(
            "authenticate_with_api_key",
            "Log in with an API key",
            "Logs in with an API key, on this connection.",
            by_api_key,
        )?
        .writes(),
        Tool::waiting(
            "refresh_session",
            "Renew a session",
            "Gives new tokens for a refresh token, which is thereby used up. Using it once more after a while ends the session.",
            refresh,
        )?
        .writes(),
        open("logout", "Log out", "Ends the session and with it its tokens.", |visit, NoArguments {}| log_out(visit))?
            .writes(),
    ])
}

async fn by_password(call: Call, arguments: PasswordArguments) -> Result<Login, Failure> {
    let PasswordArguments { username, password } = arguments;
    let accounts = accounts_of(&call)?;
    if !is_username(&username) {
        return Err(Failure::new("Invalid username format"));
    }
    let user = known(&accounts, &call, &username, &password).await?;
    let tokens = accounts.log_in(&user).await.map_err(Failure::Internal)?;
    let bound = Bound { proof: Proof::Session(tokens.session_id.clone()), by_password: true };
    logged_in(&accounts, &call, &user, bound, EventKind::LoginSuccess).await;
    Ok(login(&user, tokens))
}

/// The user with this name and password; attempts are counted.
async fn known(accounts: &Accounts, call: &Call, username: &str, password: &str) -> Result<Arc<User>, Failure> {
    let guess = match accounts.attempts.book(username, call.asker).await {
        Ok(guess) => guess,
        Err(refusal) => return Err(too_many(accounts, call, &refusal).await),
    };
    let Some(user) = accounts.check_password(username, password).await.map_err(Failure::Internal)? else {
        let meant = accounts.named(username);
        let reason = if meant.is_some() { "wrong_password" } else { "unknown" };
        let details = json!({"by": "password", "account": meant.map(|user| &user.id), "reason": reason});
        if guess.wrong() {
            let guessed = event(call, EventKind::BruteForceDetected, false);
            let username = meant.map(|user| user.username.clone());
            let guessed = Event { level: Level::Critical, username, details: details.clone(), ..guessed };
            accounts.audit.record(guessed).await;
        }
        return Err(failed(accounts, call, details, "Invalid username or password").await);
    };
    guess.right();
    Ok(user)
}

/// Checks the password of an identified user again.
pub(super) async fn check_again(visit: &Visit, identity: &Identity, password: &str) -> Result<(), Failure> {
    known(&visit.accounts, &visit.call, &identity.user.username, password).await.map(drop)
}

async fn by_api_key(call: Call, KeyArguments { api_key }: KeyArguments) -> Result<Known, Failure> {
    let accounts = accounts_of(&call)?;
    let Some(identity) = accounts.identify_key(&api_key).await.map_err(Failure::Internal)? else {
        return Err(failed(&accounts, &call, json!({"by": "api_key"}), "Invalid API key").await);
    };
    let bound = Bound { proof: identity.proof.clone(), by_password: false };
    logged_in(&accounts, &call, &identity.user, bound, EventKind::LoginSuccess).await;
    Ok(Known { success: true, user: person(&identity.user) })
}

async fn refresh(call: Call, RefreshArguments { refresh_token }: RefreshArguments) -> Result<Login, Failure> {
    let accounts = accounts_of(&call)?;
    match accounts.renew(&refresh_token).await.map_err(Failure::Internal)? {
        Refreshed::Tokens(user, tokens) => {
            let bound = Bound { proof: Proof::Session(tokens.session_id.clone()), by_password: false };
            logged_in(&accounts, &call, &user, bound, EventKind::TokenRefresh).await;
            return Ok(login(&user, tokens));
        }
        Refreshed::Reused(user) => {
            let violation = Event { level: Level::Critical, ..of(&call, &user, EventKind::SecurityViolation, false) };
            let details = json!({"rule": "a refresh token was used twice, so its session ended"});
            accounts.audit.record(Event { details, ..violation }).await;
        }
        Refreshed::Unknown => {}
    }
    Err(Failure::new("Invalid refresh token"))
}

async fn log_out(visit: Visit) -> Result<LoggedOut, Failure> {
    let Visit { call, accounts, identity } = &visit;
    call.connection.iter().for_each(|connection| accounts.logins.unbind(connection));
    let Some(identity) = identity else {
        return Ok(LoggedOut { success: true, message: "Nobody was logged in" });
    };
    let message = match &identity.proof {
        Proof::Session(id) => {
            accounts.store.end_session(&accounts.surface, id).await?;
            "Logged out"
        }
        Proof::ApiKey(_) => "Logged out here; the API key is good until it is revoked",
    };
    accounts.audit.record(visit.event(EventKind::Logout, true)).await;
    Ok(LoggedOut { success: true, message })
}

/// Binds the user to the connection, if there is one.
async fn logged_in(accounts: &Accounts, call: &Call, user: &User, bound: Bound, kind: EventKind) {
    call.connection.iter().for_each(|connection| accounts.logins.bind(connection, call.asker.source, bound.clone()));
    accounts.audit.record(of(call, user, kind, true)).await;
}

/// The typed text is not repeated: it may be a misplaced password.
async fn failed(accounts: &Accounts, call: &Call, details: Value, told: &'static str) -> Failure {
    let failure = Event { error_message: Some(told), ..event(call, EventKind::LoginFailure, false) };
    accounts.audit.record(Event { details, ..failure }).await;
    Failure::new(told)
}

fn of(call: &Call, user: &User, kind: EventKind, success: bool) -> Event {
    let (user_id, username) = (Some(user.id.clone()), Some(user.username.clone()));
    Event { user_id, username, ..event(call, kind, success) }
}

fn login(user: &Arc<User>, tokens: Tokens) -> Login {
    Login {
        success: true,
        access_token: tokens.access_token,
        refresh_token: tokens.refresh_token,
        token_type: "Bearer",
        expires_in: tokens.expires_in.whole_seconds(),
        session_id: tokens.session_id,
        user: person(user),
    }
}

fn person(user: &User) -> Person {
    Person { id: user.id.clone(), username: user.username.clone(), role: user.role }
}
