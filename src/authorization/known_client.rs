//! How a user could recognise a client when they allowed it, and which of those features changed since.
use crate::{
    model::{AuthMethod, Client, KnownClient, grant_type::REFRESH_TOKEN},
    oauth::redirect_uri::{RedirectKind, kind},
    secrets::{Digest, base64url},
};
use serde_json::json;
use std::collections::BTreeSet;

#[must_use]
pub fn known(client: &Client) -> KnownClient {
    let metadata = &client.metadata;
    let mut redirect_uris = metadata.redirect_uris.clone();
    redirect_uris.sort();
    let keys = json!([metadata.jwks, metadata.jwks_uri]);
    let has_keys = metadata.jwks.is_some() || metadata.jwks_uri.is_some();
    KnownClient {
        name: metadata.client_name.clone(),
        redirect_uris,
        authentication: metadata.token_endpoint_auth_method,
        keys: has_keys.then(|| base64url(Digest::of(keys.to_string()).as_bytes())),
        is_short_lived: !metadata.grant_types.iter().any(|name| name == REFRESH_TOKEN),
    }
}

#[must_use]
pub fn fingerprint(known: &KnownClient) -> Digest {
    Digest::of(json!(known).to_string())
}

/// Sentences: how the client differs from the time of this consent; at least one, because the fingerprints differ.
#[must_use]
pub fn changes(known: &KnownClient, now: &KnownClient) -> Vec<String> {
    let mut changes = vec![];
    if known.name != now.name {
        changes.push(match &known.name {
            Some(name) => format!("It called itself “{name}”."),
            None => "It had no name.".to_owned(),
        });
    }
    let (before, after) = (places(known), places(now));
    changes.extend(after.difference(&before).map(|place| format!("It may now send you to {place}, too.")));
    changes.extend(before.difference(&after).map(|place| format!("It no longer sends you to {place}.")));
    if before == after && known.redirect_uris != now.redirect_uris {
        changes.push("It now sends you back to other addresses at the same places.".to_owned());
    }
    changes.extend(other_proof(known, now).map(str::to_owned));
    if known.is_short_lived && !now.is_short_lived {
        changes.push("It can now keep its access for longer.".to_owned());
    }
    if changes.is_empty() {
        changes.push("Its description of itself changed.".to_owned());
    }
    changes
}

/// Descriptions of the places that codes may be sent to.
fn places(known: &KnownClient) -> BTreeSet<String> {
    let place = |uri: &String| match kind(uri) {
        RedirectKind::Https { host } => host,
        RedirectKind::Loopback { .. } => "a program on this computer".to_owned(),
        RedirectKind::PrivateUse { scheme } => format!("the app behind {scheme}:"),
    };
    known.redirect_uris.iter().map(place).collect()
}

fn other_proof(known: &KnownClient, now: &KnownClient) -> Option<&'static str> {
    match (known.authentication, now.authentication) {
        (before, AuthMethod::None) if before != AuthMethod::None => Some("It no longer proves its identity."),
        (before, after) if before != after => Some("It proves its identity in another way."),
        _ if known.keys != now.keys => Some("The keys that prove its identity, or their address, changed."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> KnownClient {
        KnownClient {
            name: Some("App".into()),
            redirect_uris: vec!["https://a.example/cb".into(), "https://b.example/cb".into()],
            authentication: AuthMethod::PrivateKeyJwt,
            keys: Some("k1".into()),
            is_short_lived: true,
        }
    }

    #[test]
    fn each_change_is_told_in_a_sentence_of_its_own_and_changes_the_fingerprint() {
        let redirects = |uris: &[&str]| uris.iter().map(|uri| (*uri).to_owned()).collect::<Vec<_>>();
        for (now, told) in [
            (KnownClient { name: Some("Other".into()), ..app() }, "It called itself “App”."),
            (
                KnownClient {
                    redirect_uris: redirects(&["https://a.example/cb", "https://b.example/cb", "https://c.example/"]),
                    ..app()
                },
                "It may now send you to c.example, too.",
            ),
            (
                KnownClient { redirect_uris: redirects(&["https://a.example/cb"]), ..app() },
                "It no longer sends you to b.example.",
            ),
            (
                KnownClient { redirect_uris: redirects(&["https://a.example/x", "https://b.example/cb"]), ..app() },
                "It now sends you back to other addresses at the same places.",
            ),
            (KnownClient { keys: Some("k2".into()), ..app() }, "The keys that prove its identity, or"),
            (KnownClient { is_short_lived: false, ..app() }, "It can now keep its access for longer."),
            (KnownClient { authentication: AuthMethod::None, ..app() }, "It no longer proves its identity."),
            (
                KnownClient { authentication: AuthMethod::ClientSecretPost, ..app() },
                "It proves its identity in another way.",
            ),
        ] {
            let told_of = changes(&app(), &now);
            assert!(told_of.len() == 1 && told_of[0].starts_with(told), "{told_of:?}");
            assert!(!fingerprint(&app()).matches(&fingerprint(&now)), "{told}");
        }
        assert_eq!(changes(&app(), &app()), ["Its description of itself changed."]);
        assert!(fingerprint(&app()).matches(&fingerprint(&app())));
    }

    #[test]
    fn programs_here_and_apps_are_told_apart_from_hosts() {
        let here = KnownClient {
            redirect_uris: vec!["cursor://x/cb".into(), "http://127.0.0.1/cb".into(), "http://localhost/cb".into()],
            ..app()
        };
        let told_of = changes(&app(), &here);
        let told = [
            "It may now send you to a program on this computer, too.",
            "It may now send you to the app behind cursor:, too.",
            "It no longer sends you to a.example.",
            "It no longer sends you to b.example.",
        ];
        assert_eq!(told_of, told);
    }
}
