//! Operators' acts on people's accounts.
use super::{OperationError, OperationResult, Operator, Page, Paging, date, logged};
use crate::{
    app::App,
    audit::Event,
    events::EventType,
    model::{User, UserId},
    people::{
        setup_link::{self, SetupLink},
        sign_in::refuse_password,
    },
    storage::{grants, users},
};
use serde_json::{Value, json};
pub use users::{EndedAccess, Filter};

/// Usernames that are searched for a similar one, the newest.
const MAX_SEARCHED_USERNAMES: i64 = 1000;
/// Similarity (Jaro-Winkler) from which a name is suggested.
const SURE_SIMILARITY: f64 = 0.85;

/// An account, and the number of its sessions and grants.
#[derive(Debug)]
pub struct Account {
    pub user: User,
    pub live_grants: i64,
    pub sessions: i64,
}

/// The newest accounts first.
pub async fn list(app: &App, wanted: &Filter, paging: &Paging) -> OperationResult<Page<User>> {
    let before = paging.read_after(|after| after.parse().map_err(|_| OperationError::NoSuchPlace(after.to_owned())))?;
    let rows = users::list(&app.db, wanted, before, paging.limit()).await?;
    Ok(paging.page(rows, |user| user.id.to_string()))
}

/// Finds an account by id or username. Ids come first, so that nobody can pose as another user by choosing that user's
/// id as username.
pub async fn find(app: &App, named: &str) -> OperationResult<User> {
    if let Ok(id) = named.parse()
        && let Some(user) = users::find(&app.db, id).await?
    {
        return Ok(user);
    }
    if let Some(user) = users::find_by_username(&app.db, named).await? {
        return Ok(user);
    }
    let known = users::list(&app.db, &Filter::default(), None, MAX_SEARCHED_USERNAMES).await?;
    let likeness = |user: &User| strsim::jaro_winkler(&named.to_lowercase(), &user.username.to_lowercase());
    let known = known
        .into_iter()
        .map(|user| (likeness(&user), user.username))
        .filter(|(likeness, _)| *likeness > SURE_SIMILARITY);
    let nearest = known.max_by(|(left, _), (right, _)| left.total_cmp(right)).map(|(_, name)| name);
    Err(OperationError::NoSuchUser { named: named.to_owned(), nearest })
}

async fn by_id(app: &App, id: UserId) -> OperationResult<User> {
    let none = || OperationError::NoSuchUser { named: id.to_string(), nearest: None };
    users::find(&app.db, id).await?.ok_or_else(none)
}

pub async fn show(app: &App, id: UserId) -> OperationResult<Account> {
    let user = by_id(app, id).await?;
    let of_user = grants::Filter { user_id: Some(id), ..grants::Filter::default() };
    let live_grants = grants::count_live(&app.db, &of_user, app.clock.now()).await?;
    Ok(Account { user, live_grants, sessions: app.sessions().count(id).await? })
}

/// Until they are enabled again, the user can neither sign in nor use an app; after that, apps have to be allowed
/// again.
pub async fn disable(app: &App, by: &Operator, id: UserId) -> OperationResult<(User, EndedAccess)> {
    let (user, now) = (by_id(app, id).await?, app.clock.now());
    let event = |EndedAccess { grants, sessions }| {
        let event = Event::new(EventType::UserDisabled).user(id);
        event.details(json!({"grants": grants, "sessions": sessions})).by(by.name()).happened(&app.audit)
    };
    // Nothing is read after the act, because an error says that nothing has changed.
    if let Some(done) = users::disable(&app.db, id, now, event).await? {
        return Ok((User { disabled_at: Some(now), ..user }, logged(done)));
    }
    let user = by_id(app, id).await?;
    let is_disabled = user.disabled_at.is_some();
    Err(if is_disabled { OperationError::AlreadyDisabled(user.username) } else { OperationError::LastAdministrator })
}

pub async fn enable(app: &App, by: &Operator, id: UserId) -> OperationResult<User> {
    let user = by_id(app, id).await?;
    let event = Event::new(EventType::UserEnabled).user(id).by(by.name()).happened(&app.audit);
    if !users::enable(&app.db, id, &event).await? {
        return Err(OperationError::NotDisabled(user.username));
    }
    logged(((), event));
    Ok(User { disabled_at: None, ..user })
}

/// Ends all sessions of the user; apps keep their access. Returns the number of ended sessions.
pub async fn set_password(app: &App, by: &Operator, id: UserId, password: &str) -> OperationResult<u64> {
    let user = by_id(app, id).await?;
    if let Some(rule) = refuse_password(&user.username, password) {
        return Err(OperationError::WeakPassword(rule));
    }
    let hash = app.passwords.hash(password).await?;
    let event = |sessions| {
        let event = Event::new(EventType::PasswordSet).user(id).details(json!({"sessions": sessions}));
        event.by(by.name()).happened(&app.audit)
    };
    let done = users::set_password(&app.db, id, &hash, event).await?;
    let gone = || OperationError::NoSuchUser { named: id.to_string(), nearest: None };
    done.map(logged).ok_or_else(gone)
}

/// Makes a link that creates an administrator, or restores the access of one. It replaces the previous link.
pub async fn new_setup_link(app: &App, by: &Operator) -> OperationResult<SetupLink> {
    let link = setup_link::proposal(app, users::any_admin(&app.db).await?);
    let details = json!({"expires_at": link.expires_at.unix_timestamp(), "recovers": link.recovers});
    let event = Event::new(EventType::SetupLinkCreated).details(details).by(by.name()).happened(&app.audit);
    crate::storage::setup_tokens::replace_on_record(&app.db, &link, &event).await?;
    logged(((), event));
    Ok(setup_link::shown(app, &link))
}

/// The JSON form of an account.
#[must_use]
pub fn shown(user: &User) -> Value {
    json!({
        "user_id": user.id.to_string(),
        "username": user.username,
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "disabled": user.disabled_at.is_some(),
        "created_at": date(user.created_at),
        "disabled_at": user.disabled_at.map(date),
    })
}
