//! Logos: fetched and checked by us, and served from our own origin, so that no browser ever asks a client's host.
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

/// Where they are served; behind it comes the digest of the picture.
pub const FOLDER: &str = "/logos/";

/// How long a page waits for a logo that is not kept yet.
const PATIENCE: Wait = Wait::from_secs(2);
/// A picture is asked for again after this, and not before the client said anew who it is.
const KEPT: Duration = Duration::days(1);
/// And after this whatever it said.
const KEPT_AT_MOST: Duration = Duration::days(30);
/// Where nothing was to be had is asked again after this.
const TRIED: Duration = Duration::hours(1);

/// The path of a client's logo on this server, for a page that this user sees; for nobody it is what is kept. Whatever
/// is wrong with the logo, there is none.
pub async fn path(app: &App, client: &Client, visitor: Option<UserId>) -> Result<Option<String>, OAuthError> {
    let Some(uri) = client.metadata.logo_uri.as_deref().filter(|_| app.config.logos.enabled) else { return Ok(None) };
    let now = app.clock.now();
    let kept = logos::find(&app.db, &client.id).await?.filter(|kept| kept.uri == uri);
    let due = kept.as_ref().is_none_or(|kept| match kept.hash {
        Some(_) => {
            let said_anew = kept.fetched_at + KEPT <= now && kept.fetched_at < client.seen_at;
            said_anew || kept.fetched_at + KEPT_AT_MOST <= now
        }
        None => kept.fetched_at + TRIED <= now,
    });
    let hash = kept.and_then(|kept| kept.hash);
    let hash = match visitor.filter(|_| due) {
        Some(visitor) => fetch(app, client, uri, visitor, hash).await?,
        None => hash,
    };
    Ok(hash.map(|hash| format!("{FOLDER}{}", base64url(hash.as_bytes()))))
}

/// Answers the digest of what is kept from then on: what was there before, while the host is not to be reached.
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
    let fetched = tokio::time::timeout(PATIENCE, app.fetch.fetcher.image(uri)).await;
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

/// The picture with this digest, if it is some client's logo.
pub async fn picture(app: &App, name: &str) -> Result<Option<Picture>, OAuthError> {
    let Some(hash) = from_base64url(name).filter(|hash| hash.len() == 32) else { return Ok(None) };
    Ok(logos::picture(&app.db, &hash).await?)
}
