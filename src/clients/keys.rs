//! Public keys of clients: registered with them, or fetched from where they publish them.
use crate::{app::App, error::OAuthError, fetch::keys, model::Client, oauth::jws::PublicKeys};
use std::sync::Arc;

/// The keys that may have signed an assertion naming this `kid`; `None` if the client has none, or none are to be had.
pub async fn find(app: &App, client: &Client, kid: Option<&str>) -> Result<Option<Arc<PublicKeys>>, OAuthError> {
    if let Some(jwks) = &client.metadata.jwks {
        return Ok(PublicKeys::parse(jwks).map(Arc::new));
    }
    let Some(uri) = &client.metadata.jwks_uri else { return Ok(None) };
    let host = url::Url::parse(uri).ok().and_then(|uri| uri.host_str().map(str::to_owned));
    keys::find(app, uri, &host.unwrap_or_default(), kid).await
}
