//! Messages about wrong settings, as the operator reads them.
use super::Written;
use keyward::config::Config;
use secrecy::ExposeSecret;

const GOOD: &str = "issuer = \"https://auth.example\"\n";

fn told(more: &str) -> Vec<String> {
    Written::new(&format!("{GOOD}{more}")).told()
}

fn told_of(variable: &str, value: &str) -> Vec<String> {
    Written::new(GOOD).set(variable, value).told()
}

#[test]
fn each_kind_of_fault_is_one_sentence_with_file_line_value_and_cure() {
    for (more, expected) in [
        (
            "[tokens]\naccess_token_lifetime = 0",
            "tokens.access_token_lifetime in keyward.toml, line 3: 0 is not 1 to 2592000 seconds",
        ),
        (
            "[tokens]\naccess_token_lifetime = -5",
            "tokens.access_token_lifetime in keyward.toml, line 3: -5 is not a whole number from 0 to 4294967295",
        ),
        (
            "[tokens]\naccess_token_lifetime = 9999999999",
            "tokens.access_token_lifetime in keyward.toml, line 3: 9999999999 is not a whole number from 0 to 4294967295",
        ),
        ("[tokens]\ncode_lifetime = 601", "tokens.code_lifetime in keyward.toml, line 3: 601 is not 1 to 600 seconds"),
        (
            "[tokens]\ncode_lifetime = \"60\"",
            "tokens.code_lifetime in keyward.toml, line 3: \"60\" is not a number or true or false; write 60, without quotes",
        ),
        (
            "[sessions]\nlifetime = 0",
            "sessions.lifetime in keyward.toml, line 3: 0 is not a number of seconds from 1 on",
        ),
        (
            "trusted_proxies = [\n  \"10.0.0.0/8\",\n  \"10.0.0.0/33\",\n]",
            "trusted_proxies in keyward.toml, line 4: \"10.0.0.0/33\" is not a network in CIDR notation, such as 10.0.0.0/8, 192.0.2.1/32 or fd00::/8",
        ),
        ("fetch.ports = [443, 0]", "fetch.ports in keyward.toml, line 2: 0 is not a port, 1 to 65535"),
        (
            "listen = \"8999\"",
            "listen in keyward.toml, line 2: \"8999\" is not an address and a port, such as 127.0.0.1:8999",
        ),
        (
            "[registration]\npolicy = \"closed\"",
            "registration.policy in keyward.toml, line 3: \"closed\" is not one of open, token, off",
        ),
        (
            "[resources.notes]\nidentifier = \"https://mcp.example\"\nscopes = { \"a:b\" = { description = \"x\", roles = [\"editor\"] } }",
            "resources.notes.scopes \"a:b\".roles in keyward.toml, line 4: role editor is not one of admin, service, user, readonly",
        ),
        (
            "[resources.notes]\nidentifier = \"https://mcp.example\"\nscopes = { \"a:b\" = { description = \"x\", role = [\"admin\"] } }",
            "resources.notes.scopes \"a:b\".role in keyward.toml, line 4: there is no such setting; did you mean roles?",
        ),
        (
            "[resources.notes]\nidentifier = \"https://mcp.example\"\nscopes = { \"a:b\" = 5 }",
            "resources.notes.scopes \"a:b\" in keyward.toml, line 4: 5 is not what the scope lets a client do, in words, nor a table with its description",
        ),
        (
            "[resources.notes]\nname = \"Notes\"",
            "resources.notes in keyward.toml, line 2: identifier is not set; every such table needs it",
        ),
        (
            "[tokens]\nacess_token_lifetime = 60",
            "tokens.acess_token_lifetime in keyward.toml, line 3: there is no such setting; did you mean access_token_lifetime?",
        ),
        (
            "[tokns]\ncode_lifetime = 60",
            "tokns in keyward.toml, line 2: there is no such setting; did you mean tokens?",
        ),
        (
            "[authorization]\nprivate_use_schemes = [\"x\"]",
            "authorization.private_use_schemes in keyward.toml, line 3: there is no such setting; there is registration.private_use_schemes",
        ),
        (
            "[tokens]\nlisten = \"127.0.0.1:1\"",
            "tokens.listen in keyward.toml, line 3: there is no such setting; listen belongs above the first [table]",
        ),
        (
            "[keys]\nsigning_alg = \"HS256\"",
            "keys.signing_alg in keyward.toml, line 3: \"HS256\" is not one of ES256, RS256, EdDSA",
        ),
        (
            "[grants]\noff = [\"password\"]",
            "grants.off in keyward.toml, line 3: \"password\" is not one of authorization_code, client_credentials, ",
        ),
        (
            "[clients.web]\nredirect_uris = [\n  \"https://app.example/cb\",\n  \"http://app.example/cb\",\n]",
            "clients.web.redirect_uris in keyward.toml, line 5: \"http://app.example/cb\" is refused: an http redirect URI must be on 127.0.0.1, [::1] or localhost, with a port from 1 to 65535 if any",
        ),
        (
            "[clients.web]\nredirect_uris = [\"https://app.example/cb\",\n  \"mine:cb\"]",
            "clients.web.redirect_uris in keyward.toml, line 4: \"mine:cb\" is refused: a private-use scheme must be a reversed domain name, such as com.example.app, or one that this server knows; registration.private_use_schemes says which it knows",
        ),
        (
            "[resources.notes]\nidentifier = \"https://mcp.example\"\nscopes = { read = \"Read\" }\n[clients.job]\nsecret = \"0123456789abcdef0123456789abcdef\"\nscope = \"openid raed\"",
            "clients.job.scope in keyward.toml, line 7: no resource has the scope \"raed\"; there are read",
        ),
        (
            "[resources.notes]\nidentifier = \"https://mcp.example\"\n[trusted_issuers.ci]\nissuer = \"https://ci.example\"\njwks_uri = \"https://ci.example/jwks\"\n[trusted_issuers.ci.workloads.job]\nclaims = { sub = \"job\" }\nscope = \"mcp raed\"",
            "trusted_issuers.ci.workloads.job.scope in keyward.toml, line 9: no resource has the scope \"raed\"; there are mcp",
        ),
        ("[tokens]\ncode_lifetime = 60 60", "keyward.toml, line 3: "),
        ("tokens = 5", "tokens in keyward.toml, line 2: 5 is not a table"),
    ] {
        let all = told(more);
        assert!(all.len() == 1 && all[0].starts_with(expected), "{more}: {all:#?}");
    }
}

