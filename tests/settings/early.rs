//! Settings that would fail later, or have no effect, are reported before the start.
use super::Written;

const GOOD: &str = "issuer = \"https://auth.example\"\n";

fn told(more: &str) -> Vec<String> {
    Written::new(&format!("{GOOD}{more}")).told()
}

#[test]
fn an_issuer_is_written_as_browsers_write_it() {
    for (issuer, written) in [
        ("https://AUTH.example.com", "https://auth.example.com"),
        ("HTTPS://auth.example.com", "https://auth.example.com"),
        (" https://auth.example.com", "https://auth.example.com"),
        ("https://auth.example.com:443", "https://auth.example.com"),
        ("https://münchen.example", "https://xn--mnchen-3ya.example"),
        ("https://auth.example.com/a/../b", "https://auth.example.com/b"),
        ("http://LOCALHOST:8999", "http://localhost:8999"),
        ("http://[0:0::1]:8999", "http://[::1]:8999"),
    ] {
        let all = Written::new(&format!("issuer = \"{issuer}\"")).told();
        let expected = format!(
            "issuer in keyward.toml, line 1: {issuer:?} is written otherwise by browsers and clients; write {written}"
        );
        assert_eq!(all, [expected]);
    }
    let all = Written::new("issuer = \"https://u:tell-tale@auth.example.com/?a\"").told();
    assert_eq!(all, ["issuer in keyward.toml, line 1: it must have no user and no password (RFC 8414 §2)"]);
}

#[test]
fn what_would_fail_or_mean_nothing_later_is_told_with_its_setting_and_value() {
    const R: &str = "[resources.notes]\nidentifier = \"https://mcp.example\"\n";
    for (more, expected) in [
        ("[[tokens]]\ncode_lifetime = 60".to_owned(), "tokens in keyward.toml, line 2: a list is not a table"),
        (
            "[resources]\nidentifier = \"https://mcp.example\"".to_owned(),
            "resources.identifier in keyward.toml, line 3: \"https://mcp.example\" is not a table; each of resources is one with a name: [resources.NAME]",
        ),
        (
            "acces_token_lifetime = 5".to_owned(),
            "acces_token_lifetime in keyward.toml, line 2: there is no such setting; did you mean tokens.access_token_lifetime?",
        ),
        (
            "grants.off = \"device_code\"".to_owned(),
            "grants.off in keyward.toml, line 2: \"device_code\" is not one of authorization_code, ",
        ),
        (
            format!("{R}[resources.notes.scopes]\n\"\" = \"x\""),
            "resources.notes.scopes \"\" in keyward.toml, line 5: \"\" is not a scope",
        ),
        (
            format!("{R}[resources.notes.scopes]\na = \" \""),
            "resources.notes.scopes.a in keyward.toml, line 5: it is empty; people read there what",
        ),
        (
            format!("{R}[resources.notes.scopes]\na = {{ description = \"\" }}"),
            "resources.notes.scopes.a.description in keyward.toml, line 5: it is empty",
        ),
        (
            "[clients.a]\nid = \"\"\nredirect_uris = [\"https://a.example/cb\"]".to_owned(),
            "clients.a.id in keyward.toml, line 3: \"\" is no client identifier",
        ),
        (
            "[clients.\"ä\"]\nredirect_uris = [\"https://a.example/cb\"]".to_owned(),
            "clients \"ä\".id in keyward.toml, line 2: \"ä\" is no client identifier",
        ),
        (
            "[registration]\nprivate_use_schemes = [\"cursor\", \"javascript\"]".to_owned(),
            "registration.private_use_schemes in keyward.toml, line 3: \"javascript\" is no scheme that an app may have",
        ),
        (
            "[registration]\nprivate_use_schemes = [\"my scheme\"]".to_owned(),
            "registration.private_use_schemes in keyward.toml, line 3: \"my scheme\" is no scheme",
        ),
        (
            "[registration]\nprivate_use_schemes = [\"https\"]".to_owned(),
            "registration.private_use_schemes in keyward.toml, line 3: \"https\" is no scheme",
        ),
        (
            "database.url = \"sqlite:\"".to_owned(),
            "database.url in keyward.toml, line 2: the database URL must name a file",
        ),
        (
            "database.url = \"postgres://keyward:tell#tale@db/keyward\"".to_owned(),
            "database.url in keyward.toml, line 2: error with configuration: invalid port number; in a name or password, signs such as @",
        ),
        ("[tokens]\nrefresh_idle = 0".to_owned(), "tokens.refresh_idle in keyward.toml, line 3: 0 is not 1 to"),
    ] {
        let all = told(&more);
        assert!(all.len() == 1 && all[0].starts_with(expected), "{more}: {all:#?}");
    }
}

#[test]
fn a_variable_whose_name_goes_on_behind_a_settings_is_not_passed_over() {
    for (variable, meant) in [
        ("KEYWARD__ISSUER__X", "KEYWARD__ISSUER"),
        ("KEYWARD__TOKENS__CODE_LIFETIME__SECONDS", "KEYWARD__TOKENS__CODE_LIFETIME"),
    ] {
        let written = Written::new(&format!("{GOOD}[tokens]\ncode_lifetime = 60")).set(variable, "5");
        assert_eq!(written.told(), [format!("{variable}: there is no such setting; did you mean {meant}?")]);
    }
}
