//! Text of servers that is shown to people: no credential and no control character is in it.
use crate::support::{Person, World};
use std::os::unix::fs::PermissionsExt;

#[test]
fn attack_166_a_scope_that_a_server_asks_for_is_no_command() {
    for (scope, shown) in [
        ("write", "--scope \"read write\""),
        ("a$(touch${IFS}x)", "--scope 'read a$(touch${IFS}x)'"),
        ("a'b`c`", "--scope 'read a'\\''b`c`'"),
        ("x\\\";reboot;\\\"", "--scope 'read x\";reboot;\"'"),
    ] {
        let (world, person) = (World::new(), Person::new());
        person.run(&["login", &world.mcp(), "--auth-mode", "auth-code", "--scope", "read"]).done();
        world.turn(&[&format!("needs={scope}")]);
        let arguments = ["call", &world.mcp(), "tools/call", "--tool-name", "secret", "--no-step-up"];
        let refused = person.run(&arguments).failed();
        assert!(refused.stderr.contains(shown), "{refused:?}");
    }
    let (world, person) = (World::new(), Person::new());
    let login = ["login", &world.mcp(), "--client-id", "robot", "--client-secret", "s3cret-of-robot"];
    person.run(&login).done();
    let evil = World::new();
    let issuer = format!("{}?a=$(reboot)", evil.origin);
    evil.turn(&[&format!("called={issuer}")]);
    world.turn(&[&format!("issuer={issuer}")]);
    let refused = person.run(&login).failed();
    assert!(refused.stderr.contains(&format!("--authorization-server '{issuer}'")), "{refused:?}");
}

#[test]
fn attack_177_a_name_or_password_in_an_address_is_neither_used_nor_stored_nor_shown() {
    let world = World::new();
    let with = world.mcp().replace("http://", "http://user:s3cret-word@");
    for arguments in [
        &["login", &with][..],
        &["tools", &with, "--json"],
        &["debug", &with, "x", "--verbose"],
        &["profile", "show", "--resource-url", &with],
        &["login", &world.mcp(), "--resource-metadata-url", &with, "--json"],
        &["login", &world.mcp(), "--authorization-server", &with, "--json"],
        &["login", &world.mcp(), "--auth-mode", "auth-code", "--redirect-uri", &with],
        &["login", &world.mcp(), "--auth-mode", "auth-code", "--client-id", "https://user:s3cret-word@c.example/x"],
    ] {
        let person = Person::new();
        let refused = person.run(arguments);
        assert_ne!(refused.code, 0, "{refused:?}");
        assert!(!format!("{}{}", refused.stdout, refused.stderr).contains("s3cret-word"), "{refused:?}");
        let stored = std::fs::read_to_string(person.home().join("profiles.json")).unwrap_or_default();
        assert!(!stored.contains("s3cret-word"), "{arguments:?}");
    }
    assert!(world.seen().authorizations.is_empty());
    // As a server names them.
    let with = format!("{}/*", world.origin.replace("http://", "http://user:s3cret-word@"));
    for fault in [format!("endpoints={with}"), format!("issuer={}", with.trim_end_matches("/*"))] {
        let (world, person) = (World::with(&[&fault]), Person::new());
        for verb in ["login", "discover"] {
            let run = person.run(&[verb, &world.mcp(), "--json", "--verbose"]);
            assert!(!format!("{}{}", run.stdout, run.stderr).contains("s3cret-word"), "{run:?}");
        }
        assert!(!person.home().join("profiles.json").exists());
    }
}

#[test]
fn attack_178_a_server_that_repeats_a_credential_does_not_get_it_shown() {
    const SECRET: &str = "s3cret/of+robot";
    for (how, echo) in [(0, "echoes"), (1, "echoes-encoded")] {
        let (world, person) = (World::with(&[echo]), Person::new());
        let login = ["login", &world.mcp(), "--client-id", "robot", "--client-secret", SECRET, "--verbose", "--json"];
        let refused = person.run(&login).failed();
        let shown = format!("{}{}", refused.stdout, refused.stderr);
        assert!(shown.contains("no such client") && shown.contains("sha256:"), "{how}: {shown}");
        for spelling in [SECRET, "s3cret%2Fof%2Brobot", "czNjcmV0L29mK3JvYm90"] {
            assert!(!shown.contains(spelling), "{spelling} in {shown}");
        }
    }
}

#[test]
fn attack_179_a_home_that_others_can_write_to_is_not_used() {
    let (world, person) = (World::new(), Person::new());
    person.run(&["login", &world.mcp(), "--auth-mode", "auth-code"]).done();
    let set = |mode: u32| std::fs::set_permissions(person.home(), std::fs::Permissions::from_mode(mode)).unwrap();
    set(0o777);
    for arguments in
        [&["token", &world.mcp()][..], &["login", &world.mcp()], &["profile", "list"], &["logout", &world.mcp()]]
    {
        let refused = person.run(&[arguments, &["--json"]].concat()).failed();
        assert_eq!(refused.json()["error"]["code"], "unsafe_home");
        assert!(refused.stderr.contains("chmod go-w"), "{refused:?}");
    }
    set(0o700);
    person.run(&["token", &world.mcp()]).done();
}
