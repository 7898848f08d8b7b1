//! The gate of a guard: Host and Origin, then the token, then the message, then its scopes, then the server.
use crate::{
    challenge::{Challenge, DpopPolicy, Refusal, RequestId},
    clock::Clock,
    dpop,
    guard::Guard,
    introspection::Introspector,
    metadata,
    origin::{self, Allowed},
    request_id::Id,
    sessions::Sessions,
    step_up::StepUp,
    verify::{Access, Rejection, Scheme, Verifier},
    wire::{self, Message},
};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::Response,
};
use serde_json::json;
use std::sync::Arc;
use url::form_urlencoded;

const DPOP: HeaderName = HeaderName::from_static("dpop");

pub(crate) struct Gate {
    allowed: Allowed,
    challenge: Challenge,
    verifier: Verifier,
    proofs: dpop::Used,
    sessions: Sessions,
    step_up: StepUp,
    clock: Clock,
}

/// Who was let in, and for what; the answer is judged by it.
struct Visit {
    method: Method,
    access: Access,
    modern: bool,
    /// The legacy session the request named, which is the caller's.
    session: Option<String>,
}

impl Gate {
    pub fn new(guard: Guard) -> Self {
        let place = metadata::well_known_path(&guard.identifier);
        let challenge = Challenge {
            realm: guard.name,
            resource_metadata: format!("{}{place}", guard.resource.origin().ascii_serialization()),
            scope: guard.challenge_scope,
            dpop: guard.dpop,
        };
        let policy = Arc::new(guard.policy);
        let first = guard.issuers.first().cloned();
        let introspector = first.and_then(|issuer| Introspector::new(issuer, guard.introspection));
        let verifier = Verifier { resource: guard.identifier, issuers: guard.issuers, introspector, policy };
        Self {
            allowed: guard.allowed,
            challenge,
            verifier,
            proofs: dpop::Used::default(),
            sessions: Sessions::default(),
            step_up: guard.step_up,
            clock: guard.clock,
        }
    }

    async fn admit(&self, mut request: Request) -> Result<(Request, Visit), Refusal> {
        let (scheme, token) = self.token(request.headers(), request.uri())?;
        if scheme == Scheme::Bearer && self.challenge.dpop == DpopPolicy::Required {
            return Err(self.challenge.invalid_token(Scheme::Dpop, "unknown: this resource takes no bearer tokens"));
        }
        let verified = self.verifier.verify(scheme, token, self.clock.now()).await;
        let access = verified.map_err(|rejection| self.refuse(scheme, &rejection))?;
        self.prove(request.method(), request.headers(), token, &access)?;
        // Token and proof were for us, and go no further.
        request.headers_mut().remove(header::AUTHORIZATION);
        request.headers_mut().remove(DPOP);
        request.extensions_mut().insert(access.clone());
        if request.method() == Method::POST {
            return self.admit_message(request, access).await;
        }
        self.check_sign_in(None, &access)?;
        let session = self.session(request.headers(), &access)?;
        let streams = [Method::GET, Method::DELETE].contains(request.method()) && session.is_some();
        if !streams || wire::speaks_modern(request.headers()) {
            return Err(Refusal::method_not_allowed("POST"));
        }
        let method = request.method().clone();
        Ok((request, Visit { method, access, modern: false, session }))
    }

    async fn admit_message(&self, request: Request, access: Access) -> Result<(Request, Visit), Refusal> {
        let (mut parts, body) = request.into_parts();
        require_json(&parts.headers)?;
        let message = Message::read(&parts.headers, &collect(body).await?)?;
        self.check_sign_in(Some(&message), &access)?;
        let modern = message.modern;
        if modern {
            parts.headers.remove(wire::SESSION_ID);
            parts.headers.remove(wire::LAST_EVENT_ID);
        }
        let session = self.session(&parts.headers, &access)?;
        self.check_scopes(&message, &access)?;
        // Written anew, so that the server reads what was judged here, repeated members and all.
        let body = Bytes::from(message.body.to_string());
        parts.headers.remove(header::TRANSFER_ENCODING);
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        parts.extensions.insert(message);
        let request = Request::from_parts(parts, Body::from(body));
        Ok((request, Visit { method: Method::POST, access, modern, session }))
    }

