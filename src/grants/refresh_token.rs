//! `grant_type=refresh_token` (RFC 6749 §6, OAuth 2.1 §4.3): rotation, an idempotent window, theft detection.
use super::TokenRequest;
use crate::{
    app::App,
    audit,
    error::OAuthError,
    model::Grant,
    storage::grants,
    tokens::{Permit, TokenResponse, refresh_token::RefreshToken},
};
use time::{Duration, OffsetDateTime};

pub const NAME: &str = "refresh_token";

/// Where the presented token stands in its family.
#[derive(Debug, PartialEq)]
enum Standing {
    Live,
    /// Rotated a moment ago: its holder lost the answer, or shares the token with another process.
    JustRotated,
    /// Rotated for good: two hold it, and one of them stole it.
    Stolen,
    /// Of a future this database has no memory of.
    Unknown,
}

pub async fn exchange(request: TokenRequest<'_>) -> Result<TokenResponse, OAuthError> {
    let TokenRequest { app, client, params, jkt } = request;
    let presented = RefreshToken::parse(app, params.require("refresh_token")?).ok_or_else(dead)?;
    // Twice at most: who loses the race to rotate finds the token just rotated.
    for _ in 0..2 {
        let now = app.clock.now();
        let grant = grants::find(&app.db, presented.grant_id).await?.ok_or_else(dead)?;
        if grant.client_id != client.id {
            return Err(OAuthError::invalid_grant("refresh_token was issued to another client"));
        }
        if grant.revoked_at.is_some() || grant.expires_at <= now || grant.refreshed_at <= idle_since(app, now) {
            return Err(dead());
        }
        // Only a public client's: others prove themselves, and may change their key (RFC 9449 §5).
        if grant.dpop_jkt.is_some() && grant.dpop_jkt.as_deref() != jkt {
            return Err(OAuthError::invalid_grant("refresh_token is bound to a key that did not prove itself"));
        }
        match standing(app, &grant, &presented, now) {
            Standing::Unknown => return Err(dead()),
            Standing::Stolen => return Err(revoke_family(app, &grant, now).await?),
            Standing::JustRotated => {
                let permit = Permit::judge(request, &grant).await?;
                return permit.issue(app, Some(presented.successor(app)), None).await;
            }
            Standing::Live => {
                let permit = Permit::judge(request, &grant).await?;
                let rotates = client.is_public() || app.config.tokens.rotate_confidential;
                let next = if rotates { presented.successor(app) } else { presented.clone() };
                if advance(app, &presented, &next, jkt.filter(|_| client.is_public()), now).await?.is_some() {
                    return permit.issue(app, Some(next), None).await;
                }
            }
        }
    }
    Err(dead())
}

fn dead() -> OAuthError {
    OAuthError::invalid_grant("refresh_token is unknown, expired or revoked")
}

fn idle_since(app: &App, now: OffsetDateTime) -> OffsetDateTime {
    now - Duration::seconds(app.config.tokens.refresh_idle.into())
}

fn standing(app: &App, grant: &Grant, presented: &RefreshToken, now: OffsetDateTime) -> Standing {
    match grant.generation - presented.generation {
        0 if presented.digest().matches(&grant.refresh_hash) => Standing::Live,
        1 if presented.successor(app).digest().matches(&grant.refresh_hash) => {
            // The window opens at the rotation and repeats don't prolong it.
            let window = Duration::seconds(app.config.tokens.replay_window.into());
            if now - grant.refreshed_at < window { Standing::JustRotated } else { Standing::Stolen }
        }
        2.. => Standing::Stolen,
        _ => Standing::Unknown,
    }
}

/// One UPDATE, which only the first of many comes through; it binds the family to the key `jkt` too, unless it is
/// bound (RFC 9449 §5).
async fn advance(
    app: &App,
    presented: &RefreshToken,
    next: &RefreshToken,
    jkt: Option<&str>,
    now: OffsetDateTime,
) -> Result<Option<Grant>, OAuthError> {
    let (id, generation, hash) = (presented.grant_id, presented.generation, presented.digest());
    let idle_since = idle_since(app, now);
    Ok(if next == presented {
        grants::touch(&app.db, id, generation, &hash, now, idle_since).await?
    } else {
        grants::rotate(&app.db, id, generation, &hash, &next.digest(), jkt, now, idle_since).await?
    })
}

/// OAuth 2.1 §4.3.1: the whole family dies.
async fn revoke_family(app: &App, grant: &Grant, now: OffsetDateTime) -> Result<OAuthError, OAuthError> {
    if grants::revoke(&app.db, grant.id, now).await? {
        let event = audit::Event::new("refresh_reuse_detected").critical().client(&grant.client_id);
        event.user(grant.user_id).grant(grant.id).record(app).await;
    }
    let rule = "refresh_token was used before; all tokens of this grant are revoked";
    app.trace.blocked("refresh_reuse_detected", Some(&grant.client_id), rule);
    Ok(OAuthError::invalid_grant(rule))
}
