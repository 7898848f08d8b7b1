//! The file is for its owner only, and a failed change changes nothing.
use super::*;

#[test]
fn the_file_and_its_directory_are_for_their_owner_only_and_keep_what_they_do_not_know() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(Some(directory.path().join("deep/home"))).unwrap();
    let profile = Profile::new("https://mcp.example", "bearer");
    store
        .change(|profiles| {
            profiles.unknown.insert("later".to_owned(), 7.into());
            profiles.put(profile.clone(), Extra { requested_scope: Some("a".to_owned()), ..Extra::default() });
            Ok(())
        })
        .unwrap();
    store.change(|profiles| Ok(profiles.active_profiles.insert("x".to_owned(), "y".to_owned()))).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&store.file()), 0o600);
    assert_eq!(mode(&store.home), 0o700);
    let again = store.load().unwrap();
    assert_eq!(again.unknown["later"], 7);
    assert_eq!(again.active("https://mcp.example").unwrap().profile_id, profile.profile_id);
    assert_eq!(again.extra(&profile.profile_id).requested_scope.as_deref(), Some("a"));
}

#[test]
fn a_failed_change_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(Some(directory.path().to_owned())).unwrap();
    let refused = store.change(|profiles| {
        profiles.put(Profile::new("https://mcp.example", "bearer"), Extra::default());
        Err::<(), _>(Failure::usage("no"))
    });
    assert!(refused.is_err());
    assert!(store.load().unwrap().profiles.is_empty());
}
