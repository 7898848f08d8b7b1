//! A credential that a person gives belongs to the authorization server that saw it first. It is not sent to another
//! one that the MCP server names later.
use crate::{
    error::{Failure, Result},
    output::quoted,
    profiles::{Extra, Profile, Profiles, Store},
};
use std::fmt;

/// A credential that a person gives by hand, and that an authorization server will see.
#[derive(Clone, Debug)]
pub enum ManualCredential {
    /// A client id, with its secret or key.
    Client(String),
    /// An assertion in a file, by the file's canonical path.
    Assertion(String),
}

impl fmt::Display for ManualCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(id) => write!(f, "client {id}"),
            Self::Assertion(file) => write!(f, "assertion {file}"),
        }
    }
}

impl ManualCredential {
    pub fn assertion(file: &str) -> Self {
        Self::Assertion(canonical(file))
    }

    fn is_in(&self, profile: &Profile, extra: &Extra) -> bool {
        match self {
            Self::Client(id) => {
                let authenticates =
                    profile.token_endpoint_auth_method.as_deref().is_some_and(|method| method != "none");
                profile.dynamic_client_registration.is_none() && profile.client_id.as_ref() == Some(id) && authenticates
            }
            Self::Assertion(file) => extra.assertion_file.as_deref().map(canonical).as_ref() == Some(file),
        }
    }

    /// The issuers of the logins that have this credential; without any login, the issuers that saw it.
    fn issuers(&self, known: &Profiles) -> Vec<String> {
        let holding = known.profiles.iter().filter(|profile| self.is_in(profile, &known.extra(&profile.profile_id)));
        let issuers: Vec<_> = holding.filter_map(|profile| profile.issuer.clone()).collect();
        if issuers.is_empty() { known.bound.get(&self.to_string()).cloned().unwrap_or_default() } else { issuers }
    }
}

/// The canonical path of a file, so that two spellings of it are one credential.
fn canonical(file: &str) -> String {
    std::fs::canonicalize(file).map_or_else(|_| file.to_owned(), |path| path.display().to_string())
}

/// Binds the credential to the issuer, before anything is sent. It is refused where the credential belongs to another
/// issuer, unless the person named this one (`named`).
pub fn bind(store: &Store, given: &ManualCredential, issuer: &str, named: bool) -> Result<()> {
    let belongs = |known: &Profiles| {
        let issuers = given.issuers(known);
        if named || issuers.is_empty() || issuers.iter().any(|known| known == issuer) {
            return Ok(());
        }
        let message = format!(
            "{given} belongs to {}, but the server now names {issuer}: nothing was sent there. If that is right, \
             repeat the command with --authorization-server {}",
            issuers.join(" and "),
            quoted(issuer)
        );
        Err(Failure::new("issuer_changed", message))
    };
    store.change(|known| {
        belongs(known)?;
        let bound = known.bound.entry(given.to_string()).or_default();
        if !bound.iter().any(|known| known == issuer) {
            bound.push(issuer.to_owned());
        }
        Ok(())
    })
}
