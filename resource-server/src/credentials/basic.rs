//! `basic`: a username and a password (RFC 7617).
use super::{
    bearer_keys::challenge,
    kind::{Built, Kind, Setup, quotable},
};
use crate::attempts::{Asker, Attempts};
use anyhow::{Context, ensure};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::{header, request::Parts};
use base64ct::{Base64, Encoding};
use futures_util::future::{BoxFuture, FutureExt};
use keyward_guard::{
    ErrorCode,
    caller::Caller,
    challenge::Refusal,
    credential::Credential,
    digest::{self, Digest},
    wire,
};
use keyward_limits::spelling::normal_form;
use serde_json::Value;

const NAME: &str = "basic";

pub(super) const KIND: Kind = Kind {
    name: NAME,
    shown: "Authorization: Basic <user name and password>",
    login: Some(" --auth-mode basic --username NAME --password-stdin"),
    curl: "-u NAME",
    build,
};

struct Basic {
    realm: String,
    users: Vec<User>,
    attempts: Attempts,
    /// Accepts the same pair under the scheme `Bearer`, for clients without Basic.
    as_bearer: bool,
}

struct User {
    name: Digest,
    /// Passwords are plain text in the settings; only the digest is compared.
    password: Digest,
}

/// The digest of the normal form in which both sides are compared (RFC 7617 §2.1).
fn spelled(text: &str) -> Digest {
    digest::of(normal_form(text).as_bytes())
}

fn build(setup: &Setup) -> anyhow::Result<Built> {
    let user = |user: &crate::settings::UserSettings| {
        ensure!(!user.username.contains(':'), "a user name cannot hold a colon (RFC 7617 section 2)");
        let password = user.password.as_ref().context("a user of basic has a password")?.expose();
        Ok(User { name: spelled(&user.username), password: spelled(password) })
    };
    Ok(Built::everywhere(Basic {
        realm: setup.title.to_owned(),
        users: setup.settings.users.iter().map(user).collect::<Result<_, _>>()?,
        attempts: Attempts::new(setup.clock.clone()),
        as_bearer: setup.settings.basic_as_bearer,
    }))
}

impl Basic {
    async fn judge(&self, parts: &mut Parts) -> Result<Caller, Refusal> {
        let pair = self.pair(parts);
        parts.headers.remove(header::AUTHORIZATION);
        let asker = Asker::of(&parts.extensions);
        let Some(pair) = pair else {
            return Err(self.refuse(ErrorCode::Unauthorized, "this resource needs a user name and a password"));
        };
        let refusal = self.refuse(ErrorCode::InvalidToken, "the user name or the password is wrong");
        let Ok((name, password)) = pair else { return Err(self.attempts.noise(asker, refusal)) };
        let name = normal_form(&name).into_owned();
        let guess = self.attempts.book(&name, asker).await?;
        if !self.knows(&name, &password) {
            return Err(refusal.locking(guess.wrong()));
        }
        guess.right();
        Ok(Caller::of_kind(NAME, &name, "Basic"))
    }

    /// `None` without credentials; an error if they are malformed.
    fn pair(&self, parts: &Parts) -> Option<Result<(String, String), ()>> {
        let Ok(value) = wire::single(&parts.headers, &header::AUTHORIZATION) else { return Some(Err(())) };
        let (scheme, encoded) = value?.split_once(' ')?;
        let scheme_fits =
            scheme.eq_ignore_ascii_case("basic") || (self.as_bearer && scheme.eq_ignore_ascii_case("bearer"));
        let encoded = Some(encoded.trim()).filter(|encoded| scheme_fits && !encoded.is_empty())?;
        let decoded = Base64::decode_vec(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        // RFC 7617 §2: splits at the first colon, since the password may contain colons.
        let pair = decoded.as_deref().and_then(|decoded| decoded.split_once(':'));
        Some(pair.map(|(name, password)| (name.to_owned(), password.to_owned())).ok_or(()))
    }

    /// Takes the same time for every name.
    fn knows(&self, name: &str, password: &str) -> bool {
        let (name, password) = (spelled(name), spelled(password));
        let same = |one: &Digest, other: &Digest| verify_slices_are_equal(one, other).is_ok();
        let fits = |user: &&User| {
            let (same_name, same_password) = (same(&user.name, &name), same(&user.password, &password));
            same_name && same_password
        };
        self.users.iter().filter(fits).count() > 0
    }

    fn refuse(&self, error: ErrorCode, description: &'static str) -> Refusal {
        let refusal = Refusal::new(error, description);
        challenge(refusal, &format!("Basic realm=\"{}\", charset=\"UTF-8\"", quotable(&self.realm)))
    }
}

impl Credential for Basic {
    fn admit<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Result<Caller, Refusal>> {
        self.judge(parts).boxed()
    }

    fn scheme(&self) -> &'static str {
        "Basic"
    }

    fn insufficient_scope(&self, _: &Caller, id: &Value, _: &str, data: Value) -> Refusal {
        Refusal::insufficient_scope(id, "the credential lacks a scope this call needs", data)
    }
}
