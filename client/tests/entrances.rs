//! The way in that follows from a server's address alone, and the last page of a sign-in.
use crate::support::{Person, Run, World, line_with, old_session, old_sse, visit};
use serde_json::json;
use std::process::{Command, Stdio};

/// Servers that are not protected by OAuth, beside a document of their origin about another resource: the challenge,
/// what a person types, the mode that follows, and the command that is printed where nobody can type.
const OTHERS: [(&str, &str, &str, &str); 3] = [
    ("Bearer realm=\"x\"", "static-token\n", "bearer", " --bearer-token -"),
    ("Basic realm=\"x\"", "alice\np:q\n", "basic", " --username NAME --password-stdin"),
    ("SecurityKey realm=\"x\", headers=\"X-Key X-Other\"", "k1\n", "header", " --header X-Key=VALUE"),
];

fn world(challenge: &str) -> World {
    World::with(&["metadata", "resource-metadata", "others-at-root", &format!("challenge={challenge}")])
}

#[test]
fn the_way_in_follows_from_the_challenge_whatever_the_origin_says_of_another_resource() {
    for (challenge, typed, mode, flags) in OTHERS {
        let (world, person) = (world(challenge), Person::new());
        let url = world.mcp();
        let found = person.run(&["discover", &url, "--json"]).done().json();
        assert_eq!(found["supported_auth_modes"], json!([mode]));
        assert_eq!(found["authorization_server"], json!(null));
        // Nobody is there to type anything: the command that works is named, and nothing kept.
        for refused in [person.run(&["tools", &url]).failed(), person.run(&["login", &url])] {
            assert!(refused.stderr.contains(&format!("Run: mcp-auth login {url}{flags}\n")), "{refused:?}");
        }
        assert!(!person.home().join("profiles.json").exists());
        person.tell(&["login", &url], typed).done();
        assert_eq!(person.file()["profiles"][0]["auth_mode"], mode);
        person.run(&["tools", &url]).done();
        let again = person.run(&["login", &url]).done();
        assert!(again.stdout.starts_with("Still signed in"), "{again:?}");
    }
}

#[test]
fn the_doctor_finds_nothing_where_oauth_is_not_meant_and_says_what_is() {
    for (challenge, ..) in OTHERS {
        let run = Person::new().run(&["doctor", &world(challenge).mcp()]).done();
        let scheme = challenge.split(' ').next().unwrap();
        assert!(run.stdout.contains("\n0 findings, "), "{}", run.stdout);
        assert!(run.stdout.contains(&format!("\nthe server asks for {scheme}, and not for OAuth")), "{}", run.stdout);
    }
}

#[test]
fn a_document_of_another_resource_at_the_servers_own_place_is_an_error() {
    let world = World::with(&["another-resource", "challenge-resource-metadata"]);
    let refused = Person::new().run(&["discover", &world.mcp(), "--json"]).failed();
    assert_eq!(refused.json()["error"]["code"], "resource_mismatch");
}

#[test]
fn a_server_that_is_open_to_all_needs_no_login() {
    let (world, person) = (World::with(&["open", "resource-metadata", "others-at-root"]), Person::new());
    let url = world.mcp();
    let login = person.run(&["login", &url]).done();
    assert!(login.stdout.contains("is open to all: there is nothing to sign in to."), "{login:?}");
    assert!(!person.home().join("profiles.json").exists());
    assert_eq!(person.run(&["discover", &url, "--json"]).done().json()["supported_auth_modes"], json!(["none"]));
    assert!(person.run(&["status", &url]).done().stdout.contains("open to all"));
    assert!(person.run(&["token", &url]).failed().stderr.contains("open to all"));
    person.run(&["tools", &url]).done();
}

#[test]
fn servers_of_earlier_revisions_are_open_to_all_where_they_ask_for_nothing() {
    let (sessions, stream) = (old_session::serve(), old_sse::serve());
    for url in [&sessions.0, &stream.0] {
        let person = Person::new();
        let doctor = person.run(&["doctor", url]).done().stdout;
        assert!(doctor.contains("\n0 findings, ") && doctor.contains("\nopen to all: "), "{doctor}");
        assert_eq!(person.run(&["discover", url, "--json"]).done().json()["supported_auth_modes"], json!(["none"]));
        for verb in ["login", "status"] {
            assert!(person.run(&[verb, url]).done().stdout.contains("is open to all"), "{verb} {url}");
        }
    }
}

#[test]
fn what_answers_as_no_mcp_server_does_is_said_by_every_verb_and_never_called_open() {
    let world = World::new();
    for (url, faults, said) in [
        (format!("{}/nothing", world.origin), &["resource-metadata"][..], "it answers HTTP 404; is that"),
        (world.mcp(), &["resource-metadata", "welcomes@/mcp"], "what it answers is no JSON; is that"),
        (world.mcp(), &["resource-metadata", "babbles@/mcp"], "it answers HTTP 500; is that"),
        (
            world.mcp(),
            &["resource-metadata", "redirects=https://elsewhere.example"],
            "it answers HTTP 302 and leads to https://elsewhere.example/mcp; is that",
        ),
    ] {
        world.turn(faults);
        let person = Person::new();
        let ran = ["discover", "doctor", "login", "status", "token"].map(|verb| (verb, person.run(&[verb, &url])));
        for (verb, run) in ran {
            let shown = format!("{}{}", run.stdout, run.stderr);
            assert!(shown.contains(said) && !shown.contains("open to all"), "{verb} {url}: {shown}");
        }
    }
}

