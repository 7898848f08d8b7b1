//! `status`, and the file of profiles that other tools read and write too.
use crate::support::{Person, World};
use serde_json::{Value, json};

#[test]
fn status_says_who_until_when_and_whether_it_is_still_good() {
    let (world, person) = (World::new(), Person::new());
    let url = world.mcp();
    let nobody = person.run(&["status", &url]).failed();
    assert!(nobody.stderr.contains(&format!("Run: mcp-auth login {url}\n")), "{nobody:?}");
    person.tell(&["login", &url, "--username", "alice", "--password-stdin"], "p:q\n").done();
    let text = person.run(&["status", &url]).done().stdout;
    assert_eq!(
        text,
        format!("{url}\n  who      alice (basic)\n  expires  no end is known\n  now      good: the server takes it\n")
    );
    person.edit(|file| file["profiles"][0]["access_token"] = "YWxpY2U6bm8=".into());
    let run = person.run(&["status", "--json"]).failed();
    assert_eq!(run.json()["logins"][0]["good"], false);
    assert_eq!(run.stderr, "mcp-auth: logins: 1 of 1 no longer good\n");
}

#[test]
fn status_renews_what_has_ended_and_reads_the_name_from_the_token() {
    let (world, person) = (World::new(), Person::new());
    person.run(&["login", &world.mcp(), "--auth-mode", "auth-code", "--scope", "read"]).done();
    person.expire();
    let status = person.run(&["status", "--json"]).done().json();
    assert_eq!((&status["logins"][0]["good"], &status["logins"][0]["scope"]), (&json!(true), &json!("read")));
    assert_eq!(world.seen().refreshes, 1);
    // Nobody issued this token, but it names a user.
    person.edit(|file| file["profiles"][0]["access_token"] = "e30.eyJzdWIiOiJhbGljZSJ9.x".into());
    world.turn(&["dead-refresh"]);
    let status = person.run(&["status", &world.mcp(), "--json"]).failed().json();
    assert_eq!(status["logins"][0]["good"], false);
}

/// As the first `mcp-auth` leaves it.
fn of_another_tool(url: &str, origin: &str, token: &str) -> Value {
    json!({"profile_id": "0b3c2f8ba30f467cb8577d13147a3f2c", "resource_url": url, "auth_mode": "auth-code",
        "issuer": origin, "authorization_server_metadata_url": null, "token_endpoint": format!("{origin}/token"),
        "authorization_endpoint": null, "device_authorization_endpoint": null, "registration_endpoint": null,
        "access_token": "ended", "refresh_token": token, "expires_at": "2020-01-01T00:00:00.123456+00:00",
        "scope": "read", "token_type": "Bearer", "client_id": "registered-1", "client_secret": null,
        "token_endpoint_auth_method": "none", "redirect_uri": "http://127.0.0.1:4000/callback",
        "dynamic_client_registration": {"client_id": "registered-1", "client_name": "x"},
        "created_at": "2020-01-01T00:00:00+00:00", "last_used_at": "2020-01-01T00:00:00+00:00"})
}

#[test]
fn the_profiles_of_another_tool_are_used_and_written_as_it_reads_them_and_a_broken_one_stands_in_nobodys_way() {
    let (world, person) = (World::new(), Person::new());
    let url = world.mcp();
    // A refresh token that works.
    let other = Person::new();
    other.run(&["login", &url, "--auth-mode", "auth-code", "--scope", "read"]).done();
    let token = other.file()["profiles"][0]["refresh_token"].as_str().unwrap().to_owned();
    let profile = of_another_tool(&url, &world.origin, &token);
    let broken = json!({"profile_id": "broken", "resource_url": 5});
    let file = json!({"profiles": [broken, profile], "active_profiles": {&url: profile["profile_id"]}});
    std::fs::write(person.home().join("profiles.json"), file.to_string()).unwrap();
    let listed = person.run(&["tools", &url]).done();
    assert!(listed.stderr.contains("profile broken in profiles.json cannot be read"), "{listed:?}");
    let request = world.seen().token_requests.last().unwrap().clone();
    assert_eq!((&*request["grant_type"], &request["resource"]), ("refresh_token", &url));
    let after = person.file();
    assert_eq!(after["profiles"][1], broken);
    let renewed = &after["profiles"][0];
    assert_eq!(renewed["dynamic_client_registration"], profile["dynamic_client_registration"]);
    for name in ["expires_at", "created_at", "last_used_at"] {
        assert!(renewed[name].as_str().is_some_and(|date| date.ends_with("+00:00")), "{name}: {renewed}");
    }
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(renewed), names(&profile));
    person.run(&["profile", "delete", "broken"]).done();
    assert_eq!(person.file()["profiles"].as_array().unwrap().len(), 1);
}

#[test]
fn a_request_has_the_id_that_it_is_given() {
    let (world, person) = (World::new(), Person::new());
    person.run(&["login", &world.mcp(), "--bearer-token", "static-token"]).done();
    for (given, id) in [("seven", json!("seven")), ("7", json!(7)), ("-1", json!(-1)), ("07x", json!("07x"))] {
        let given = format!("--request-id={given}");
        person.run(&["call", &world.mcp(), "resources/read", "--params", r#"{"uri":"a://b"}"#, &given]).done();
        assert_eq!(world.seen().calls.last().unwrap()["id"], id);
    }
}
