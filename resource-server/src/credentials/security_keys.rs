//! `security-keys`: a key in a header that the settings name.
use super::{
    bearer_keys::challenge,
    kind::{Built, Kind, Setup, quotable},
};
use crate::{
    attempts::{Asker, Attempts},
    keys::Keys,
    own,
};
use anyhow::{Context, ensure};
use axum::http::{HeaderName, request::Parts};
use futures_util::future::{BoxFuture, FutureExt, ready};
use keyward_guard::{
    ErrorCode, caller::Caller, challenge::Refusal, clock::Clock, credential::Credential, digest, wire,
};
use serde_json::{Value, json};

const NAME: &str = "security-keys";

pub(super) const KIND: Kind = Kind {
    name: NAME,
    shown: "a key in one of the configured headers",
    login: Some(" --auth-mode header --header HEADER=KEY"),
    curl: "-H \"HEADER: KEY\"",
    build,
};

struct SecurityKeys {
    realm: String,
    headers: Vec<Header>,
    attempts: Attempts,
    clock: Clock,
}

struct Header {
    name: HeaderName,
    /// The header's name as the settings spell it.
    shown: String,
    keys: Keys,
}

fn build(setup: &Setup) -> anyhow::Result<Built> {
    ensure!(!setup.settings.headers.is_empty(), "the surface {:?} needs headers with keys", setup.settings.id);
    let header = |(shown, keys): (&String, &Vec<_>)| {
        let name = shown.parse().with_context(|| format!("{shown:?} is not the name of a header"))?;
        anyhow::Ok(Header { name, shown: shown.clone(), keys: Keys::new(keys) })
    };
    Ok(Built::everywhere(SecurityKeys {
        realm: setup.title.to_owned(),
        headers: setup.settings.headers.iter().map(header).collect::<Result<_, _>>()?,
        attempts: Attempts::new(setup.clock.clone()),
        clock: setup.clock.clone(),
    }))
}

impl SecurityKeys {
    fn judge(&self, parts: &mut Parts) -> Result<Caller, Refusal> {
        let judged = self.find(parts);
        self.headers.iter().for_each(|header| drop(parts.headers.remove(&header.name)));
        judged
    }

    /// At least one header must be valid, and none may be wrong.
    fn find(&self, parts: &Parts) -> Result<Caller, Refusal> {
        let mut good = Vec::new();
        let mut bad = false;
        for header in &self.headers {
            match wire::single(&parts.headers, &header.name) {
                Ok(None) => {}
                Ok(Some(presented)) => match header.keys.find(presented, self.clock.now()) {
                    Some(key) => good.push(key),
                    None => bad = true,
                },
                Err(_) => bad = true,
            }
        }
        if bad {
            let refusal =
                self.refuse(ErrorCode::InvalidToken, "unknown: a key is not known here, or its header is repeated");
            return Err(self.attempts.noise(Asker::of(&parts.extensions), refusal));
        }
        let Some(first) = good.first() else {
            return Err(
                self.refuse(ErrorCode::Unauthorized, "this resource needs a key in one of the accepted headers")
            );
        };
        let fingerprints: Vec<_> = good.iter().map(|key| digest::fingerprint(&key.hash)).collect();
        let caller = Caller::of_kind(NAME, &fingerprints.join("+"), own::SECURITY_KEY);
        Ok(Caller { scopes: first.scopes.clone(), ..caller })
    }

    fn names(&self) -> Vec<&str> {
        self.headers.iter().map(|header| header.shown.as_str()).collect()
    }

    fn challenge(&self, refusal: Refusal) -> Refusal {
        let headers = self.names().join(" ");
        challenge(refusal, &format!("{} realm=\"{}\", headers=\"{headers}\"", own::SECURITY_KEY, quotable(&self.realm)))
    }

    fn refuse(&self, error: ErrorCode, description: &'static str) -> Refusal {
        let refusal = Refusal::new(error, description);
        self.challenge(refusal.member("accepted_headers", json!(self.names())))
    }
}

impl Credential for SecurityKeys {
    fn admit<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Result<Caller, Refusal>> {
        ready(self.judge(parts)).boxed()
    }

    fn scheme(&self) -> &'static str {
        own::SECURITY_KEY
    }

    fn headers(&self) -> Vec<&str> {
        self.names()
    }

    fn insufficient_scope(&self, _: &Caller, id: &Value, _: &str, data: Value) -> Refusal {
        self.challenge(Refusal::insufficient_scope(id, "the credential lacks a scope this call needs", data))
    }
}
