//! The publishers of documents that describe clients, as pages name them.
use crate::{
    app::App,
    config::Publisher,
    error::OAuthError,
    model::{Client, User},
    storage::consents,
};

/// Characters of a path that fit on a page; the beginning shows whose folder it is.
const MAX_PATH_CHARACTERS: usize = 60;

/// The host; with the path if many people publish at the host, because only the path tells them apart.
#[must_use]
pub fn label(publisher: &Publisher) -> String {
    let Publisher { host, target, .. } = publisher;
    let path = target.as_deref().map_or("", |target| target.split('?').next().unwrap_or_default());
    match path.char_indices().nth(MAX_PATH_CHARACTERS) {
        Some((end, _)) => format!("{host}{}…", &path[..end]),
        None => format!("{host}{path}"),
    }
}

/// Sentences: warnings about the publisher of this client's document, before the user trusts it (OAuth Client ID
/// Metadata Document §8.9). A publisher that the operator named in `allow` is never called new.
pub async fn cautions(app: &App, client: &Client, user: &User) -> Result<Vec<String>, OAuthError> {
    let documents = &app.config.client_metadata_documents;
    let publisher = documents.publisher(client.id.as_str())?;
    let mut cautions = vec![];
    if publisher.target.is_some() {
        cautions.push(format!("Anybody can publish at {}: only the path behind it tells who did.", publisher.host));
    }
    let key = publisher.key();
    if publisher.is_ours || consents::knows_publisher(&app.db, &key, user.id).await? {
        return Ok(cautions);
    }
    let known = consents::people_of_publisher(&app.db, &key, documents.new_until).await?.len();
    let whose = if publisher.target.is_some() { "this document".to_owned() } else { publisher.host };
    if u32::try_from(known).is_ok_and(|known| known < documents.new_until) {
        let people = match known {
            0 => "nobody here has allowed an app".to_owned(),
            1 => "only one person here has allowed an app".to_owned(),
            many => format!("only {many} people here have allowed an app"),
        };
        cautions.push(format!("New here: so far {people} that {whose} describes."));
    }
    Ok(cautions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_the_host_and_on_shared_ones_the_beginning_of_the_path() {
        let label = |target: Option<&str>| {
            let host = "nous.github.io".to_owned();
            super::label(&Publisher { host, target: target.map(str::to_owned), is_ours: false })
        };
        assert_eq!(label(None), "nous.github.io");
        assert_eq!(label(Some("/agent/client.json?v=1")), "nous.github.io/agent/client.json");
        let long = format!("/{}", "a".repeat(100));
        assert_eq!(label(Some(&long)), format!("nous.github.io/{}…", "a".repeat(MAX_PATH_CHARACTERS - 1)));
    }
}
