//! The subject of a token.
use crate::{
    app::App,
    audit::Event,
    events::EventType,
    model::{Client, GrantId, User},
    tokens::access_token::{AccessTokenClaims, PersonClaims},
};
use serde_json::json;
use time::OffsetDateTime;

pub enum Subject {
    /// A user, through a grant; with the time and the authentication context class of their sign-in.
    Person { user: User, grant_id: GrantId, auth_time: OffsetDateTime, acr: Option<String> },
    /// The client itself (RFC 6749 §4.4).
    Client,
    /// Another client, for which this one acts (RFC 8693 §1.1).
    Other { sub: String },
}

impl Subject {
    pub fn identifier(&self, client: &Client) -> String {
        match self {
            Self::Person { user, .. } => user.id.to_string(),
            Self::Client => client.id.to_string(),
            Self::Other { sub } => sub.clone(),
        }
    }

    /// Records in the audit trail that a token was issued.
    pub async fn record(&self, app: &App, event: EventType, client: &Client, claims: &AccessTokenClaims) {
        let details = json!({"jti": claims.jti, "scope": claims.scope, "resource": claims.aud,
            "grant_type": claims.grant_type});
        let event = Event::new(event).client(&client.id).details(details);
        let event = match self {
            Self::Person { user, grant_id, .. } => event.user(user.id).grant(*grant_id),
            Self::Client | Self::Other { .. } => event,
        };
        event.note(&app.audit).await;
    }

    pub fn person(&self) -> Option<PersonClaims> {
        match self {
            Self::Person { user, grant_id, auth_time, acr } => Some(PersonClaims {
                preferred_username: user.username.clone(),
                auth_time: auth_time.unix_timestamp(),
                acr: acr.clone(),
                grant_id: grant_id.to_string(),
            }),
            Self::Client | Self::Other { .. } => None,
        }
    }
}
