//! Every way to say no: status, `WWW-Authenticate` challenge (RFC 6750 §3, RFC 9728 §5.1) and JSON body.
use crate::{error_code::ErrorCode, rpc_code::RpcCode, step_up::Demand};
use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use keyward_oauth::challenge::{self, Scheme};
use serde_json::{Value, json};

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Identifies one request in answers and logs.
#[derive(Clone, Debug)]
pub struct RequestId(pub HeaderValue);

impl RequestId {
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// An answer that is not what the client hoped for. Texts name the broken rule and never repeat the request.
#[derive(Debug)]
pub struct Refusal {
    pub status: StatusCode,
    pub error: ErrorCode,
    pub description: &'static str,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Of the plain body, beside those all have.
    members: Vec<(&'static str, Value)>,
    /// A JSON-RPC error response that takes the place of the plain body.
    json_rpc: Option<Value>,
    /// Somebody guesses: with this a lock begins.
    pub locks: bool,
    /// Others need what there is only so much of.
    pub by_budget: bool,
    /// The credential is good, and for something else.
    pub for_another: bool,
}

impl Refusal {
    pub fn new(error: ErrorCode, description: &'static str) -> Self {
        Self {
            status: error.status(),
            error,
            description,
            headers: Vec::new(),
            members: Vec::new(),
            json_rpc: None,
            locks: false,
            by_budget: false,
            for_another: false,
        }
    }

    /// Whoever asks has had their share for now.
    pub fn too_many(description: &'static str, seconds: u64) -> Self {
        Self::new(ErrorCode::RateLimitExceeded, description).until(seconds)
    }

    /// All shares are taken.
    pub fn busy(description: &'static str) -> Self {
        Self::new(ErrorCode::TemporarilyUnavailable, description).until(1)
    }

    fn until(self, seconds: u64) -> Self {
        let refusal = self.header(header::RETRY_AFTER, HeaderValue::from(seconds));
        Self { by_budget: true, ..refusal.member("retry_after", json!(seconds)) }
    }

    /// Seconds after which somebody who had their share may try again.
    pub fn retry_after(&self) -> Option<u64> {
        let header = self.headers.iter().find(|(name, _)| self.by_budget && *name == header::RETRY_AFTER);
        header.and_then(|(_, value)| value.to_str().ok()?.parse().ok())
    }

    /// A JSON-RPC error response (JSON-RPC 2.0 §5.1) with an HTTP status of its own.
    pub fn json_rpc(status: StatusCode, id: &Value, code: RpcCode, message: &'static str, data: Option<Value>) -> Self {
        let mut error = json!({"code": code as i64, "message": message});
        if let (Some(data), Some(members)) = (data, error.as_object_mut()) {
            members.insert("data".to_owned(), data);
        }
        let body = json!({"jsonrpc": "2.0", "id": id, "error": error});
        Self { status, json_rpc: Some(body), ..Self::new(ErrorCode::InvalidRequest, message) }
    }

    /// A message that is not as it must be: 400, as a JSON-RPC error response.
    pub fn malformed(id: &Value, code: RpcCode, message: &'static str) -> Self {
        Self::json_rpc(StatusCode::BAD_REQUEST, id, code, message, None)
    }

    /// A failure that is told to the model: a result with `isError`, so that it can do better.
    pub fn result(id: &Value, modern: bool, description: &'static str, told: &Value) -> Self {
        let content = json!([{"type": "text", "text": told.to_string()}]);
        let mut result = json!({"content": content, "structuredContent": told, "isError": true});
        if modern {
            result["resultType"] = json!("complete");
        }
        let body = json!({"jsonrpc": "2.0", "id": id, "result": result});
        Self { status: StatusCode::OK, json_rpc: Some(body), ..Self::new(ErrorCode::InvalidRequest, description) }
    }

    /// Whoever asks is known, and may not do this; `data` says what was needed.
    pub fn insufficient_scope(id: &Value, description: &'static str, data: Value) -> Self {
        let refusal =
            Self::json_rpc(StatusCode::FORBIDDEN, id, RpcCode::InsufficientScope, "Insufficient scope", Some(data));
        Self { error: ErrorCode::InsufficientScope, description, ..refusal }
    }

    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    #[must_use]
    pub fn member(mut self, name: &'static str, value: Value) -> Self {
        self.members.push((name, value));
        self
    }

    #[must_use]
    pub fn locking(mut self, locks: bool) -> Self {
        self.locks = locks;
        self
    }

