//! The file of other tools is read and written, and an unreadable entry disables no other.
use super::*;

/// As the first `mcp-auth` writes it.
fn of_another_tool() -> Value {
    let mut profile = serde_json::to_value(Profile::new("https://mcp.example/mcp", "auth-code")).unwrap();
    for (name, value) in [
        ("profile_id", json!("0b3c2f8ba30f467cb8577d13147a3f2c")),
        ("issuer", json!("https://as.example")),
        ("access_token", json!("a")),
        ("scope", json!("read write")),
        ("client_id", json!("c")),
        ("expires_at", json!("2026-11-30T05:38:15.080002+00:00")),
        ("dynamic_client_registration", json!({"client_id": "c", "redirect_uris": ["http://127.0.0.1:1/callback"]})),
        ("created_at", json!("2026-11-30T05:28:15.079971+00:00")),
        ("last_used_at", json!("2026-11-30T05:28:21.466736+00:00")),
    ] {
        profile[name] = value;
    }
    profile
}

fn read(file: &Value) -> Profiles {
    Profiles::from_slice(&serde_json::to_vec(file).unwrap()).unwrap()
}

fn written(profiles: &Profiles) -> Value {
    serde_json::from_slice(&profiles.to_vec().unwrap()).unwrap()
}

#[test]
fn a_profile_of_the_first_program_is_read_and_written_as_that_one_can_read_it() {
    let profiles = read(&json!({"profiles": [of_another_tool()], "active_profiles": {}}));
    let profile = &profiles.profiles[0];
    assert_eq!(profile.expires_at, Some(1_796_017_095));
    assert_eq!(profile.dynamic_client_registration.as_ref().unwrap()["client_id"], "c");
    let extra = profiles.extra(&profile.profile_id);
    assert_eq!(extra.resource.as_deref(), Some("https://mcp.example/mcp"));
    assert_eq!(extra.requested_scope.as_deref(), Some("read write"));
    let again = &written(&profiles)["profiles"][0];
    assert_eq!(again["expires_at"], "2026-11-30T05:38:15+00:00");
    assert_eq!(again["dynamic_client_registration"], of_another_tool()["dynamic_client_registration"]);
    let mut names: Vec<_> = again.as_object().unwrap().keys().collect();
    names.sort();
    let other = of_another_tool();
    let mut wanted: Vec<_> = other.as_object().unwrap().keys().collect();
    wanted.sort();
    assert_eq!(names, wanted);
}

#[test]
fn a_registration_that_is_only_said_to_be_there_becomes_an_object() {
    for (said, wanted) in [(json!(true), json!({"client_id": "c"})), (json!(false), Value::Null)] {
        let mut profile = of_another_tool();
        profile["dynamic_client_registration"] = said;
        let profiles = read(&json!({"profiles": [profile]}));
        assert_eq!(written(&profiles)["profiles"][0]["dynamic_client_registration"], wanted);
    }
}

#[test]
fn one_that_cannot_be_read_disables_no_other_and_stays_as_it_is() {
    let (good, mut bad, mut strange) = (of_another_tool(), of_another_tool(), of_another_tool());
    (bad["profile_id"], bad["expires_at"]) = ("bad".into(), "tomorrow".into());
    strange["later_member"] = json!([1]);
    strange["profile_id"] = "strange".into();
    let file = json!({"profiles": [bad, good, 7, strange], "active_profiles": {"https://a": 5, "https://b": "x"},
        "extra": {"bad": {"sealed": 1}}, "bound": {"y": 1}, "later": 7});
    let mut profiles = read(&file);
    assert_eq!(profiles.profiles.len(), 2);
    let again = written(&profiles);
    assert_eq!(again["profiles"].as_array().unwrap().len(), 4);
    assert!(again["profiles"].as_array().unwrap().contains(&bad));
    assert_eq!(again["profiles"][1]["later_member"], json!([1]));
    for name in ["active_profiles", "extra", "bound", "later"] {
        assert_eq!(again[name], file[name], "{name}");
    }
    assert!(profiles.remove_unreadable("bad") && !profiles.remove_unreadable("bad"));
    assert!(written(&profiles).get("extra").is_none());
    assert_eq!(profile(&bad).unwrap_err(), "expires_at has a value of another kind");
}
