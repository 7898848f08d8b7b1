//! Operators' acts on registration tokens: initial access tokens (RFC 7591 §3).
use super::{OperationError, OperationResult, Operator, Page, Paging, date, logged};
use crate::{
    app::App,
    audit::Event,
    events::EventType,
    model::Scopes,
    secrets::RegistrationToken,
    storage::initial_access_tokens::{self, Fingerprint, InitialAccessToken},
};
use serde_json::{Value, json};
use time::Duration;

/// The limits of a new token.
#[derive(Clone, Debug)]
pub struct TokenLimits {
    pub uses: i32,
    pub expires_in: Duration,
    /// The most scopes that its clients are ever granted; `None` sets no limit.
    pub scope: Option<Scopes>,
}

/// Makes a token. The token itself is returned only this once.
pub async fn make(
    app: &App,
    by: &Operator,
    wanted: &TokenLimits,
) -> OperationResult<(RegistrationToken, InitialAccessToken)> {
    let secret = RegistrationToken::random();
    let token = InitialAccessToken {
        token_hash: secret.digest(),
        uses_left: wanted.uses,
        scope: wanted.scope.as_ref().map(ToString::to_string),
        expires_at: app.clock.now() + wanted.expires_in,
    };
    let event =
        Event::new(EventType::RegistrationTokenCreated).details(shown(&token)).by(by.name()).happened(&app.audit);
    initial_access_tokens::insert(&app.db, &token, &event).await?;
    logged(((), event));
    Ok((secret, token))
}

/// Valid tokens, those that expire first come first.
pub async fn list(app: &App, paging: &Paging) -> OperationResult<Page<InitialAccessToken>> {
    let after = match paging.read_after(read)? {
        Some(after) => {
            find(app, after, paging.after.as_deref().unwrap_or_default()).await?;
            Some(after)
        }
        None => None,
    };
    let rows = initial_access_tokens::list(&app.db, app.clock.now(), after, paging.limit()).await?;
    Ok(paging.page(rows, |token| token.token_hash.fingerprint()))
}

/// Revokes a token; clients that registered with it stay.
pub async fn revoke(app: &App, by: &Operator, fingerprint: &str) -> OperationResult<InitialAccessToken> {
    let token = find(app, read(fingerprint)?, fingerprint).await?;
    let event =
        Event::new(EventType::RegistrationTokenRevoked).details(shown(&token)).by(by.name()).happened(&app.audit);
    if !initial_access_tokens::delete(&app.db, &token.token_hash, &event).await? {
        return Err(OperationError::NoSuchRegistrationToken(fingerprint.to_owned()));
    }
    logged(((), event));
    Ok(token)
}

async fn find(app: &App, fingerprint: Fingerprint, named: &str) -> OperationResult<InitialAccessToken> {
    let found = initial_access_tokens::find_by_fingerprint(&app.db, fingerprint, app.clock.now()).await?;
    found.ok_or_else(|| OperationError::NoSuchRegistrationToken(named.to_owned()))
}

/// 12 hexadecimal digits, as [`Digest::fingerprint`](crate::secrets::Digest::fingerprint) writes them.
fn read(fingerprint: &str) -> OperationResult<Fingerprint> {
    let none = || OperationError::NoSuchRegistrationToken(fingerprint.to_owned());
    let digits = Some(fingerprint).filter(|text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let number = u64::from_str_radix(digits.ok_or_else(none)?, 16).map_err(|_| none())?;
    let [_, _, bytes @ ..] = number.to_be_bytes();
    Ok(bytes)
}

/// The JSON form of a token, without its secret.
#[must_use]
pub fn shown(token: &InitialAccessToken) -> Value {
    json!({
        "fingerprint": token.token_hash.fingerprint(),
        "uses_left": token.uses_left,
        "scope": token.scope,
        "expires_at": date(token.expires_at),
    })
}