    /// RFC 6750 §2.1, the one way MCP allows: never the query (§2.3), never twice (§3.1).
    fn token<'a>(&self, headers: &'a HeaderMap, uri: &Uri) -> Result<(Scheme, &'a str), Refusal> {
        let query = uri.query().unwrap_or_default();
        if form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token") {
            return Err(self.challenge.invalid_request("an access token must not be in the query"));
        }
        let Ok(value) = wire::single(headers, &header::AUTHORIZATION) else {
            return Err(self.challenge.invalid_request("the Authorization header must occur once, in visible ASCII"));
        };
        let (scheme, token) = value.unwrap_or_default().split_once(' ').unwrap_or_default();
        let token = token.trim();
        let Some(scheme) = Scheme::parse(scheme).filter(|_| !token.is_empty()) else {
            return Err(self.challenge.unauthorized());
        };
        let b64token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if !token.bytes().all(b64token) {
            return Err(self.challenge.invalid_request("the Authorization header must hold one access token"));
        }
        Ok((scheme, token))
    }

    /// RFC 9449 §7.1: the key that the token is bound to signed a proof for this very request.
    fn prove(&self, method: &Method, headers: &HeaderMap, token: &str, access: &Access) -> Result<(), Refusal> {
        let Some(jkt) = &access.jkt else { return Ok(()) };
        let refuse = |description| self.challenge.invalid_dpop_proof(description);
        let proof = wire::single(headers, &DPOP).ok().flatten();
        let proof = proof.ok_or_else(|| refuse("the DPoP header with the proof must occur once"))?;
        let (method, url, now) = (method.as_str(), access.audience.as_str(), self.clock.now());
        let trace =
            dpop::verify(proof, &dpop::Demand { method, url, access_token: token, jkt, now }).map_err(refuse)?;
        let first = self.proofs.first(trace, now);
        first.then_some(()).ok_or_else(|| refuse("the DPoP proof was used before (jti)"))
    }

    fn refuse(&self, scheme: Scheme, rejection: &Rejection) -> Refusal {
        match rejection {
            Rejection::Invalid(reason) => self.challenge.invalid_token(scheme, reason),
            Rejection::Unavailable(reason) => {
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", reason)
                    .header(header::RETRY_AFTER, HeaderValue::from_static("5"))
            }
        }
    }

    /// A session that ended, or is another's, is not found: the client opens a new one.
    fn session(&self, headers: &HeaderMap, access: &Access) -> Result<Option<String>, Refusal> {
        let Ok(session) = wire::single(headers, &wire::SESSION_ID) else {
            let text = "the Mcp-Session-Id header must occur once, in visible ASCII";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", text));
        };
        let Some(session) = session else { return Ok(None) };
        if self.sessions.touch(session, &access.principal(), self.clock.now()) {
            return Ok(Some(session.to_owned()));
        }
        Err(Refusal::new(StatusCode::NOT_FOUND, "session_not_found", "there is no such session"))
    }

    /// RFC 9470 §3. The new token is to be good for what the old one was, and for this call at once.
    fn check_sign_in(&self, message: Option<&Message>, access: &Access) -> Result<(), Refusal> {
        let demand = self.step_up.demand(message.and_then(Message::tool));
        let Some(missing) = demand.unmet(access, self.clock.now()) else { return Ok(()) };
        let needed = message.map_or(&[][..], |message| access.policy.needed(message.method(), message.tool()));
        let scope = if needed.is_empty() && access.scopes.is_empty() {
            self.challenge.scope.clone()
        } else {
            beside_those_held(needed, access).join(" ")
        };
        Err(self.challenge.insufficient_user_authentication(access.scheme, &scope, missing, &demand))
    }

    fn check_scopes(&self, message: &Message, access: &Access) -> Result<(), Refusal> {
        let policy = &access.policy;
        let needed = policy.needed(message.method(), message.tool());
        if policy.allows(&access.scopes, needed) {
            return Ok(());
        }
        // Clients of earlier revisions replace their scopes by the challenge's, so it keeps what they have.
        let ask = if message.modern { needed.to_vec() } else { beside_those_held(needed, access) };
        let data = json!({
            "required_scope": needed.join(" "),
            "token_scope": access.scopes.join(" "),
            "tool": message.tool(),
            "method": message.method(),
        });
        Err(self.challenge.insufficient_scope(access.scheme, message.id(), &ask.join(" "), data))
    }

    /// Sessions are known here by being seen: opened in an answer, ended by a DELETE that succeeded.
    fn note_session(&self, visit: &Visit, response: &Response) {
        if visit.modern || !response.status().is_success() {
            return;
        }
        if visit.method == Method::DELETE {
            visit.session.iter().for_each(|session| self.sessions.end(session));
            return;
        }
        let opened = response.headers().get(wire::SESSION_ID).and_then(|id| id.to_str().ok());
        if let Some(opened) = opened.filter(|opened| visit.session.as_deref() != Some(*opened)) {
            self.sessions.bind(opened, visit.access.principal(), self.clock.now());
        }
    }
}

/// These scopes, and what the token has of those that mean something here.
fn beside_those_held(needed: &[String], access: &Access) -> Vec<String> {
    let held = access.scopes.iter().filter(|held| access.policy.knows(held) && !needed.contains(held));
    needed.iter().chain(held).cloned().collect()
}

/// Middleware.
pub(crate) async fn pass(State(gate): State<Arc<Gate>>, Id(id): Id, request: Request, next: Next) -> Response {
    let origin = match gate.allowed.check(&request) {
        Ok(origin) => origin,
        Err(refusal) => return refusal.into_response(&id),
    };
    let mut response = if origin.is_some() && origin::is_preflight(&request) {
        origin::preflight(request.headers())
    } else {
        answer(&gate, &id, request, next).await
    };
    origin::expose(response.headers_mut(), origin);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn answer(gate: &Gate, id: &RequestId, request: Request, next: Next) -> Response {
    let (request, visit) = match gate.admit(request).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal.into_response(id),
    };
    let response = next.run(request).await;
    gate.note_session(&visit, &response);
    response
}

/// The body has been taken whole, and is no longer than it may be.
async fn collect(body: Body) -> Result<Bytes, Refusal> {
    let unread = |_| Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", "the body could not be read");
    to_bytes(body, usize::MAX).await.map_err(unread)
}

fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = wire::single(headers, &header::CONTENT_TYPE).ok().flatten().unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let text = "the Content-Type must be application/json";
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", text))
}
