//! The addresses of metadata documents, in the order in which they are asked for (RFC 9728 §3.1, RFC 8414 §3.1).
use crate::address::Address;

/// Where the metadata of a resource was found (RFC 9728 §3, §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MetadataSource {
    Challenge,
    PathInserted,
    Root,
    RootQuery,
    Given,
}

/// RFC 9728 §3.1: the well-known part goes between host and path; then the root, plain and with the resource named.
pub fn resource_metadata_urls(server: &Address) -> Vec<(Address, MetadataSource)> {
    const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
    let path = server.path().trim_end_matches('/');
    let mut urls = Vec::new();
    if !path.is_empty() {
        urls.push((at(server, &format!("{WELL_KNOWN}{path}"), server.query()), MetadataSource::PathInserted));
    }
    urls.push((at(server, WELL_KNOWN, None), MetadataSource::Root));
    if !path.is_empty() {
        let query = at(server, WELL_KNOWN, None).with([("resource", server.as_str())]);
        urls.push((query, MetadataSource::RootQuery));
    }
    urls
}

/// RFC 8414 §3.1 and §5, OpenID Connect Discovery §4: inserted before the issuer's path, then appended to it.
pub fn authorization_server_urls(issuer: &Address) -> Vec<Address> {
    let path = issuer.path().trim_end_matches('/');
    let mut urls = vec![
        at(issuer, &format!("/.well-known/oauth-authorization-server{path}"), None),
        at(issuer, &format!("/.well-known/openid-configuration{path}"), None),
    ];
    if !path.is_empty() {
        urls.push(at(issuer, &format!("{path}/.well-known/openid-configuration"), None));
    }
    urls
}

/// Whether a resource identifier may stand for this address: the same, or one above it on the same origin.
pub fn fits(resource: &str, server: &Address) -> bool {
    let Ok(resource) = Address::parse(resource) else { return false };
    let (above, path) = (resource.path().trim_end_matches('/'), server.path());
    let below = path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    resource.fragment().is_none() && resource.origin() == server.origin() && below
}

fn at(base: &Address, path: &str, query: Option<&str>) -> Address {
    base.changed(|url| {
        url.set_path(path);
        url.set_query(query);
        url.set_fragment(None);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn resource_metadata_is_asked_for_at_the_inserted_path_before_the_root() {
        let urls = resource_metadata_urls(&url("https://mcp.example/public/mcp/"));
        let urls: Vec<_> = urls.iter().map(|(url, _)| url.as_str()).collect();
        assert_eq!(
            urls,
            [
                "https://mcp.example/.well-known/oauth-protected-resource/public/mcp",
                "https://mcp.example/.well-known/oauth-protected-resource",
                "https://mcp.example/.well-known/oauth-protected-resource?\
                 resource=https%3A%2F%2Fmcp.example%2Fpublic%2Fmcp%2F",
            ]
        );
        assert_eq!(resource_metadata_urls(&url("https://mcp.example/")).len(), 1);
    }

    #[test]
    fn an_issuer_with_a_path_is_asked_at_three_places() {
        let urls: Vec<String> =
            authorization_server_urls(&url("https://as.example/t1/")).iter().map(|url| url.to_string()).collect();
        assert_eq!(
            urls,
            [
                "https://as.example/.well-known/oauth-authorization-server/t1",
                "https://as.example/.well-known/openid-configuration/t1",
                "https://as.example/t1/.well-known/openid-configuration",
            ]
        );
        assert_eq!(authorization_server_urls(&url("https://as.example")).len(), 2);
    }

    #[test]
    fn a_resource_fits_its_own_address_and_what_lies_below_it() {
        let server = url("https://mcp.example/a/mcp");
        for good in
            ["https://mcp.example/a/mcp", "https://MCP.example/a", "https://mcp.example", "https://mcp.example/"]
        {
            assert!(fits(good, &server), "{good}");
        }
        for bad in [
            "https://mcp.example/a/m",
            "https://evil.example/a/mcp",
            "http://mcp.example/a/mcp",
            "x",
            "https://mcp.example/a/mcp/more",
            "https://mcp.example/a/mcp#f",
            "https://user:s3cret@mcp.example/a/mcp",
        ] {
            assert!(!fits(bad, &server), "{bad}");
        }
    }
}
