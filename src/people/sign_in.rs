//! Signs people in with a password, and creates accounts.
use super::known_browser;
use crate::{
    app::App,
    audit::{self, WrongTry},
    error::OAuthError,
    events::{AccountKind, EventType, FailureReason},
    limits::source,
    model::{Role, User, UserId},
    passwords::MAX_LENGTH,
    storage::users,
};
use keyward_limits::spelling::normal_form;
use std::net::IpAddr;

/// `None` for an unknown user, a wrong password and a disabled account alike, after the same time; only the audit trail
/// says which. `marks` are those of the browser. `begin` begins the session, and returns `false` if the account was
/// disabled or got another password in that moment.
pub async fn sign_in(
    app: &App,
    username: &str,
    password: &str,
    address: IpAddr,
    marks: &str,
    begin: impl AsyncFnOnce(&User) -> Result<bool, OAuthError>,
) -> Result<Option<User>, OAuthError> {
    let (typed, username) = (username, &*normal_form(username));
    let mut known = None;
    // Older versions stored usernames in another normal form.
    for name in [username, typed].into_iter().take(1 + usize::from(typed != username)) {
        if known.is_none() && name.len() <= MAX_LENGTH {
            known = users::find_by_username(&app.db, name).await?;
        }
    }
    let known_browser = known.as_ref().is_some_and(|user| known_browser::is_known(app, marks, user));
    let account: String = username.chars().take(MAX_LENGTH).collect();
    let user_id = known.as_ref().map(|user| user.id);
    let failure = |reason| audit::Event::new(EventType::LoginFailure).failed().user(user_id).because(reason);
    let booked = match app.limits.guesses.sign_in(&account, address, known_browser).await {
        Ok(booked) => booked,
        Err(error) => {
            failure(FailureReason::Throttled).tally(&app.audit, &account, address).await;
            return Err(error);
        }
    };
    let hash = known.as_ref().map(|user| user.password_hash.as_str());
    // If the password cannot be checked, the attempt is not counted.
    let right = app.passwords.verify(password, hash, source(address)).await?;
    let reason = match &known {
        None => FailureReason::Unknown,
        Some(user) if right && user.disabled_at.is_some() => FailureReason::Disabled,
        // It may have been the right password until the session began.
        Some(_) => FailureReason::WrongPassword,
    };
    let user = match known.filter(|user| right && user.disabled_at.is_none()) {
        Some(user) if begin(&user).await? => Some(user),
        _ => None,
    };
    app.metrics.sign_in(user.is_some());
    if let Some(user) = &user {
        booked.right();
        audit::Event::new(EventType::LoginSuccess).user(user.id).from(address).record(&app.audit).await;
    } else {
        let waits = booked.wrong(app.clock.now());
        failure(reason).tally(&app.audit, &account, address).await;
        if waits {
            let account = account.as_str();
            let wrong = WrongTry { kind: AccountKind::User, account, user: user_id, client: None, reason, address };
            wrong.begins_wait(&app.audit).await;
        }
    }
    Ok(user)
}

/// Why a chosen name or password is not acceptable; `None` if both are.
#[must_use]
pub fn refuse_choice(username: &str, password: &str) -> Option<&'static str> {
    if !is_username(&normal_form(username)) {
        return Some("A username has 3 to 50 letters, digits or the signs _ - . @");
    }
    refuse_password(username, password)
}

/// Why a password is not acceptable for this user; `None` if it is.
#[must_use]
pub fn refuse_password(username: &str, password: &str) -> Option<&'static str> {
    let (username, password) = (&*normal_form(username), &*normal_form(password));
    if !(8..=MAX_LENGTH).contains(&password.chars().count()) {
        return Some("A password has 8 to 128 characters.");
    }
    let guesses = zxcvbn::zxcvbn(password, &[username, "keyward"]);
    (guesses.score() < zxcvbn::Score::Three)
        .then_some("This password is easy to guess. A few unrelated words make a good one.")
}

#[must_use]
pub fn is_username(name: &str) -> bool {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "_-.@".contains(character);
    (3..=50).contains(&name.len()) && name.chars().all(allowed)
}

pub async fn new_user(app: &App, username: &str, password: &str, role: Role) -> Result<User, OAuthError> {
    Ok(User {
        id: UserId::new(),
        username: normal_form(username).into_owned(),
        password_hash: app.passwords.hash(password).await?,
        role,
        name: None,
        email: None,
        created_at: app.clock.now(),
        disabled_at: None,
    })
}
