//! The account of a trusted issuer's subject: linked before, found by claims of the issuer, or created.
use super::sign_in::{is_username, new_user};
use crate::{
    app::App,
    audit,
    error::OAuthError,
    events::EventType,
    issuers::identity::IdentityAssertion,
    model::{Role, User},
    oauth::display_name::display_name,
    secrets::{self, Digest, base64url},
    storage::{
        subject_links::{self, SubjectLink},
        users,
    },
};
use serde_json::json;

/// The user that an assertion is about.
pub struct Subject {
    pub user: User,
    standing: LinkState,
}

#[derive(Clone, Copy, PartialEq)]
enum LinkState {
    Linked,
    /// An account that is not linked to this subject yet.
    Found,
    /// A new account that is not stored yet.
    New,
}

/// Finds the account or prepares a new one; writes nothing.
pub async fn find(app: &App, assertion: &IdentityAssertion<'_>) -> Result<Subject, OAuthError> {
    let IdentityAssertion { trusted, says, .. } = assertion;
    let subject = if let Some(user) = subject_links::find(&app.db, &says.issuer, &says.tenant, &says.subject).await? {
        Subject { user, standing: LinkState::Linked }
    } else if let Some(user) = find_account(app, assertion).await? {
        Subject { user, standing: LinkState::Found }
    } else if trusted.create_users {
        Subject { user: new_account(app, assertion).await?, standing: LinkState::New }
    } else {
        return Err(OAuthError::invalid_grant("nobody here is known to be the subject of the assertion"));
    };
    if subject.user.disabled_at.is_some() {
        return Err(OAuthError::invalid_grant("the user's account is gone or disabled"));
    }
    Ok(subject)
}

/// The account that the issuer's claims identify, if the settings trust those claims and the account is not linked to
/// another subject of that issuer.
async fn find_account(app: &App, assertion: &IdentityAssertion<'_>) -> Result<Option<User>, OAuthError> {
    let IdentityAssertion { trusted, says, .. } = assertion;
    let aud_sub = says.aud_sub.as_deref().filter(|_| trusted.link_by_aud_sub).and_then(|id| id.parse().ok());
    let mut named = match aud_sub {
        Some(id) => users::find(&app.db, id).await?,
        None => None,
    };
    if let (None, Some(email)) = (&named, says.email.as_deref().filter(|email| trusted.knows_email(email))) {
        let mut same = users::find_by_email(&app.db, email).await?;
        named = if same.len() == 1 { same.pop() } else { None };
    }
    let Some(user) = named else { return Ok(None) };
    let taken = subject_links::is_linked(&app.db, user.id, &says.issuer, &says.tenant).await?;
    Ok(Some(user).filter(|_| !taken))
}

/// A new account, named by the e-mail address if the issuer may vouch for it, or else by a digest. Its password is
/// random.
async fn new_account(app: &App, assertion: &IdentityAssertion<'_>) -> Result<User, OAuthError> {
    let IdentityAssertion { trusted, says, .. } = assertion;
    let email = says.email.clone().filter(|email| trusted.knows_email(email));
    let mut username = email.clone().filter(|email| is_username(email));
    if let Some(name) = &username
        && users::find_by_username(&app.db, name).await?.is_some()
    {
        username = None;
    }
    let digest = Digest::of(json!([says.issuer, says.tenant, says.subject]).to_string());
    let username = username.unwrap_or_else(|| format!("user-{}", &base64url(digest.as_bytes())[..22]));
    let user = new_user(app, &username, &secrets::random(), Role::User).await?;
    Ok(User { name: says.name.as_deref().and_then(display_name), email, ..user })
}

impl Subject {
    /// Stores the account and its link. `false`, with nothing changed, if another request was faster: then call
    /// [`find`] again.
    pub async fn keep(&self, app: &App, assertion: &IdentityAssertion<'_>) -> Result<bool, OAuthError> {
        let link = SubjectLink {
            issuer: assertion.says.issuer.clone(),
            tenant: assertion.says.tenant.clone(),
            subject: assertion.says.subject.clone(),
            user_id: self.user.id,
            linked_at: app.clock.now(),
        };
        let (kept, event) = match self.standing {
            LinkState::Linked => return Ok(true),
            LinkState::Found => (subject_links::insert(&app.db, &link).await?, EventType::SubjectLinked),
            LinkState::New => (subject_links::insert_user(&app.db, &self.user, &link).await?, EventType::UserCreated),
        };
        if kept {
            let details = json!({"issuer": link.issuer, "tenant": link.tenant, "subject": link.subject});
            audit::Event::new(event).user(self.user.id).details(details).record(&app.audit).await;
        }
        Ok(kept)
    }
}
