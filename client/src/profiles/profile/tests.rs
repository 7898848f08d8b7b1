//! The members of a login, and when its token counts as expired.
use super::*;

#[test]
fn a_profile_has_exactly_the_members_that_other_tools_know() {
    let value = serde_json::to_value(Profile::new("https://mcp.example", "device")).unwrap();
    let mut names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut wanted = "profile_id resource_url auth_mode issuer authorization_server_metadata_url token_endpoint \
        authorization_endpoint device_authorization_endpoint registration_endpoint access_token refresh_token \
        expires_at scope token_type client_id client_secret token_endpoint_auth_method redirect_uri \
        dynamic_client_registration created_at last_used_at"
        .split_whitespace()
        .collect::<Vec<_>>();
    wanted.sort_unstable();
    assert_eq!(names, wanted);
}

#[test]
fn a_token_counts_as_ended_thirty_seconds_before_it_does() {
    let fresh = |left: i64| {
        let (access_token, expires_at) = (Some("t".to_owned()), Some(1_000 + left));
        Profile { access_token, expires_at, ..Profile::default() }.is_fresh(1_000)
    };
    assert_eq!([fresh(-1), fresh(0), fresh(30), fresh(31)], [false, false, false, true]);
    assert!(!Profile::default().is_fresh(0), "there is no token");
}

#[test]
fn times_with_fractions_are_read() {
    let profile: Profile = serde_json::from_str(r#"{"profile_id": "a", "expires_at": 1700000000.25}"#).unwrap();
    assert_eq!(profile.expires_at, Some(1_700_000_000));
}
