//! Tests which resource a request means, and which configurations are refused.
use super::*;
use crate::model::{Role, Scopes};
use proptest::prelude::*;

pub(super) fn resource(identifier: &str, prefix: &str) -> Resource {
    let rule = |name: &str, roles: &[Role]| ScopeRule {
        name: format!("{prefix}:{name}"),
        description: "Read".to_owned(),
        roles: roles.to_vec(),
        implies: vec![],
        listed: true,
    };
    Resource {
        identifier: identifier.to_owned(),
        name: "Demo".to_owned(),
        scopes: vec![rule("read", &[]), rule("write", &[Role::Admin, Role::User]), rule("admin", &[Role::Admin])],
        default_scopes: scopes(&format!("{prefix}:read")),
        signing_alg: None,
        access_token_lifetime: None,
        access_token_format: None,
        introspection: None,
        exchange: vec![],
    }
}

pub(super) fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).unwrap()
}

pub(super) fn two() -> Resources {
    let one = resource("https://mcp.example", "mcp");
    Resources::new(vec![one, resource("https://mcp.example/Files/", "files")]).unwrap()
}

#[test]
fn a_resource_is_found_despite_case_of_scheme_and_host_and_one_slash_on_an_origin() {
    let all = two();
    for requested in ["https://mcp.example", "https://mcp.example/", "HTTPS://MCP.Example/", "https://MCP.example"] {
        assert_eq!(all.find(requested).unwrap().identifier, "https://mcp.example", "{requested}");
    }
    assert_eq!(all.find("https://MCP.example/Files/").unwrap().identifier, "https://mcp.example/Files/");
    for requested in [
        "https://mcp.example//",
        "https://mcp.example/?",
        "https://mcp.example:443",
        "https://mcp.example/files/",
        "https://mcp.example/Files",
        "https://mcp.example/Files//",
        "http://mcp.example",
        "mcp.example",
        "",
    ] {
        assert!(all.find(requested).is_none(), "{requested}");
    }
}

#[test]
fn the_first_resource_is_the_default_and_an_unknown_one_is_an_invalid_target() {
    let all = two();
    let select = |requested: &[&str]| {
        let requested: Vec<_> = requested.iter().map(ToString::to_string).collect();
        let names = |found: Vec<&Resource>| found.iter().map(|one| one.identifier.clone()).collect::<Vec<_>>();
        all.select(&requested).map(names).map_err(|error| error.code.as_str())
    };
    assert_eq!(select(&[]).unwrap(), ["https://mcp.example"]);
    assert_eq!(select(&["https://mcp.example/", "HTTPS://mcp.example"]).unwrap(), ["https://mcp.example"]);
    assert_eq!(select(&["https://mcp.example", "https://mcp.example/Files/"]).unwrap().len(), 2);
    assert_eq!(select(&["https://mcp.example", "https://evil.example"]).unwrap_err(), "invalid_target");
    assert_eq!(Resources::new(Vec::new()).unwrap().select(&[]).unwrap_err().code, "invalid_target");
}

#[test]
fn what_an_operator_got_wrong_is_told() {
    let wrong = |resources: Vec<Resource>| Resources::new(resources).unwrap_err();
    for identifier in ["", "mcp", "/mcp", "https://", "https://a#", "https://a b"] {
        assert!(wrong(vec![resource(identifier, "a")]).contains("absolute URI"), "{identifier}");
    }
    assert!(wrong(vec![resource("https://a", "a"), resource("HTTPS://A/", "a")]).contains("twice"));
    let stray = Resource { default_scopes: scopes("b:read"), ..resource("https://a", "a") };
    assert!(wrong(vec![stray]).contains("b:read"));
    assert!(wrong(vec![resource("https://a", "a b")]).contains("not a scope"));
}

proptest! {
    #[test]
    fn any_text_finds_a_resource_or_none(text in "\\PC*") {
        prop_assert!(two().find(&text).is_none() || text.to_ascii_lowercase().starts_with("https://mcp.example"));
    }
}
