//! Everything that was seen of a server. The checks look at nothing else.
use crate::{
    address::Address,
    challenge,
    discover::MetadataSource,
    error::{CERTIFICATE, Failure, INSECURE_HTTP, NO_TLS},
    http::Answer,
    mcp,
    metadata::ResourceMetadata,
};
use serde_json::Value;
use std::time::Duration;

/// The server's answers. A question that could not be asked has none.
pub struct Evidence {
    pub server: Address,
    /// This machine's clock, in seconds.
    pub now: i64,
    /// Why connections failed, where that is a fault of the server. After a fault of the first one nothing else is
    /// known.
    pub faults: Vec<Failure>,
    pub is_reached: bool,
    /// A request without credentials.
    pub without_credentials: Answer,
    /// A request with a token nobody issued.
    pub unknown_token: Option<Answer>,
    /// A request with the `Origin` of a web page that is not the server's.
    pub strange_origin: Option<Answer>,
    pub resource_documents: Vec<(MetadataSource, Answer)>,
    /// Metadata of a resource that does not exist.
    pub unknown_resource: Option<Answer>,
    /// The first authorization server that the resource names.
    pub issuer: Option<String>,
    pub server_documents: Vec<(MetadataForm, Answer)>,
    pub jwks: Option<Answer>,
    /// Preflight requests of a browser, by the name of the endpoint.
    pub preflights: Vec<(&'static str, Answer)>,
    /// A token request of a client nobody registered.
    pub unknown_client: Option<Answer>,
    /// An authorization request of a client nobody registered.
    pub unknown_authorization: Option<Answer>,
    /// `server/discover` of the stateless revision.
    pub discover: Option<Answer>,
    /// The metadata document of a client that the person named.
    pub client_document: Option<Answer>,
    /// How long answers took, by the kind of request.
    pub took: Vec<(&'static str, Duration)>,
    pub registration: Option<RegistrationTrial>,
    pub refresh: Option<RefreshTrial>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataForm {
    OAuth,
    OpenIdInserted,
    OpenIdAppended,
}

/// A client registered for trial.
#[derive(Clone)]
pub struct RegistrationTrial {
    pub redirect_uri: String,
    pub answer: Answer,
    /// How long that took.
    pub took: Duration,
    /// An authorization request for the scopes that the resource names.
    pub with_scope: Option<Answer>,
    /// An authorization request with another loopback port.
    pub other_port: Option<Answer>,
    /// The same of a client that called itself native, where the first was refused.
    pub other_port_native: Option<Answer>,
    /// An authorization request with a redirect URI nobody registered.
    pub other_redirect: Option<Answer>,
    /// An authorization request without PKCE.
    pub without_pkce: Option<Answer>,
}

/// A stored login, refreshed for trial.
#[derive(Clone)]
pub struct RefreshTrial {
    /// The token that was used up.
    pub spent: String,
    /// Whether the client authenticates, or holds the key the tokens are bound to.
    pub confidential: bool,
    pub first: Answer,
    /// How long that took.
    pub took: Duration,
    /// The same refresh token at once again, as parallel processes do.
    pub again: Answer,
    /// The token that the first answer brought.
    pub successor: Option<Answer>,
}

/// Whether a failure is a fault of the server itself, which its operator can mend.
pub fn is_fault(failure: &Failure) -> bool {
    [NO_TLS, CERTIFICATE, INSECURE_HTTP].contains(&&*failure.code)
}

impl Evidence {
    /// Evidence that holds only the answer to the first request.
    pub fn of(server: &Address, now: i64, without_credentials: Answer) -> Self {
        Self {
            server: server.clone(),
            now,
            faults: Vec::new(),
            is_reached: true,
            without_credentials,
            unknown_token: None,
            strange_origin: None,
            resource_documents: Vec::new(),
            unknown_resource: None,
            issuer: None,
            server_documents: Vec::new(),
            jwks: None,
            preflights: Vec::new(),
            unknown_client: None,
            unknown_authorization: None,
            discover: None,
            client_document: None,
            took: Vec::new(),
            registration: None,
            refresh: None,
        }
    }

    /// The schemes of a server that asks for credentials other than OAuth's. None where OAuth may be meant.
    pub fn other_schemes(&self) -> Option<String> {
        let answer = &self.without_credentials;
        let challenges = answer.challenges();
        let told = ["resource_metadata", "scope"].iter().any(|name| challenge::parameter(&challenges, name).is_some());
        let silent = answer.status != 401 || challenges.is_empty() || !answer.malformed_challenges().is_empty();
        if silent || told || self.resource_document().is_some() || self.issuer.is_some() {
            return None;
        }
        Some(challenges.into_iter().map(|challenge| challenge.scheme).collect::<Vec<_>>().join(", "))
    }

    /// Whether the server serves everybody, so that no rule of OAuth applies.
    pub fn is_open(&self) -> bool {
        let answer = &self.without_credentials;
        (200..300).contains(&answer.status) && mcp::stray(answer).is_none() && self.resource_document().is_none()
    }

    /// The metadata that a client would use, and where it was found.
    pub fn resource_document(&self) -> Option<(MetadataSource, Value)> {
        self.resource_documents.iter().find_map(|(source, answer)| {
            let value = answer.json().filter(|value| answer.status == 200 && value.get("resource").is_some())?;
            Some((*source, value))
        })
    }

    pub fn resource_value(&self) -> Option<Value> {
        self.resource_document().map(|(_, document)| document)
    }

    /// The metadata that was found at one place.
    pub fn resource_document_at(&self, wanted: MetadataSource) -> Option<Value> {
        let (_, answer) = self.resource_documents.iter().find(|(source, _)| *source == wanted)?;
        answer.json().filter(|value| answer.status == 200 && value.get("resource").is_some())
    }

    pub fn resource_metadata(&self) -> Option<ResourceMetadata> {
        serde_json::from_value(self.resource_document()?.1).ok()
    }

    /// Every metadata document of the authorization server that was served.
    pub fn served(&self) -> impl Iterator<Item = (MetadataForm, &Answer, Value)> {
        self.server_documents.iter().filter_map(|(form, answer)| {
            let value = answer.json().filter(|value| answer.status == 200 && value.get("issuer").is_some())?;
            Some((*form, answer, value))
        })
    }

    pub fn metadata(&self) -> Option<Value> {
        self.served().next().map(|(_, _, value)| value)
    }
}

/// The strings of a member that is a list.
pub fn strings(value: &Value, name: &str) -> Vec<String> {
    let items = value[name].as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

pub fn holds(value: &Value, name: &str, item: &str) -> bool {
    strings(value, name).iter().any(|found| found == item)
}

/// A member for people to read.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "absent".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
