//! Well-known URLs of metadata: RFC 8414 §3.1, RFC 9728 §3.1, OpenID Connect Discovery §4.
use url::Url;

pub const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
pub const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// The paths where clients look for the metadata of an issuer with this path (empty, or with a leading slash): RFC 8414
/// inserts the path, `OpenID` Connect Discovery appends to it, and clients try both with either name.
#[must_use]
pub fn of_issuer(path: &str) -> Vec<String> {
    let mut paths: Vec<_> = [AUTHORIZATION_SERVER, OPENID_CONFIGURATION]
        .into_iter()
        .flat_map(|place| [format!("{place}{path}"), format!("{path}{place}")])
        .collect();
    paths.dedup();
    paths
}

/// The URLs for the metadata of an issuer, in order: first RFC 8414's, then `OpenID` Connect Discovery's.
#[must_use]
pub fn urls_of_issuer(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/');
    let mut paths = vec![format!("{AUTHORIZATION_SERVER}{path}"), format!("{OPENID_CONFIGURATION}{path}")];
    if !path.is_empty() {
        paths.push(format!("{path}{OPENID_CONFIGURATION}"));
    }
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    paths.into_iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(issuer: &str) -> Vec<String> {
        urls_of_issuer(&Url::parse(issuer).unwrap()).into_iter().map(String::from).collect()
    }

    #[test]
    fn metadata_is_sought_at_every_well_known_place_in_order() {
        assert_eq!(
            urls("https://as.example"),
            [
                "https://as.example/.well-known/oauth-authorization-server",
                "https://as.example/.well-known/openid-configuration"
            ]
        );
        assert_eq!(
            urls("https://as.example/t1/"),
            [
                "https://as.example/.well-known/oauth-authorization-server/t1",
                "https://as.example/.well-known/openid-configuration/t1",
                "https://as.example/t1/.well-known/openid-configuration"
            ]
        );
    }

    #[test]
    fn metadata_is_served_wherever_it_is_sought() {
        assert_eq!(of_issuer(""), [AUTHORIZATION_SERVER, OPENID_CONFIGURATION]);
        for issuer in ["https://as.example", "https://as.example/t1"] {
            let served = of_issuer(Url::parse(issuer).unwrap().path().trim_end_matches('/'));
            for sought in urls_of_issuer(&Url::parse(issuer).unwrap()) {
                assert!(served.iter().any(|path| path == sought.path()), "{sought}");
            }
        }
    }
}
