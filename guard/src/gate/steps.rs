//! The checks of a gate, in order. What lets requests through and what explains it walk this one list.
use super::{
    Backend, Gate, forwarded,
    visits::{NamedSession, Visit},
};
use crate::{
    bodies::HeldBody,
    caller::Caller,
    challenge::Refusal,
    check::{Call, Check},
    check_name::CheckName,
    observer::Passage,
    rpc_code::RpcCode,
    source::{self, source_of},
    transport::Transport,
    wire::{self, Message},
};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, Method, request::Parts},
};
use keyward_limits::source::Source;
use serde_json::json;
use std::sync::Arc;

/// In the extensions of a request that is only explained: whoever counts, counts it for nothing.
#[derive(Clone, Copy)]
pub struct DryRun;

/// One check. A GET or DELETE has no message, so nothing is asked of it from there on but its session.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    /// `Host` and `Origin`.
    Origin,
    /// The credential is judged here, once; this and the next two take the refusal that is theirs.
    RateLimit,
    Credential,
    Audience,
    /// The body, and what headers say of it.
    Message,
    SignIn,
    Session,
    Scope,
    /// One of the program.
    Program(&'a Check),
}

const OWN: [Step; 8] = [
    Step::Origin,
    Step::RateLimit,
    Step::Credential,
    Step::Audience,
    Step::Message,
    Step::SignIn,
    Step::Session,
    Step::Scope,
];

impl Step<'_> {
    pub fn name(self) -> CheckName {
        match self {
            Self::Origin => CheckName::Origin,
            Self::RateLimit => CheckName::RateLimit,
            Self::Credential => CheckName::Credential,
            Self::Audience => CheckName::Audience,
            Self::Message => CheckName::Message,
            Self::SignIn => CheckName::SignIn,
            Self::Session => CheckName::Session,
            Self::Scope => CheckName::Scope,
            Self::Program(check) => CheckName::Own(check.name),
        }
    }

    pub fn needs_arguments(self) -> bool {
        matches!(self, Self::Program(check) if check.needs_arguments)
    }
}

/// A request on its way through the checks.
pub(super) struct Walk {
    pub passage: Passage,
    /// The session that it names is its caller's.
    pub owns_session: bool,
    parts: Parts,
    body: Body,
    /// Why the credential is not good, until the check that says so.
    refused: Option<Refusal>,
    /// Whom it counts for, and the room that its message takes.
    source: Source,
    held: Option<Arc<HeldBody>>,
    /// `Mcp-Param-*` as it goes on.
    parameters: HeaderMap,
    /// What became of the session that it names.
    named: Result<Option<NamedSession>, Refusal>,
}