#[test]
fn a_variable_is_told_by_its_name_also_if_it_is_none_of_ours_by_an_underscore() {
    for (variable, value, expected) in [
        (
            "KEYWARD__TOKENS__CODE_LIFETIME",
            "abc",
            "tokens.code_lifetime from KEYWARD__TOKENS__CODE_LIFETIME: \"abc\" is not a whole number from 0 to 4294967295",
        ),
        (
            "KEYWARD__TOKENS__CODE_LIFETIME",
            "0",
            "tokens.code_lifetime from KEYWARD__TOKENS__CODE_LIFETIME: 0 is not 1 to 600 seconds",
        ),
        (
            "KEYWARD__TRUSTED_PROXIES",
            "10.0.0.0/8,10.0.0.0/33",
            "trusted_proxies from KEYWARD__TRUSTED_PROXIES: \"10.0.0.0/33\" is not a network",
        ),
        (
            "KEYWARD__TOKENS__ACESS_TOKEN_LIFETIME",
            "5",
            "KEYWARD__TOKENS__ACESS_TOKEN_LIFETIME: there is no such setting; did you mean KEYWARD__TOKENS__ACCESS_TOKEN_LIFETIME?",
        ),
        (
            "KEYWARD__TOKENS_CODE_LIFETIME",
            "5",
            "KEYWARD__TOKENS_CODE_LIFETIME: there is no such setting; did you mean KEYWARD__TOKENS__CODE_LIFETIME?",
        ),
        (
            "KEYWARD_TOKENS__CODE_LIFETIME",
            "5",
            "KEYWARD_TOKENS__CODE_LIFETIME: variables of Keyward begin with KEYWARD__, two underscores; did you mean KEYWARD__TOKENS__CODE_LIFETIME?",
        ),
        (
            "KEYWARD_ISSUER",
            "x",
            "KEYWARD_ISSUER: variables of Keyward begin with KEYWARD__, two underscores; did you mean KEYWARD__ISSUER?",
        ),
        (
            "KEYWARD_ISUER",
            "x",
            "KEYWARD_ISUER: variables of Keyward begin with KEYWARD__, two underscores; did you mean KEYWARD__ISSUER?",
        ),
        (
            "KEYWARD_RESOURCES_NOTES_IDENTIFIER",
            "x",
            "KEYWARD_RESOURCES_NOTES_IDENTIFIER: variables of Keyward begin with KEYWARD__, two underscores; did you mean KEYWARD__RESOURCES__NOTES__IDENTIFIER?",
        ),
        (
            "KEYWARD__RESOURCES__NOTES__NAME",
            "x",
            "resources.notes from KEYWARD__RESOURCES__NOTES__NAME: identifier is not set",
        ),
        (
            "KEYWARD__CLIENTS__WEB__REDIRECT_URIS",
            "https://app.example/cb,https://app.example/cb#",
            "clients.web.redirect_uris from KEYWARD__CLIENTS__WEB__REDIRECT_URIS: \"https://app.example/cb#\" is refused: a redirect URI must not have a fragment, not even an empty one",
        ),
        ("KEYWARD__TOKENS", "x", "tokens from KEYWARD__TOKENS: \"x\" is not a table"),
    ] {
        let all = told_of(variable, value);
        assert!(all.len() == 1 && all[0].starts_with(expected), "{variable}: {all:#?}");
    }
    for link in ["KEYWARD_SERVICE_HOST", "KEYWARD_PORT_8999_TCP_ADDR", "KEYWARD_PORT"] {
        assert_eq!(told_of(link, "10.0.0.1"), Vec::<String>::new(), "{link}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once_in_its_order_and_nothing_that_is_wrong_only_because_of_it() {
    let all = Written::new(
        "isuer = \"https://auth.example\"\n[tokens]\naccess_token_lifetime = 0\nrefresh_idle = \"long\"\n\
         [resources.a]\nidentifier = \"https://a.example\"\ndefault_scopes = [\"write\"]\n\
         [resources.b]\nname = \"B\"\n[clients.job]\nsecret = \"short\"\nresource = \"https://b.example\"\n",
    )
    .set("KEYWARD__DEBUG__ADMIN_TOKEN", "short")
    .told();
    let expected = [
        "isuer in keyward.toml, line 1: there is no such setting; did you mean issuer?",
        "tokens.refresh_idle in keyward.toml, line 4: \"long\" is not",
        "resources.a.default_scopes in keyward.toml, line 7: \"write\" is not among its scopes: mcp",
        "resources.b in keyward.toml, line 8: identifier is not set",
        "clients.job.secret in keyward.toml, line 11: it needs at least 32 characters",
        "debug.admin_token from KEYWARD__DEBUG__ADMIN_TOKEN: it needs at least 16 characters",
    ];
    let matches = all.iter().zip(expected).all(|(told, expected)| told.contains(expected));
    assert!(all.len() == expected.len() && matches, "{all:#?}");
    // A start says the first, and that there are more.
    let error = Written::new("listen = 5\n[tokens]\ncode_lifetime = 0").load().unwrap_err().to_string();
    assert!(error.contains("issuer") && error.ends_with("(and 2 more: `keyward check` lists all)"), "{error}");
}

#[test]
fn each_redirect_uri_that_no_client_may_have_is_told_where_it_stands() {
    let uris = "\"javascript:1\",\n\"https://c.example\",\n\"http://c.example\"";
    let all = told(&format!("[clients.web]\nredirect_uris = [\n{uris}]"));
    let expected = ["line 4: \"javascript:1\" is refused: ", "line 6: \"http://c.example\" is refused: "];
    let matches = all
        .iter()
        .zip(expected)
        .all(|(told, expected)| told.starts_with(&format!("clients.web.redirect_uris in keyward.toml, {expected}")));
    assert!(all.len() == expected.len() && matches, "{all:#?}");
}

#[test]
fn no_sentence_shows_a_secret_or_a_type_of_ours() {
    const SECRET: &str = "hunter2-hunter2";
    for (more, count) in [
        (format!("debug.admin_token = '{SECRET}'"), 1),
        (format!("keys.master_key = '{SECRET}'"), 1),
        (format!("keys.master_key = ['{SECRET}']"), 1),
        (format!("clients.a.secret = '{SECRET}'"), 1),
        (format!("clients.a.secrte = '{SECRET}'"), 1),
        (format!("clients.a.secret = {{ a = '{SECRET}' }}"), 1),
        (format!("database.url = '{SECRET}'"), 1),
        (format!("debug.admin_token = '{SECRET}"), 1),
        (format!("debug.admin_token = {SECRET}"), 1),
        (format!("clients.a.jwks = '{SECRET}'"), 1),
    ] {
        let all = told(&more);
        let text = all.join("\n");
        assert!(all.len() == count && !text.contains("hunter2"), "{more}: {all:#?}");
        for ours in ["struct", "enum", "variant", "Settings", "Config", "u32", "NonZero", "SecretString", "serde"] {
            assert!(!text.contains(ours), "{more}: {text}");
        }
    }
}

#[test]
fn later_places_win_and_a_variable_means_the_name_of_the_file_whatever_its_case() {
    let written = Written::new("issuer = 'https://auth.example'\ntrusted_proxies = ['10.0.0.0/8']\n[tokens]\ncode_lifetime = 30\nreplay_window = 5\n[resources.Notes]\nname = 'Notes'\nidentifier = 'https://a.example'")
        .set("KEYWARD__TOKENS__CODE_LIFETIME", "40")
        .set("KEYWARD__TOKENS__ROTATE_CONFIDENTIAL", "Yes")
        .set("KEYWARD__TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8")
        .set("KEYWARD__RESOURCES__NOTES__IDENTIFIER", "https://b.example")
        .set("KEYWARD__REGISTRATION__PRIVATE_USE_SCHEMES", "")
        .set("KEYWARD__REGISTRATION__INITIAL_ACCESS_TOKEN", "0123456789012345")
        .set("KEYWARD__CLIENT_METADATA_DOCUMENTS__DENY", "evil.example, *.evil.example")
        .set("KEYWARD__FETCH__PORTS", "443,8443");
    let config = written.load().unwrap();
    assert_eq!((config.tokens.code_lifetime, config.tokens.replay_window), (40, 5));
    assert_eq!((config.trusted_proxies.len(), config.resources.len()), (2, 1));
    assert_eq!(config.resources["Notes"].identifier, "https://b.example");
    assert!(!config.client_metadata_documents.lets_client_in("https://a.evil.example/client.json"));
    assert_eq!(config.fetch.ports, [443, 8443]);
    assert!(config.registration.private_use_schemes.is_empty() && config.tokens.rotate_confidential);
    assert_eq!(config.registration.initial_access_token.as_ref().unwrap().expose_secret(), "0123456789012345");
}

#[test]
fn an_issuer_that_clients_could_not_compare_is_refused() {
    for issuer in
        ["https://auth.example/", "https://auth.example?x", "http://auth.example", "auth.example", "ftp://127.0.0.1"]
    {
        let all = Written::new("").set("KEYWARD__ISSUER", issuer).told();
        assert!(all.len() == 1 && all[0].starts_with(&format!("issuer from KEYWARD__ISSUER: {issuer:?} ")), "{all:#?}");
    }
    let config = Config::load("issuer = 'https://auth.example/t1'", None, [].into()).unwrap();
    assert_eq!((config.origin(), config.issuer_path()), ("https://auth.example", "/t1"));
}
