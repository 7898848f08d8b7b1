//! Sealed secrets open with their own key and for their own login only.
use super::*;

fn secrets(token: &str) -> Secrets {
    let mut profile = Profile { access_token: Some(token.to_owned()), ..Profile::default() };
    Secrets::take(&mut profile, &mut Extra::default())
}

#[test]
fn what_is_sealed_opens_with_its_key_for_its_profile_only() {
    let (key, other) = ([1; 32], [2; 32]);
    let sealed = seal(&key, "a", &secrets("s3cret")).unwrap();
    assert_eq!(open(&key, "a", &sealed).unwrap().access_token.as_deref(), Some("s3cret"));
    assert!(open(&other, "a", &sealed).is_none());
    assert!(open(&key, "b", &sealed).is_none(), "sealed for another profile");
    assert!(open(&key, "a", &sealed[..sealed.len() - 2]).is_none());
    assert!(open(&key, "a", "").is_none());
    assert_ne!(sealed, seal(&key, "a", &secrets("s3cret")).unwrap(), "a nonce is used once");
}

#[test]
fn every_secret_of_a_login_is_taken_out_and_comes_back() {
    let text = |text: &str| Some(text.to_owned());
    let mut profile = Profile {
        access_token: text("s3cret-1"),
        refresh_token: text("s3cret-2"),
        client_secret: text("s3cret-3"),
        client_id: text("public"),
        ..Profile::default()
    };
    let mut extra = Extra {
        dpop_key: text("s3cret-4"),
        client_private_key: text("s3cret-5"),
        headers: BTreeMap::from([("x-key".to_owned(), "s3cret-6".to_owned())]),
        ..Extra::default()
    };
    let before = serde_json::json!([profile, extra]);
    let secrets = Secrets::take(&mut profile, &mut extra);
    assert!(!serde_json::json!([profile, extra]).to_string().contains("s3cret"));
    secrets.put(&mut profile, &mut extra);
    assert_eq!(serde_json::json!([profile, extra]), before);
}