impl Gate {
    pub(super) fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        OWN.into_iter().chain(self.checks.iter().map(Step::Program))
    }

    pub(super) async fn admit(&self, walk: &mut Walk) -> Result<Caller, Refusal> {
        for step in self.steps() {
            walk.passage.check = step.name();
            self.check(step, walk).await?;
        }
        walk.caller().cloned()
    }

    pub(super) async fn check(&self, step: Step<'_>, walk: &mut Walk) -> Result<(), Refusal> {
        match step {
            Step::Origin => self.allowed.check(&walk.parts.headers, &walk.parts.uri).map(drop),
            Step::RateLimit => self.check_credential(walk).await,
            Step::Credential => walk.refused.take_if(|refusal| !refusal.for_another).map_or(Ok(()), Err),
            Step::Audience => walk.refused.take().map_or(Ok(()), Err),
            Step::Message => self.read_message(walk).await,
            Step::SignIn => self.credential.check_sign_in(walk.caller()?, walk.passage.message.as_ref()),
            Step::Session => self.check_session(walk),
            Step::Scope => walk.call()?.map_or(Ok(()), |call| self.check_scopes(call)),
            Step::Program(check) => walk.call()?.map_or(Ok(()), |call| check.judge(call)),
        }
    }

    async fn check_credential(&self, walk: &mut Walk) -> Result<(), Refusal> {
        walk.parts.extensions.insert(walk.passage.outcome.clone());
        let caller = match self.credential.admit(&mut walk.parts).await {
            Ok(caller) => caller,
            Err(refusal) if refusal.by_budget => return Err(refusal),
            Err(refusal) => {
                walk.refused = Some(refusal);
                return Ok(());
            }
        };
        let extensions = &mut walk.parts.extensions;
        walk.source = source::of_caller(&caller, source_of(extensions));
        walk.passage.caller = Some(caller.clone());
        if let Some(allowance) = self.allowance.as_ref().filter(|_| extensions.get::<DryRun>().is_none()) {
            allowance.spend(walk.source)?;
        }
        if let Some(access) = caller.access.clone() {
            extensions.insert(access);
        }
        extensions.insert(caller);
        Ok(())
    }

    async fn read_message(&self, walk: &mut Walk) -> Result<(), Refusal> {
        if walk.parts.method != Method::POST {
            return Ok(());
        }
        let (body, is_known) = (std::mem::take(&mut walk.body), walk.caller()?.is_known());
        let is_parsed = self.backend == Backend::Endpoint;
        let (body, held) = self.bodies.read(body, is_known, walk.source, is_parsed).await?;
        let held = Arc::new(held);
        walk.parts.extensions.insert(Arc::clone(&held));
        walk.held = Some(held);
        walk.named = self.named_session(&walk.parts.headers, walk.caller()?, walk.source);
        walk.owns_session = walk.named.as_ref().is_ok_and(Option::is_some);
        forwarded::require_json(&walk.parts.headers)?;
        let message = Message::read(&walk.parts.headers, body)?;
        let message = walk.passage.message.insert(message);
        // Of earlier revisions, nobody compares them.
        if message.modern {
            walk.parameters = forwarded::parameters(&walk.parts.headers, message)?;
        }
        Ok(())
    }

    fn check_session(&self, walk: &mut Walk) -> Result<(), Refusal> {
        let transport = transport(&walk.parts);
        let Some(message) = &walk.passage.message else {
            let session = self.named_session(&walk.parts.headers, walk.caller()?, walk.source)?;
            let listens = walk.parts.method == Method::GET && transport == Transport::SseStream;
            let streams = [Method::GET, Method::DELETE].contains(&walk.parts.method) && session.is_some();
            if !(listens || streams) || wire::speaks_modern(&walk.parts.headers) {
                return Err(Refusal::method_not_allowed("POST"));
            }
            walk.named = Ok(session);
            return Ok(());
        };
        let invalid = |text| Refusal::malformed(message.id(), RpcCode::InvalidRequest, text);
        if message.modern {
            if transport.is_sse() {
                return Err(invalid("Invalid Request: this transport ended before the revision 2026-07-28"));
            }
            walk.named = Ok(None);
            let outside = self.credential.outside_sessions(walk.caller()?, &walk.parts);
            if let Some(caller) = outside {
                walk.parts.extensions.insert(caller.clone());
                walk.passage.caller = Some(caller);
            }
        }
        let session = std::mem::replace(&mut walk.named, Ok(None))?;
        let is_awaited = |session: &NamedSession| self.sessions.answer(&session.id, message.id());
        if message.is_response() && !session.as_ref().is_some_and(is_awaited) {
            return Err(invalid("Invalid Request: nobody waits for this response"));
        }
        walk.named = Ok(session);
        Ok(())
    }

    fn check_scopes(&self, Call { message, caller }: Call) -> Result<(), Refusal> {
        // What is answered was asked in a session of the caller's.
        let Some(held) = caller.scopes.as_ref().filter(|_| !message.is_response()) else { return Ok(()) };
        let policy = &self.policy;
        let needed = policy.needed(message.method(), message.tool());
        if caller.holds(policy, needed) {
            return Ok(());
        }
        // Clients of earlier revisions replace their scopes by the challenge's, so it keeps what they have.
        let ask = if message.modern { needed.to_vec() } else { caller.beside_those_held(policy, needed) };
        let data = json!({
            "required_scope": needed.join(" "),
            "token_scope": held.join(" "),
            "tool": message.tool(),
            "method": message.method(),
        });
        Err(self.credential.insufficient_scope(caller, message.id(), &ask.join(" "), data))
    }
}

impl Walk {
    pub fn new(request: Request, passage: Passage) -> Self {
        let (parts, body) = request.into_parts();
        Self {
            passage,
            owns_session: false,
            source: source_of(&parts.extensions),
            parts,
            body,
            refused: None,
            held: None,
            parameters: HeaderMap::new(),
            named: Ok(None),
        }
    }

    /// Whoever was let in. Nobody comes past the check of the credential without being one.
    fn caller(&self) -> Result<&Caller, Refusal> {
        self.passage.caller.as_ref().ok_or_else(Refusal::server_error)
    }

    /// What is called; a request without a message calls nothing.
    fn call(&self) -> Result<Option<Call<'_>>, Refusal> {
        let caller = self.caller()?;
        Ok(self.passage.message.as_ref().map(|message| Call { message, caller }))
    }

    /// What goes on to the server in the name of this caller, now that all checks were passed.
    pub fn forward(self, caller: Caller) -> (Request, Visit, Passage) {
        let Self { passage, parts, source, held, parameters, named, .. } = self;
        let session = named.ok().flatten();
        let visit = Visit {
            method: parts.method.clone(),
            caller,
            modern: passage.message.as_ref().is_some_and(|message| message.modern),
            streams: transport(&parts).is_sse(),
            session,
            source,
            held,
        };
        let session = visit.session.as_ref().map(|session| &*session.inner);
        let request = match passage.message.clone() {
            Some(message) => forwarded::message(parts, message, session, parameters),
            None => forwarded::bare(parts, session),
        };
        (request, visit, passage)
    }
}

fn transport(parts: &Parts) -> Transport {
    parts.extensions.get().copied().unwrap_or_default()
}
