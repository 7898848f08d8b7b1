//! Masks all secrets of the settings in the server's output.
use crate::settings::Settings;
use keyward_shared::mask::Masker;

pub(crate) fn masker<'a>(settings: &'a Settings) -> anyhow::Result<Masker> {
    let secrets = settings.secrets().map(|(secret, _)| secret).chain(settings.entrusted());
    // For a header value `Bearer KEY`, `KEY` is a secret too.
    let both = |secret: &'a str| [Some(secret), secret.split_once(' ').map(|(_, key)| key)].into_iter().flatten();
    let masker = Masker::of(secrets.flat_map(|secret| both(secret.expose())))?;
    let headers = settings.surfaces.iter().flat_map(|surface| surface.headers.keys());
    Ok(masker.telling(headers.map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64ct::{Base64, Base64UrlUnpadded, Encoding};
    use keyward_guard::digest;
    use serde_json::json;

    fn masker() -> Masker {
        super::masker(&Settings::built_in().unwrap()).unwrap()
    }

    #[test]
    fn credentials_are_hidden_at_any_depth_and_nothing_else_is() {
        let value =
            json!({"name": "a", "Password": "hunter2", "nested": [{"user_code": "AB", "access_token": {"a": 1}}]});
        let masked = masker().masked(&value);
        assert_eq!(masked["name"], "a");
        assert_eq!(masked["Password"], "sha256:f52fbd32b2b3 (len=7)");
        assert!(masked["nested"][0]["user_code"].as_str().unwrap().ends_with("(len=2)"));
        assert!(masked["nested"][0]["access_token"].as_str().unwrap().starts_with("sha256:"));
    }

    #[test]
    fn each_name_of_a_credential_hides_it_however_it_is_spelled() {
        for name in [
            "password",
            "client_secret",
            "clientSecret",
            "refresh_token",
            "code",
            "code_verifier",
            "api_key",
            "apiKey",
            "X-API-Key",
            "client_assertion",
            "user_code",
            "Authorization",
            "Cookie",
            "Set-Cookie",
            "X-GitHub-Token",
            "x-brave-key",
            "x_brave_key",
        ] {
            let masked =
                masker().masked(&json!({"a": [{name: "tell-tale"}], "b": json!({name: "tell-tale"}).to_string()}));
            assert!(!masked.to_string().contains("tell-tale"), "{name}: {masked}");
            assert!(masked["b"].as_str().unwrap().contains("(len=9)"), "{name}: {masked}");
        }
    }

    /// A secret in every place and encoding where it may appear.
    fn disguised(secret: &str) -> Vec<String> {
        let percent = |text: &str| {
            digest::hex(text.as_bytes())
                .as_bytes()
                .chunks(2)
                .fold(String::new(), |all, byte| all + "%" + std::str::from_utf8(byte).unwrap())
        };
        let upper = |text: &str| percent(text).to_uppercase();
        let form = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let json = |text: &str| json!(text).to_string();
        let unicode = percent(secret).replace('%', "\\u00");
        let base64 = |text: String| Base64::encode_string(text.as_bytes());
        let url_safe = |text: String| Base64UrlUnpadded::encode_string(text.as_bytes());
        vec![
            secret.to_owned(),
            percent(secret),
            upper(secret),
            form(secret),
            percent(&form(secret)),
            form(&form(&form(secret))),
            format!("{}{}", percent(&secret[..3]), &secret[3..]),
            unicode,
            json(secret),
            json(&json(secret)),
            form(&json(secret)),
            base64(secret.to_owned()),
            base64(format!("alice:{secret}")),
            base64(format!("a:{secret}")),
            url_safe(format!("{secret}:x")),
            form(&base64(format!("al:{secret}"))),
        ]
    }

    #[test]
    fn attack_123_a_secret_is_found_wherever_it_stands_and_however_it_is_encoded() {
        let hides = masker();
        let issued = format!("mk_0011223344556677_{}", "a0-_".repeat(10));
        let jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLWl0";
        let password = r##"!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##;
        for secret in ["test-api-key-12345", "TestPass123!", "hunter2", password, &issued, jwt] {
            for text in disguised(secret) {
                for around in
                    ["", " ", ":", "/", "|", "@", "%", "%25", "=", "&", "\"", "'", "\\", ".", "~", "é", "x", "\n"]
                {
                    for whole in
                        [format!("{around}{text}{around}"), format!("tool{around}{text}"), format!("{text}{around}2")]
                    {
                        // A secret known only by its form extends over adjacent letters of that form.
                        let masked = hides.text(&whole);
                        let left = disguised(secret).into_iter().find(|form| masked.contains(form.as_str()));
                        assert!(left.is_none() && masked.contains("sha256:"), "{whole:?} became {masked:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_secret_that_nobody_knows_is_found_by_what_stands_before_it() {
        let hides = masker();
        for (text, expected) in [
            ("Bearer opaque-token-0123456789 x", "Bearer sha256:"),
            ("bearer:opaque-token-0123456789", "bearer:sha256:"),
            ("see https://alice:opensesame@host/a", "see https://sha256:"),
            ("/cb?code=opensesame&state=1", "/cb?code=sha256:"),
            ("access_token=opensesame", "access_token=sha256:"),
        ] {
            let masked = hides.text(text);
            assert!(masked.starts_with(expected) && !masked.contains("opensesame"), "{masked}");
        }
        let brought = hides.beside(["opensesame"]);
        assert!(!brought.text("xopensesamex").contains("opensesame"));
        assert_eq!(hides.text("xopensesamex"), "xopensesamex");
    }

    #[test]
    fn a_harmless_text_stays_as_it_is() {
        let harmless = json!({
            "message": "an  ordinary, (text)", "half": "test-api-key", "grant": "urn:ietf:params:oauth:token-type:jwt",
            "word": "basic functionality of bearer tokens", "umlaut": "grüße %zz %", "id": "01a1fd69-326c-7341-90f7-fb698896fba5",
            "url": "https://app.example/client?a=b#c", "tool": "get_current_weather", "base64": "aGVsbG8gd29ybGQ=",
        });
        assert_eq!(masker().masked(&harmless), harmless);
        assert_eq!(masker().without_secrets(&harmless), harmless);
    }
}