    #[must_use]
    pub fn for_another(self, for_another: bool) -> Self {
        Self { for_another, ..self }
    }

    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self::new(ErrorCode::MethodNotAllowed, "the method is not allowed here")
            .header(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// Our fault, which the log tells more of.
    pub fn server_error() -> Self {
        let text = "the server could not complete the request";
        Self::new(ErrorCode::ServerError, text)
    }

    pub fn not_found() -> Self {
        Self::new(ErrorCode::NotFound, "there is nothing at this path")
    }

    pub fn into_response(self, request_id: &RequestId) -> Response {
        tracing::info!(
            request_id = request_id.as_str(),
            status = self.status.as_u16(),
            error = self.error.as_str(),
            reason = self.description,
            "refused"
        );
        let retry_after = self.retry_after();
        let body = self.json_rpc.unwrap_or_else(|| {
            let wait = retry_after.map(|seconds| format!("; try again in {seconds} s")).unwrap_or_default();
            let description = format!("{}{wait}", self.description);
            let mut body = json!({
                "error": self.error,
                "error_description": description,
                "detail": description,
                "request_id": request_id.as_str(),
            });
            self.members.into_iter().for_each(|(name, value)| body[name] = value);
            body
        });
        let mut response = (self.status, Json(body)).into_response();
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

/// What the challenges of one protected resource have in common.
#[derive(Clone, Debug)]
pub struct Challenge {
    pub realm: String,
    /// URL of the protected resource metadata (RFC 9728 §5.1).
    pub resource_metadata: String,
    /// The scopes worth asking for first (RFC 6750 §3).
    pub scope: String,
    pub dpop: DpopPolicy,
}

/// What a resource makes of proofs of possession (RFC 9449); whoever brings a good one is let in under each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpopPolicy {
    Accepted,
    /// Challenges tell of it, beside bearer tokens.
    Offered,
    /// Bearer tokens are refused.
    Required,
}

impl Challenge {
    /// No credentials at all: nothing was wrong, so no error code (RFC 6750 §3.1).
    pub fn unauthorized(&self) -> Refusal {
        let refusal = Refusal::new(ErrorCode::Unauthorized, "this resource needs an access token");
        let scheme = if self.dpop == DpopPolicy::Required { Scheme::Dpop } else { Scheme::Bearer };
        self.beside(refusal.header(header::WWW_AUTHENTICATE, self.value(scheme, Some(&self.scope), None)))
    }

    /// RFC 6750 §3.1: expired, of another audience or issuer, or not a token at all.
    pub fn invalid_token(&self, scheme: Scheme, description: &'static str) -> Refusal {
        let refusal = self.unauthorized_because(scheme, ErrorCode::InvalidToken, description);
        if scheme == Scheme::Bearer { self.beside(refusal) } else { refusal }
    }

    /// RFC 9449 §7.1: the proof is missing, or not one for this request.
    pub fn invalid_dpop_proof(&self, description: &'static str) -> Refusal {
        self.unauthorized_because(Scheme::Dpop, ErrorCode::InvalidDpopProof, description)
    }

    fn unauthorized_because(&self, scheme: Scheme, error: ErrorCode, description: &'static str) -> Refusal {
        let value = self.value(scheme, Some(&self.scope), Some((error, description)));
        Refusal::new(error, description).header(header::WWW_AUTHENTICATE, value)
    }

    /// Tells after a `Bearer` challenge, if it is to be told, that there is another way (RFC 9449 §7.2).
    fn beside(&self, refusal: Refusal) -> Refusal {
        if self.dpop == DpopPolicy::Offered {
            refusal.header(header::WWW_AUTHENTICATE, self.value(Scheme::Dpop, Some(&self.scope), None))
        } else {
            refusal
        }
    }

    /// RFC 6750 §3.1: repeated or malformed credentials.
    pub fn invalid_request(&self, description: &'static str) -> Refusal {
        Refusal::new(ErrorCode::InvalidRequest, description).header(
            header::WWW_AUTHENTICATE,
            self.value(Scheme::Bearer, None, Some((ErrorCode::InvalidRequest, description))),
        )
    }

    /// RFC 6750 §3.1, as a JSON-RPC error whose `data` says what was needed; `scope` names all to ask for.
    pub fn insufficient_scope(&self, scheme: Scheme, id: &Value, scope: &str, data: Value) -> Refusal {
        let description = "the access token lacks a scope this call needs";
        let challenge = self.value(scheme, Some(scope), Some((ErrorCode::InsufficientScope, description)));
        Refusal::insufficient_scope(id, description, data).header(header::WWW_AUTHENTICATE, challenge)
    }

    /// RFC 9470 §3: the token is good, but the sign-in behind it is not good enough.
    pub fn insufficient_user_authentication(
        &self,
        scheme: Scheme,
        scope: &str,
        description: &'static str,
        demand: &Demand,
    ) -> Refusal {
        let error = ErrorCode::InsufficientUserAuthentication;
        let mut challenge = self.challenge(scheme, Some(scope), Some((error, description)));
        if let Some(classes) = &demand.acr_values {
            challenge = challenge.with("acr_values", &classes.join(" "));
        }
        if let Some(seconds) = demand.max_age {
            challenge = challenge.with("max_age", &seconds.to_string());
        }
        Refusal::new(error, description).header(header::WWW_AUTHENTICATE, in_header(scheme, &challenge))
    }

    fn value(&self, scheme: Scheme, scope: Option<&str>, error: Option<(ErrorCode, &str)>) -> HeaderValue {
        in_header(scheme, &self.challenge(scheme, scope, error))
    }

    fn challenge(&self, scheme: Scheme, scope: Option<&str>, error: Option<(ErrorCode, &str)>) -> challenge::Challenge {
        let challenge =
            challenge::Challenge::new(scheme, &self.realm).with("resource_metadata", &self.resource_metadata);
        let challenge = match scope.filter(|scope| !scope.is_empty()) {
            Some(scope) => challenge.with("scope", scope),
            None => challenge,
        };
        match error {
            Some((error, description)) => challenge.error(error.as_str(), description),
            None => challenge,
        }
    }
}

fn in_header(scheme: Scheme, challenge: &challenge::Challenge) -> HeaderValue {
    HeaderValue::from_str(&challenge.to_string()).unwrap_or(HeaderValue::from_static(scheme.as_str()))
}
