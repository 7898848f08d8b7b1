//! `profile` and `logout`: what is stored, shown and forgotten.
use crate::support::{Person, Run, World};
use std::os::unix::fs::PermissionsExt;

fn signed_in(world: &World) -> Person {
    let person = Person::new();
    person.run(&["login", &world.mcp(), "--auth-mode", "auth-code", "--dpop"]).done();
    person
}

#[test]
fn profiles_are_listed_and_shown_without_any_secret() {
    let world = World::new();
    let person = signed_in(&world);
    let id = person.file()["profiles"][0]["profile_id"].as_str().unwrap().to_owned();
    assert_eq!(person.run(&["profile", "list"]).done().stdout, format!("{id} auth-code {}\n", world.mcp()));
    let shown = person.run(&["profile", "show", &id]).done();
    assert_eq!(shown.json()["client_id"], "registered-1");
    let listed = person.run(&["profile", "list", "--json"]).done();
    for text in [&shown.stdout, &listed.stdout] {
        for secret in ["access-secret", "refresh-secret", "PRIVATE KEY"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(text.contains("sha256:"));
    }
    let mode = std::fs::metadata(person.home().join("profiles.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_address_uses_the_profile_that_was_chosen_for_it() {
    let world = World::new();
    let person = signed_in(&world);
    let first = person.file()["profiles"][0]["profile_id"].as_str().unwrap().to_owned();
    person.run(&["login", &world.mcp(), "--bearer-token", "static-token"]).done();
    assert_eq!(person.run(&["token", &world.mcp()]).done().stdout, "static-token\n");
    assert_eq!(person.run(&["token", &world.mcp(), "--profile-id", &first]).done().stdout, "access-secret-1\n");
    person.run(&["profile", "use", &first, &world.mcp()]).done();
    assert_eq!(person.run(&["token", &world.mcp()]).done().stdout, "access-secret-1\n");
    assert_eq!(person.run(&["profile", "use", &first, "http://127.0.0.1:9/mcp"]).code, 2);
    person.run(&["profile", "delete", &first]).done();
    person.run(&["token", &world.mcp()]).failed();
}

/// No session bus, no keyring.
#[cfg(target_os = "linux")]
const NO_KEYRING: [(&str, &str); 1] = [("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")];

#[cfg(target_os = "linux")]
#[test]
fn without_a_keyring_a_login_that_wants_one_is_not_begun() {
    let (world, person) = (World::new(), Person::new());
    let flag: (&[&str], &str) = (&["--keyring"], "0");
    for (options, variable) in [flag, (&[], "1")] {
        let mut command =
            person.command(&[&["login", &world.mcp(), "--auth-mode", "auth-code", "--json"], options].concat());
        let refused: Run = command.envs(NO_KEYRING).env("MCP_AUTH_KEYRING", variable).output().unwrap().into();
        assert_eq!(refused.failed().json()["error"]["code"], "keyring");
    }
    assert!(world.seen().registrations.is_empty());
    assert!(!person.home().join("profiles.json").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_login_whose_keyring_is_away_is_kept_as_it_is_and_can_be_thrown_away() {
    let world = World::new();
    let person = signed_in(&world);
    let id = person.file()["profiles"][0]["profile_id"].as_str().unwrap().to_owned();
    person.edit(|file| {
        for name in ["access_token", "refresh_token"] {
            file["profiles"][0][name] = serde_json::Value::Null;
        }
        file["extra"][&id]["sealed"] = "c2VhbGVk".into();
    });
    let (before, refused) = (person.file(), |arguments: &[&str]| {
        let run: Run = person.command(arguments).envs(NO_KEYRING).output().unwrap().into();
        run.failed().stderr
    });
    let again = ["login", &world.mcp(), "--auth-mode", "auth-code"];
    for arguments in [&["tools", &world.mcp()][..], &["token", &world.mcp()], &["logout", &world.mcp()], &again] {
        assert!(refused(arguments).contains("the keyring of this machine"), "{arguments:?}");
    }
    assert_eq!(world.seen().authorizations.len(), 1);
    assert_eq!(person.file(), before);
    let deleted = person.command(&["profile", "delete", &id]).envs(NO_KEYRING).output().unwrap();
    assert!(deleted.status.success());
}

#[test]
fn logout_revokes_both_tokens_and_forgets_the_login() {
    let world = World::new();
    let person = signed_in(&world);
    person.run(&["logout", &world.mcp()]).done();
    assert_eq!(world.seen().revoked, ["refresh-secret-1", "access-secret-1"]);
    assert_eq!(person.file()["profiles"], serde_json::json!([]));
    assert!(person.file().get("extra").is_none());
}

#[test]
fn logout_revokes_the_tokens_of_a_login_that_another_tool_made() {
    let world = World::new();
    let person = signed_in(&world);
    let mut file = person.file();
    file.as_object_mut().unwrap().remove("extra").unwrap();
    std::fs::write(person.home().join("profiles.json"), file.to_string()).unwrap();
    let run = person.run(&["logout", &world.mcp()]).done();
    assert!(run.stdout.contains("tokens revoked and forgotten"), "{run:?}");
    assert_eq!(world.seen().revoked, ["refresh-secret-1", "access-secret-1"]);
}

#[test]
fn logout_may_keep_the_client_and_need_not_revoke() {
    let world = World::new();
    let person = signed_in(&world);
    person.run(&["logout", &world.mcp(), "--keep-client", "--no-revoke"]).done();
    assert!(world.seen().revoked.is_empty());
    let profile = &person.file()["profiles"][0];
    assert!(profile["access_token"].is_null() && profile["refresh_token"].is_null());
    person.run(&["login", &world.mcp(), "--auth-mode", "auth-code"]).done();
    assert_eq!(world.seen().registrations.len(), 1);
}
