//! Every storage function, on either database, also with concurrent callers.
mod access_tokens;
mod answered_forms;
mod clients;
mod codes;
mod concurrency;
mod device_codes;
mod dpop_proofs;
mod grants;
mod initial_access_tokens;
mod logos;
mod migrations;
mod opening;
mod pushed_requests;
mod registration_access_tokens;
mod selections;
mod sessions;
mod sqlite;
mod subject_links;
mod system;
mod users;

use keyward::{
    model::{
        AnsweredForm, ApplicationType, AuditEvent, AuditEventId, AuthMethod, Client, ClientId, ClientMetadata,
        ClientSource, Code, Consent, FormAnswer, Grant, GrantId, KnownClient, Role, Scopes, User, UserId,
    },
    secrets::{self, Digest},
    storage::{self, Db, clients::RegistrationResult},
};
use time::{Duration, OffsetDateTime};

fn now() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(1_800_000_000)
}

/// An event that is stored with what it tells.
fn event(event_type: &str) -> AuditEvent {
    AuditEvent {
        id: AuditEventId::new(),
        event_type: event_type.into(),
        level: "info".into(),
        user_id: None,
        client_id: None,
        grant_id: None,
        success: true,
        details: serde_json::json!({}),
        request_id: None,
        ip_address: None,
        user_agent: None,
        at: now(),
    }
}

/// The types of all events, oldest first.
async fn events(db: &Db) -> Vec<String> {
    let events = storage::audit_events::recent(db, 100).await.unwrap();
    events.into_iter().rev().map(|event| event.event_type).collect()
}

/// A form that was answered.
fn answered(form: &str) -> AnsweredForm {
    AnsweredForm { form_hash: Digest::of(form), answer: FormAnswer::SetUp, answered_at: now() }
}

fn idle_since() -> OffsetDateTime {
    now() - Duration::days(30)
}

fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).unwrap()
}

fn new_client() -> Client {
    let redirect_uris = vec!["http://127.0.0.1/callback".into()];
    let metadata = ClientMetadata {
        application_type: ApplicationType::Native,
        client_name: Some("Näme".into()),
        scope: Some("mcp:read".into()),
        ..ClientMetadata::new(AuthMethod::None, vec!["authorization_code".into()], redirect_uris)
    };
    Client::new(ClientId::random(), ClientSource::Dcr, metadata, now())
}

fn new_user(username: &str) -> User {
    User {
        id: UserId::new(),
        username: username.into(),
        password_hash: "$argon2id$".into(),
        role: Role::User,
        name: Some("Ada".into()),
        email: None,
        created_at: now(),
        disabled_at: None,
    }
}

fn new_grant(client: &Client, user: &User) -> Grant {
    Grant {
        id: GrantId::new(),
        client_id: client.id.clone(),
        user_id: user.id,
        grant_type: "authorization_code".into(),
        scopes: scopes("mcp:read mcp:write"),
        resources: vec!["https://mcp.example/a".into(), "https://mcp.example/b".into()],
        auth_time: now() - Duration::minutes(1),
        acr: Some("urn:example:class".into()),
        created_at: now(),
        expires_at: now() + Duration::days(90),
        revoked_at: None,
        generation: 1,
        refresh_hash: Digest::of("first"),
        refreshed_at: now(),
        dpop_jkt: None,
    }
}

fn new_code(grant: &Grant) -> Code {
    Code {
        code_hash: Digest::of(secrets::random()),
        grant_id: grant.id,
        client_id: grant.client_id.clone(),
        redirect_uri: "http://127.0.0.1:4711/callback".into(),
        code_challenge: "challenge".into(),
        nonce: Some("nonce".into()),
        expires_at: now() + Duration::minutes(1),
        consumed_at: None,
        failures: 0,
        dpop_jkt: None,
    }
}

fn new_consent(grant: &Grant) -> Consent {
    Consent {
        user_id: grant.user_id,
        client_id: grant.client_id.clone(),
        resource: grant.resources[0].clone(),
        scopes: grant.scopes.clone(),
        fingerprint: Digest::of("fingerprint"),
        known_client: Some(KnownClient {
            name: Some("App".into()),
            redirect_uris: vec!["https://app.example/cb".into()],
            authentication: AuthMethod::None,
            keys: None,
            is_short_lived: false,
        }),
        places: vec!["app.example".into()],
        granted_at: now(),
    }
}

/// A client on record; `asked`, or the one that is the same.
async fn registered(db: &Db, asked: &Client) -> Client {
    match storage::clients::register(db, asked, "192.0.2.1", 1_000, None).await.unwrap() {
        RegistrationResult::Done(client) => *client,
        refused => panic!("{refused:?}"),
    }
}

/// A client and a user on record.
async fn a_pair(db: &Db) -> (Client, User) {
    let client = registered(db, &new_client()).await;
    let user = new_user(&secrets::random());
    assert!(storage::users::insert(db, &user).await.unwrap());
    (client, user)
}

/// A grant with its code on record.
async fn a_grant(db: &Db) -> (Grant, Code) {
    let (client, user) = a_pair(db).await;
    let grant = new_grant(&client, &user);
    let code = new_code(&grant);
    assert!(storage::grants::authorize(db, &grant, &code, None, &[], &event("approval")).await.unwrap());
    (grant, code)
}