#[test]
fn a_robot_registers_by_itself_once_and_renews_with_that_registration() {
    for (world, options) in [
        (World::new(), &["--auth-mode", "client-creds", "--register"][..]),
        (World::with(&["robots-only"]), &["--register"]),
        (World::with(&["robots-only"]), &[]),
    ] {
        let person = Person::new();
        person.run(&[&["login", &world.mcp()], options].concat()).done();
        person.run(&["tools", &world.mcp()]).done();
        person.expire();
        person.run(&["token", &world.mcp()]).done();
        person.run(&["login", &world.mcp(), "--auth-mode", "client-creds"]).done();
        let seen = world.seen();
        assert_eq!(seen.registrations.len(), 1);
        assert_eq!(seen.registrations[0]["grant_types"], json!(["client_credentials"]));
        assert_eq!(seen.registrations[0]["response_types"], json!([]));
        assert!(seen.token_requests.iter().all(|request| request["grant_type"] == "client_credentials"));
        let profile = &person.file()["profiles"][0];
        assert_eq!((&profile["auth_mode"], &profile["client_secret"]), (&json!("client-creds"), &json!("s3cret-1")));
        // The registration is kept for other tools, and its secrets are not kept twice.
        let registration = profile["dynamic_client_registration"].to_string();
        assert!(registration.contains("registered-1") && !registration.contains("s3cret"), "{registration}");
    }
}

#[test]
fn people_do_not_use_the_registration_of_a_robot() {
    let (world, person) = (World::new(), Person::new());
    person.run(&["login", &world.mcp(), "--auth-mode", "client-creds", "--register"]).done();
    person.run(&["login", &world.mcp(), "--auth-mode", "auth-code"]).done();
    assert_eq!(world.seen().registrations.len(), 2);
}

#[test]
fn discover_prints_what_the_resource_supports() {
    let text = Person::new().run(&["discover", &World::new().mcp()]).done().stdout;
    for line in ["Scopes supported:     read\n", "Tokens travel in:     header\n", "Scopes to begin with: read\n"] {
        assert!(text.contains(line), "{text}");
    }
}

/// Begins a sign-in, and returns the page that a browser gets which brings this response.
fn last_page(answer: impl FnOnce(&url::Url) -> String) -> (String, Run) {
    let (world, person) = (World::new(), Person::new());
    let mut child = person.start(&["login", &world.mcp(), "--auth-mode", "auth-code", "--browser", "print"]);
    let asked = url::Url::parse(line_with(&mut child, "/authorize?").trim()).unwrap();
    let page = visit(&answer(&asked));
    (page, child.wait_with_output().unwrap().into())
}

#[test]
fn the_page_at_the_end_says_that_it_worked_only_after_it_did() {
    let (page, run) = last_page(|asked| {
        let sent = visit(asked.as_str());
        sent.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned()
    });
    run.done();
    assert!(page.contains("<h1>Signed in to 127.0.0.1.</h1><p>Close this page.</p>"), "{page}");
    let style = page.split("'sha256-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    assert_eq!(style.len(), 44, "{page}");
    assert!(!page.contains("unsafe-inline"), "{page}");
}

#[test]
fn the_page_at_the_end_differs_after_a_no_and_after_a_failure() {
    let back = |asked: &url::Url, answer: &str| {
        let value = |wanted: &str| asked.query_pairs().find(|(name, _)| name == wanted).unwrap().1.into_owned();
        let issuer = asked.origin().ascii_serialization();
        format!("{}?{answer}&state={}&iss={issuer}", value("redirect_uri"), value("state"))
    };
    let (page, run) = last_page(|asked| back(asked, "error=access_denied"));
    assert!(run.failed().stderr.contains("access_denied"));
    assert!(page.contains("<h1>You said no.</h1><p>Nothing was allowed. Close this page.</p>"), "{page}");
    let (page, run) = last_page(|asked| back(asked, "error=server_error"));
    run.failed();
    assert!(page.contains("<h1>Not signed in.</h1>"), "{page}");
}

/// Runs the program at a terminal, which `script` makes.
fn at_a_terminal(person: &Person, url: &str, variables: &[(&str, &str)]) -> String {
    let bin = person.home().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let browser = "#!/bin/sh\necho \"$1\" > \"$MCP_AUTH_CLI_HOME/opened\"\n";
    std::fs::write(bin.join("xdg-open"), browser).unwrap();
    std::fs::set_permissions(bin.join("xdg-open"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let program = env!("CARGO_BIN_EXE_mcp-auth");
    let run = format!("'{program}' login '{url}' --patience 2");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let mut command = Command::new("script");
    command.args(["-qec", &run, "/dev/null"]).env_clear().env("PATH", path).env("MCP_AUTH_CLI_HOME", person.home());
    command.envs(variables.iter().copied()).stdin(Stdio::null());
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn the_browser_opens_by_default_at_a_terminal_with_a_display_and_nowhere_else() {
    let cases: [(&[(&str, &str)], bool); 3] =
        [(&[("DISPLAY", ":0")], true), (&[], false), (&[("DISPLAY", ":0"), ("SSH_CONNECTION", "1 2 3 4")], false)];
    for (variables, opens) in cases {
        let (world, person) = (World::new(), Person::new());
        let shown = at_a_terminal(&person, &world.mcp(), variables);
        assert_eq!(shown.contains("Your browser shows"), opens, "{variables:?} {shown}");
        assert_eq!(person.home().join("opened").exists(), opens, "{variables:?}");
    }
}
