//! The link that creates the first administrator, or restores the access of one who is locked out.
use super::sign_in::new_user;
use crate::{
    app::App,
    audit,
    error::OAuthError,
    events::EventType,
    model::{AnsweredForm, FormAnswer, Role},
    secrets::{Digest, SetupToken},
    storage::{
        setup_tokens,
        users::{self, SetupTokenUse},
    },
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

/// How long a link is valid.
const LIFETIME: Duration = Duration::hours(24);

/// A valid link.
pub struct SetupLink {
    pub url: String,
    pub expires_at: OffsetDateTime,
}

/// The outcome of submitting a name and a password with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupOutcome {
    /// A new administrator was created.
    Created,
    /// An administrator who was locked out has a new password.
    Recovered,
    /// The link was used, has expired, or was replaced.
    Spent,
    /// Another user, who is no administrator, has that name.
    NameTaken,
}

/// The link that creates the first administrator, the same on every node and after every restart; `None` if there is an
/// administrator.
pub async fn first(app: &App) -> anyhow::Result<Option<SetupLink>> {
    if users::any_admin(&app.db).await? {
        return Ok(None);
    }
    let proposed = proposal(app, false);
    let Some(stored) = setup_tokens::get_or_replace(&app.db, &proposed).await? else { return Ok(None) };
    let stored = if is_ours(app, &stored) {
        stored
    } else {
        // The stored link was made under another master key, so this server cannot compute it.
        setup_tokens::replace(&app.db, &proposed).await?;
        proposed
    };
    Ok(Some(shown(app, &stored)))
}

/// A link that is not stored yet.
pub fn proposal(app: &App, recovers: bool) -> setup_tokens::StoredSetupLink {
    let (seed, now) = (rand::random::<[u8; 32]>(), app.clock.now());
    setup_tokens::StoredSetupLink {
        token_hash: SetupToken::derived(app.derived_keys.forms(), &seed).digest(),
        seed: Some(seed.to_vec()),
        recovers,
        expires_at: now + LIFETIME,
        created_at: now,
    }
}

fn is_ours(app: &App, link: &setup_tokens::StoredSetupLink) -> bool {
    token(app, link).digest().matches(&link.token_hash)
}

fn token(app: &App, link: &setup_tokens::StoredSetupLink) -> SetupToken {
    SetupToken::derived(app.derived_keys.forms(), link.seed.as_deref().unwrap_or_default())
}

/// The URL of a stored link.
pub fn shown(app: &App, link: &setup_tokens::StoredSetupLink) -> SetupLink {
    let url = format!("{}/setup?token={}", app.config.base(), token(app, link).expose());
    SetupLink { url, expires_at: link.expires_at }
}

/// Creates an administrator, once, for whoever holds the link. A recovery link used with an administrator's name sets a
/// new password instead, and enables that account.
pub async fn use_up(
    app: &App,
    token: &SetupToken,
    username: &str,
    password: &str,
    form: &Digest,
) -> Result<SetupOutcome, OAuthError> {
    let user = new_user(app, username, password, Role::Admin).await?;
    let now = app.clock.now();
    let form = AnsweredForm { form_hash: form.clone(), answer: FormAnswer::SetUp, answered_at: now };
    let done = users::make_admin(&app.db, &user, &token.digest(), now, Some(&form)).await?;
    let (outcome, event, id) = match done {
        SetupTokenUse::Nobody => return Ok(SetupOutcome::Spent),
        SetupTokenUse::NameTaken => return Ok(SetupOutcome::NameTaken),
        SetupTokenUse::Created => (SetupOutcome::Created, audit::Event::new(EventType::UserCreated), user.id),
        SetupTokenUse::Recovered(id) => {
            (SetupOutcome::Recovered, audit::Event::new(EventType::PasswordReset).warning(), id)
        }
    };
    let details = json!({"username": user.username, "role": user.role, "by": "setup link"});
    event.user(id).details(details).record(&app.audit).await;
    Ok(outcome)
}
