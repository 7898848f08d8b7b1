//! The surface on which people log in by tools.
mod api_keys;
mod connections;
mod guesses;
mod logins;
mod notes;
mod oversight;
mod stdio;

use crate::support::{Answer, ORIGIN, call, initialize, request};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::Request,
};
use keyward_resource_server::{Settings, clock::Clock, router};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tower::ServiceExt;

const PROFILE: &str = "get_user_profile";

/// The demo's people, or those of another configuration.
pub struct Site {
    pub router: Router,
    pub clock: Clock,
}

/// What comes with a request beside the message.
#[derive(Clone, Default)]
pub struct With {
    pub bearer: Option<String>,
    pub session: Option<String>,
    pub address: Option<[u8; 4]>,
}

pub fn bearer(token: &str) -> With {
    With { bearer: Some(token.to_owned()), ..With::default() }
}

pub fn session(id: &str) -> With {
    With { session: Some(id.to_owned()), ..With::default() }
}

impl Site {
    pub fn start() -> Self {
        Self::of(Settings::demo(ORIGIN, "http://127.0.0.1:8999").unwrap())
    }

    pub fn of(settings: Settings) -> Self {
        let clock = Clock::stopped();
        let router = router(&Settings { clock: clock.clone(), ..settings }).unwrap();
        Self { router, clock }
    }

    pub async fn send_to(&self, path: &str, with: &With, message: &Value) -> Answer {
        let mut request = request("POST", path).header("content-type", "application/json");
        if let Some(token) = &with.bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(session) = &with.session {
            request = request.header("mcp-session-id", session);
        }
        let mut request = request.body(Body::from(message.to_string())).unwrap();
        if let Some(address) = with.address {
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from((address, 1))));
        }
        self.answer(request).await
    }

    pub async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: to_bytes(body, usize::MAX).await.unwrap() }
    }

    pub async fn send(&self, with: &With, message: &Value) -> Answer {
        self.send_to("/mcp/session", with, message).await
    }

    /// What a tool answers, good or not.
    pub async fn call(&self, with: &With, tool: &str, arguments: Value) -> Value {
        let answer = self.send(with, &call(tool, arguments)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let result = answer.json()["result"].clone();
        assert_eq!(result["content"][0]["text"], result["structuredContent"].to_string(), "{answer:?}");
        result
    }

    pub async fn good(&self, with: &With, tool: &str, arguments: Value) -> Value {
        let result = self.call(with, tool, arguments).await;
        assert_ne!(result["isError"], true, "{tool}: {result}");
        result["structuredContent"].clone()
    }

    pub async fn bad(&self, with: &With, tool: &str, arguments: Value) -> Value {
        let result = self.call(with, tool, arguments).await;
        assert_eq!(result["isError"], true, "{tool}: {result}");
        result["structuredContent"].clone()
    }

    pub async fn login(&self, with: &With, username: &str, password: &str) -> Value {
        self.good(with, "authenticate_user", json!({"username": username, "password": password})).await
    }

    /// Somebody's session token.
    pub async fn token(&self, username: &str, password: &str) -> With {
        let login = self.login(&With::default(), username, password).await;
        bearer(login["access_token"].as_str().unwrap())
    }

    pub async fn admin(&self) -> With {
        self.token("admin", "admin123").await
    }

    /// The id of a new legacy session.
    pub async fn open_session(&self, with: &With) -> String {
        let answer = self.send(with, &initialize("2025-11-25")).await;
        answer.header("mcp-session-id").unwrap().to_owned()
    }

    /// Of the audit trail, as an administrator lists it.
    pub async fn events(&self, event_type: &str) -> Vec<Value> {
        let list = json!({"event_type": event_type, "limit": 100});
        let listed = self.good(&self.admin().await, "list_audit_events", list).await;
        listed["events"].as_array().unwrap().clone()
    }

    /// Reads a resource: its JSON.
    pub async fn read(&self, with: &With, uri: &str) -> Value {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": uri}});
        let answer = self.send(with, &message).await;
        let contents = answer.json()["result"]["contents"][0].clone();
        assert_eq!((&contents["uri"], &contents["mimeType"]), (&json!(uri), &json!("application/json")), "{answer:?}");
        serde_json::from_str(contents["text"].as_str().unwrap()).unwrap()
    }
}

pub fn none() -> With {
    With::default()
}

/// Everybody, by role.
pub const PEOPLE: [(&str, &str, &str); 4] = [
    ("admin", "admin123", "admin"),
    ("service_bot", "ServiceBot123!", "service"),
    ("testuser", "TestPass123!", "user"),
    ("readonly", "ReadOnly123!", "readonly"),
];

pub fn authentication_required() -> Value {
    json!({"error": "Authentication required"})
}
