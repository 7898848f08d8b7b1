//! Renewal: before the end, after a refusal, and never twice with one refresh token.
use crate::support::{Person, World};

fn signed_in(world: &World) -> Person {
    let person = Person::new();
    person.run(&["login", &world.mcp(), "--auth-mode", "auth-code", "--scope", "read"]).done();
    person
}

#[test]
fn forty_processes_with_an_expired_token_refresh_once_and_all_succeed() {
    let world = World::with(&["refresh-parallel"]);
    let person = signed_in(&world);
    person.expire();
    let url = world.mcp();
    let all: Vec<_> =
        (0..40).map(|_| person.start(&["call", &url, "resources/read", "--params", r#"{"uri":"a://b"}"#])).collect();
    for child in all {
        let run: crate::support::Run = child.wait_with_output().unwrap().into();
        run.done();
    }
    assert_eq!(world.seen().refreshes, 1);
    assert_eq!(person.file()["profiles"][0]["access_token"], "access-secret-2");
}

#[test]
fn a_refused_token_is_refreshed_once_and_the_call_repeated() {
    let world = World::with(&["refresh-parallel"]);
    let person = signed_in(&world);
    world.forget_tokens();
    person.run(&["tools", &world.mcp()]).done();
    assert_eq!(world.seen().refreshes, 1);
    assert_eq!(world.seen().token_requests.last().unwrap()["resource"], world.mcp());
}

#[test]
fn the_rotated_token_is_stored_before_the_new_access_token_is_used() {
    let world = World::new();
    let person = signed_in(&world);
    person.expire();
    // The call itself fails; what the refresh brought must not be lost with it.
    person.run(&["call", &world.mcp(), "no/such"]).failed();
    let profile = &person.file()["profiles"][0];
    assert_eq!(
        (&profile["access_token"], &profile["refresh_token"]),
        (&"access-secret-2".into(), &"refresh-secret-2".into())
    );
}

#[test]
fn a_refused_refresh_ends_the_login_and_keeps_the_registration() {
    let world = World::with(&["dead-refresh"]);
    let person = signed_in(&world);
    person.expire();
    let refused = person.run(&["token", &world.mcp(), "--json"]).failed();
    assert_eq!(refused.json()["error"]["code"], "invalid_grant");
    assert!(refused.stderr.contains("Run login again"), "{}", refused.stderr);
    let profile = &person.file()["profiles"][0];
    assert!(profile["refresh_token"].is_null() && profile["access_token"].is_null());
    assert_eq!(profile["client_id"], "registered-1");
}

#[test]
fn a_registration_that_the_server_lost_is_forgotten_and_the_next_login_makes_a_new_one() {
    let world = World::with(&["dead-client"]);
    let person = signed_in(&world);
    person.expire();
    let refused = person.run(&["token", &world.mcp(), "--json"]).failed();
    assert_eq!(refused.json()["error"]["code"], "invalid_client");
    person.run(&["login", &world.mcp(), "--auth-mode", "auth-code"]).done();
    assert_eq!(world.seen().authorizations.last().unwrap()["client_id"], "registered-2");
}

#[test]
fn robots_ask_for_a_new_token_instead() {
    let (world, person) = (World::new(), Person::new());
    person.run(&["login", &world.mcp(), "--client-id", "robot", "--client-secret", "s"]).done();
    person.expire();
    assert_eq!(person.run(&["token", &world.mcp()]).done().stdout, "access-secret-2\n");
    assert_eq!(world.seen().refreshes, 0);
}

#[test]
fn a_robot_whose_refresh_token_ended_asks_for_a_new_token_all_the_same() {
    let (world, person) = (World::new(), Person::new());
    person.run(&["login", &world.mcp(), "--client-id", "robot", "--client-secret", "s"]).done();
    person.edit(|file| file["profiles"][0]["refresh_token"] = "ended".into());
    person.expire();
    assert_eq!(person.run(&["token", &world.mcp()]).done().stdout, "access-secret-2\n");
    let grants: Vec<_> = world.seen().token_requests.iter().map(|request| request["grant_type"].clone()).collect();
    assert_eq!(grants, ["client_credentials", "refresh_token", "client_credentials"]);
    assert!(person.file()["profiles"][0]["refresh_token"].is_null());
}

#[test]
fn static_credentials_are_never_renewed() {
    let world = World::new();
    let modes: [(&[&str], &str); 4] = [
        (&["--bearer-token", "static-token"], ""),
        (&["--auth-mode", "api-key", "--bearer-token", "static-token"], ""),
        (&["--username", "alice", "--password-stdin"], "p:q\n"),
        (&["--header", "X-Key=k1"], ""),
    ];
    for (options, input) in modes {
        let person = Person::new();
        person.tell(&[&["login", &world.mcp()], options].concat(), input).done();
        person.edit(|file| {
            let id = file["profiles"][0]["profile_id"].as_str().unwrap().to_owned();
            match file.pointer_mut(&format!("/extra/{id}/headers/X-Key")) {
                Some(header) => *header = "ended".into(),
                None => file["profiles"][0]["access_token"] = "ended".into(),
            }
        });
        let refused = person.run(&["tools", &world.mcp()]).failed();
        let sentence = "Stored credentials cannot refresh this profile. Run login again.";
        assert!(refused.stderr.contains(sentence), "{refused:?}");
    }
    assert!(world.seen().token_requests.is_empty());
}

#[test]
fn login_without_wishes_renews_what_is_there() {
    let world = World::new();
    let person = signed_in(&world);
    let again = person.run(&["login", &world.mcp()]).done();
    assert!(again.stdout.starts_with("Still signed in"), "{}", again.stdout);
    assert_eq!(world.seen().authorizations.len(), 1);
    assert_eq!(world.seen().refreshes, 1);
}
