//! Logos: fetched, checked and served by this server, so that no browser contacts a client's host.
mod image;

use crate::{
    app::App,
    error::OAuthError,
    fetch::{FetchError, FetchedContent},
    model::{Client, Logo, Picture, UserId},
    secrets::{Digest, base64url, from_base64url},
    storage::logos,
};
use std::{sync::Arc, time::Duration as Wait};
use time::Duration;
use url::Url;

/// The path of all logos; the digest of the picture follows.
pub const FOLDER: &str = "/logos/";

/// How long a page waits for a logo that is not stored yet.
const FETCH_TIMEOUT: Wait = Wait::from_secs(2);
/// After this time a logo is fetched again, if the client's metadata was renewed meanwhile.
const MIN_AGE_TO_RENEW: Duration = Duration::days(1);
/// After this time a logo is fetched again in any case.
const MAX_AGE: Duration = Duration::days(30);
/// After this time a failed fetch is repeated.
const RETRY_AFTER: Duration = Duration::hours(1);

/// The path of a client's logo on this server. For a signed-in `visitor` a missing or old logo is fetched; otherwise
/// only a stored logo counts. `None` if there is no usable logo.
pub async fn path(app: &App, client: &Client, visitor: Option<UserId>) -> Result<Option<String>, OAuthError> {
    let Some(uri) = client.metadata.logo_uri.as_deref().filter(|_| app.config.logos.enabled) else { return Ok(None) };
    let now = app.clock.now();
    let kept = logos::find(&app.db, &client.id).await?.filter(|kept| kept.uri == uri);
    let due = kept.as_ref().is_none_or(|kept| match kept.hash {
        Some(_) => {
            let said_anew = kept.fetched_at + MIN_AGE_TO_RENEW <= now && kept.fetched_at < client.seen_at;
            said_anew || kept.fetched_at + MAX_AGE <= now
        }
        None => kept.fetched_at + RETRY_AFTER <= now,
    });
    let hash = kept.and_then(|kept| kept.hash);
    let hash = match visitor.filter(|_| due) {
        Some(visitor) => fetch(app, client, uri, visitor, hash).await?,
        None => hash,
    };
    Ok(hash.map(|hash| format!("{FOLDER}{}", base64url(hash.as_bytes()))))
}

/// Fetches and stores a logo, and returns its digest. While the host is unreachable, the previous logo stays.
async fn fetch(
    app: &App,
    client: &Client,
    uri: &str,
    visitor: UserId,
    before: Option<Digest>,
) -> Result<Option<Digest>, OAuthError> {
    let host = Url::parse(uri).ok().and_then(|uri| uri.host_str().map(str::to_owned)).unwrap_or_default();
    if app.fetch.budget.allow(visitor, &host).is_err() {
        return Ok(before);
    }
    let fetched = tokio::time::timeout(FETCH_TIMEOUT, app.fetch.fetcher.image(uri)).await;
    let picture = match fetched.unwrap_or_else(|_| Err(FetchError::Unavailable("no answer in time".into()))) {
        Ok(fetched) => checked(&fetched),
        Err(error) => {
            tracing::warn!(client = %client.id, %error, "logo_fetch_error");
            if let (Some(before), FetchError::Unavailable(_)) = (before, error) {
                logos::touch(&app.db, &client.id, app.clock.now()).await?;
                return Ok(Some(before));
            }
            None
        }
    };
    let hash = picture.as_ref().map(|picture| Digest::of(&picture.bytes));
    let logo =
        Logo { client_id: client.id.clone(), uri: uri.to_owned(), hash: hash.clone(), fetched_at: app.clock.now() };
    logos::put(&app.db, &logo, picture.as_ref()).await?;
    Ok(hash)
}

fn checked(fetched: &Arc<FetchedContent>) -> Option<Picture> {
    let media_type = image::media_type(&fetched.body)?;
    Some(Picture { media_type: media_type.to_owned(), bytes: fetched.body.clone() })
}

/// The picture with this digest, if it is the logo of a client.
pub async fn picture(app: &App, name: &str) -> Result<Option<Picture>, OAuthError> {
    let Some(hash) = from_base64url(name).filter(|hash| hash.len() == 32) else { return Ok(None) };
    Ok(logos::picture(&app.db, &hash).await?)
}
