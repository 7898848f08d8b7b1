//! Client metadata: the same JSON is registered and published.
use super::{
    Target,
    world::{World, end, silent},
};
use crate::support::{app::authorize_path, internet::Internet};
use keyward::{
    clients::metadata_document::{Resolution, resolve},
    model::{ClientId, UserId},
    storage::clients,
};
use serde_json::{Value, json};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use wiremock::{Mock, ResponseTemplate, matchers::any};

/// In an input, the URL at which it is published.
const URL: &str = "https://app.example/c";

pub struct Documents {
    world: World,
    /// What every URL answers.
    published: Arc<Mutex<Vec<u8>>>,
    urls: AtomicUsize,
    _internet: Internet,
}

impl Target for Documents {
    const NAME: &'static str = "documents";
    const WORDS: &'static [&'static str] = &[
        URL,
        "client_id",
        "client_name",
        "client_uri",
        "logo_uri",
        "tos_uri",
        "policy_uri",
        "redirect_uris",
        "contacts",
        "grant_types",
        "response_types",
        "scope",
        "jwks",
        "jwks_uri",
        "keys",
        "kty",
        "crv",
        "x",
        "y",
        "n",
        "e",
        "d",
        "kid",
        "software_id",
        "software_version",
        "software_statement",
        "token_endpoint_auth_method",
        "none",
        "token_endpoint_auth_methods_supported",
        "private_key_jwt",
        "client_secret_basic",
        "client_secret_post",
        "token_endpoint_auth_signing_alg",
        "application_type",
        "web",
        "native",
        "code",
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "implicit",
        "id_token_signed_response_alg",
        "ES256",
        "RS256",
        "EdDSA",
        "client_secret",
        "client_secret_expires_at",
        "require_pushed_authorization_requests",
        "dpop_bound_access_tokens",
        "https://client.example/cb",
        "http://127.0.0.1:51004/cb",
        "com.example.app:/cb",
        "javascript:alert(1)",
        "mcp:read",
        "openid offline_access",
        "client_name#de",
        "{\"client_name\":\"a\",",
    ];

    async fn start() -> Self {
        let internet = Internet { server: silent().await, lookups: Arc::default() };
        let published = Arc::new(Mutex::new(vec![]));
        let answer = published.clone();
        Mock::given(any())
            .respond_with(move |_: &wiremock::Request| {
                ResponseTemplate::new(200).set_body_raw(answer.lock().unwrap().clone(), "application/json")
            })
            .mount(&internet.server)
            .await;
        Self { world: World::over(&internet).await, published, urls: AtomicUsize::new(0), _internet: internet }
    }

    async fn judge(&self, input: &[u8]) -> Vec<String> {
        let mut ends = vec![self.register(input).await];
        ends.extend(self.publish(input).await);
        ends
    }
}

impl Documents {
    async fn register(&self, body: &[u8]) -> String {
        let answer = self.post(body).await;
        if answer.status != 201 {
            return end(&answer);
        }
        // What was registered, said again, means the same.
        let registered = answer.json();
        let again = self.post(registered.to_string().as_bytes()).await;
        let (first, second) = (metadata(&registered), metadata(&again.json()));
        assert_eq!(first, second);
        if registered["token_endpoint_auth_method"] == "none" {
            assert_eq!(registered["client_id"], again.json()["client_id"]);
        }
        self.look(registered["client_id"].as_str().unwrap()).await;
        end(&answer)
    }

    async fn post(&self, body: &[u8]) -> crate::support::app::Answer {
        let before = self.world.version().await;
        let headers: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
        let answer = self.world.send("POST", "/register", &headers, body).await.unwrap();
        assert!(answer.status == 201 || self.world.version().await == before, "{answer:?}");
        answer
    }

    /// At a URL of its own, on a host of its own.
    async fn publish(&self, input: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(input).ok()?;
        let url = format!("https://h{}.example/c", self.urls.fetch_add(1, Ordering::Relaxed));
        *self.published.lock().unwrap() = text.replace(URL, &url).into_bytes();
        let before = self.world.version().await;
        let resolved = resolve(&self.world.t.app, &url, Some(UserId::new())).await;
        let stored = clients::find(&self.world.t.db, &ClientId::from(&*url)).await.unwrap();
        Some(match resolved {
            Ok(Resolution::Client(client)) => {
                assert_eq!(client.id.as_str(), url);
                self.look(&url).await;
                "published".into()
            }
            Ok(_) => panic!("neither a client nor an error"),
            Err(error) => {
                assert!(stored.is_none() && self.world.version().await == before);
                assert!(error.cause.is_none(), "{error:?}");
                format!("published {}: {}", error.code, error.description)
            }
        })
    }

    /// What the consent page makes of it.
    async fn look(&self, client: &str) {
        let path = authorize_path(&ClientId::from(client), &[]);
        end(&self.world.browse(async |browser| browser.get(&path).await).await);
    }
}

/// Without what each registration has of its own.
fn metadata(registered: &Value) -> Value {
    let mut metadata = registered.clone();
    for own in ["client_id", "client_id_issued_at", "client_secret", "client_secret_expires_at"] {
        metadata[own] = json!(null);
    }
    metadata
}

#[tokio::test]
async fn no_client_metadata_however_bent_is_a_failure_of_ours_or_half_understood() {
    Box::pin(super::run::<Documents>()).await;
}
