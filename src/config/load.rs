//! Reads all settings and judges them: everything that is wrong is found, not only the first of it.
use super::{
    Config,
    faults::{Faults, Kind},
    names,
    source::{Node, Origin, Source, Value},
};
use crate::{
    clients::configured,
    keys::MasterKey,
    oauth::{algorithm::Algorithm, resource::Resources},
    storage,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::{collections::HashMap, path::Path};
use url::Url;

/// What is shorter than this can be guessed.
const MIN_SECRET: usize = 16;
/// Stands in while the rest is read.
const NO_ISSUER: &str = "https://issuer.invalid";

impl Config {
    /// `defaults` is TOML. Later sources win; an unknown key is an error that names it.
    pub fn load(defaults: &str, file: Option<&Path>, variables: HashMap<String, String>) -> anyhow::Result<Self> {
        Self::load_and(defaults, file, variables, Self::check_secrets)
    }

    /// The same, but that secrets may be as short as one likes to type: the demo's are published anyway.
    pub fn load_for_demo(
        defaults: &str,
        file: Option<&Path>,
        variables: HashMap<String, String>,
    ) -> anyhow::Result<Self> {
        Self::load_and(defaults, file, variables, |_, _| {})
    }

    /// What `judge` finds counts too.
    pub fn load_and(
        defaults: &str,
        file: Option<&Path>,
        variables: HashMap<String, String>,
        judge: impl FnOnce(&Self, &mut Faults),
    ) -> anyhow::Result<Self> {
        let mut faults = Faults::default();
        names::strays(&variables, &mut faults);
        let mut source = Source::gather(defaults, file, variables, &mut faults)?;
        // Of a file that is no TOML nothing else can be said.
        let readable = !faults.unreadable();
        let config = readable.then(|| read(&mut source, &mut faults)).flatten();
        if let Some(config) = &config {
            config.check(&mut faults);
            judge(config, &mut faults);
        }
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(faults.into_error(&source).into()),
        }
    }

    fn check(&self, faults: &mut Faults) {
        self.check_issuer(faults);
        if let Err(error) = storage::check_url(self.database.url.expose_secret()) {
            faults.add(&["database", "url"], format!("{error:#}"));
        }
        self.check_lifetimes(faults);
        self.check_keys(faults);
        self.audit.check(faults);
        self.authorization.check(faults);
        self.client_metadata_documents.check(faults);
        self.grants.check(faults);
        for (name, resource) in &self.resources {
            faults.below(&["resources", name], |faults| resource.check(self, faults));
        }
        let resources = self.check_resources(faults);
        for (name, client) in &self.clients {
            faults.below(&["clients", name], |faults| client.check(name, faults));
        }
        self.check_trusted_issuers(resources.as_ref(), faults);
        if let Some(resources) = &resources {
            configured::check(self, resources, faults);
        }
    }

    /// Those that strangers could guess.
    pub fn check_secrets(&self, faults: &mut Faults) {
        self.debug.check(faults);
        self.registration.check(faults);
        for (name, client) in &self.clients {
            faults.below(&["clients", name], |faults| client.check_secrets(faults));
        }
        for (name, resource) in &self.resources {
            faults.below(&["resources", name], |faults| resource.check_secret(faults));
        }
    }

    /// Clients compare it byte for byte (RFC 8414 §2).
    fn check_issuer(&self, faults: &mut Faults) {
        let (shown, at) = (super::faults::shown(&self.issuer), &["issuer"]);
        let Ok(issuer) = Url::parse(&self.issuer) else {
            faults.add(at, format!("{shown} is no URL; write one such as https://auth.example.com"));
            return;
        };
        let has_user = !issuer.username().is_empty() || issuer.password().is_some();
        let plain = issuer.query().is_none() && issuer.fragment().is_none() && !has_user;
        let loopback = matches!(issuer.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        let secure = issuer.scheme() == "https" || (loopback && issuer.scheme() == "http");
        let written = issuer.as_str().strip_suffix('/').unwrap_or(issuer.as_str());
        let plain_path = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
        let text = if has_user {
            "it must have no user and no password (RFC 8414 §2)".to_owned()
        } else if !plain {
            format!("{shown} must have no query and no fragment (RFC 8414 §2)")
        } else if !secure {
            format!("{shown} must be https; http is for loopback only")
        } else if self.issuer.ends_with('/') {
            format!("{shown} must not end in a slash: clients compare it byte for byte")
        } else if !self.issuer_path().bytes().all(plain_path) {
            format!("{shown} may have letters, digits and - . _ ~ % in its path, and no other signs")
        } else if self.issuer != written {
            // Browsers' origins would be others: none of our forms would count.
            format!("{shown} is written otherwise by browsers and clients; write {written}")
        } else {
            return;
        };
        faults.add(at, text);
    }

    fn check_lifetimes(&self, faults: &mut Faults) {
        self.tokens.check(faults);
        faults.ensure(self.sessions.lifetime > 0, &["sessions", "lifetime"], "0 is not a number of seconds from 1 on");
        let idle = self.tokens.refresh_idle;
        let own = self.resources.iter().map(|(name, resource)| (Some(name), resource.access_token_lifetime));
        for (name, lifetime) in own.chain([(None, Some(self.tokens.access_token_lifetime))]) {
            let Some(lifetime) = lifetime else { continue };
            let text = if lifetime == 0 {
                format!("0 is not 1 to {idle} seconds")
            } else if lifetime > idle && idle > 0 {
                format!(
                    "access_token_lifetime ({lifetime}) is longer than tokens.refresh_idle ({idle} seconds): a grant that is idle ends"
                )
            } else {
                continue;
            };
            match name {
                Some(name) => faults.add_about(
                    &["resources", name, "access_token_lifetime"],
                    &[&["tokens", "refresh_idle"]],
                    text,
                ),
                None => {
                    faults.add_about(&["tokens", "access_token_lifetime"], &[&["tokens", "refresh_idle"]], text);
                }
            }
        }
    }

    fn check_keys(&self, faults: &mut Faults) {
        algorithm(&self.keys.signing_alg, &["keys", "signing_alg"], faults);
        if let Some(Err(error)) = self.keys.master_key.as_ref().map(|key| MasterKey::parse(key.expose_secret())) {
            faults.add(&["keys", "master_key"], format!("{error}; {}", crate::keys::HOW_TO_MAKE_ONE));
        }
        let (rotate, publish) = (self.keys.rotate_after, self.keys.publish_before);
        // Twice as long as caches may keep the keys.
        faults.ensure(
            publish >= 600,
            &["keys", "publish_before"],
            format!("{publish} is not enough; it must be at least 600 seconds"),
        );
        if rotate != 0 && rotate <= publish {
            faults.add_about(
                &["keys", "rotate_after"],
                &[&["keys", "publish_before"]],
                format!("rotate_after ({rotate}) must be longer than keys.publish_before ({publish} seconds), or 0"),
            );
        }
    }

    /// The resources, if they can be used.
    fn check_resources(&self, faults: &mut Faults) -> Option<Resources> {
        for (name, resource) in &self.resources {
            let twins = self.resources.iter().filter(|(_, other)| other.identifier == resource.identifier);
            if let Some((twin, _)) = twins.take_while(|(other, _)| *other != name).last() {
                faults.add_about(
                    &["resources", name, "identifier"],
                    &[&["resources", twin, "identifier"]],
                    format!("{:?} is that of resources.{twin} too; each needs its own", resource.identifier),
                );
            }
        }
        let known = || self.resources.keys().cloned().collect::<Vec<_>>().join(", ");
        match &self.default_resource {
            Some(name) if !self.resources.contains_key(name) => faults.add_about(
                &["default_resource"],
                &[&["resources"]],
                format!("{name:?} is not among the resources: {}", known()),
            ),
            None if self.resources.len() > 1 => faults.add_about(
                &["default_resource"],
                &[&["resources"]],
                format!("with several resources, default_resource must name one of them: {}", known()),
            ),
            _ => {}
        }
        let resources = self.resources();
        if let Err(error) = &resources
            && !faults.concern(&["resources"])
            && !faults.concern(&["default_resource"])
        {
            faults.add(&["resources"], error.to_string());
        }
        resources.ok()
    }
}

/// One thing that is wrong hides no other: it is told and left out, until the rest can be read.
fn read(source: &mut Source, faults: &mut Faults) -> Option<Config> {
    loop {
        let fault = match Config::deserialize(&source.root) {
            Ok(config) => return Some(config),
            Err(fault) => fault,
        };
        let no_issuer = matches!(fault.kind, Kind::Missing) && fault.path.len() == 1;
        let culprit = if no_issuer { fault.path.clone() } else { fault.culprit().to_vec() };
        // What a misspelt name was meant to set is not missed too.
        let spoilt =
            if let Kind::Unknown(known) = fault.kind { names::meant(&culprit, known) } else { Some(culprit.clone()) };
        faults.push(fault.found(source));
        if let Some(path) = spoilt {
            faults.spoil(path);
        }
        if no_issuer {
            let origin = source.find(&culprit).map_or(Origin::BuiltIn, |node| node.origin.clone());
            let issuer = Node { origin, value: Value::Text(NO_ISSUER.into()) };
            source.root.insert("issuer", issuer);
        } else if !source.take_out(&culprit) {
            return None;
        }
    }
}

/// Of its name, at `path`.
pub(super) fn algorithm(name: &str, path: &[&str], faults: &mut Faults) {
    let known = Algorithm::NAMES;
    faults.ensure(known.contains(&name), path, format!("{name:?} is not one of {}", known.join(", ")));
}

pub(super) fn long(secret: &SecretString, path: &[&str], faults: &mut Faults) {
    let is_long = secret.expose_secret().chars().count() >= MIN_SECRET;
    let text = format!("it needs at least {MIN_SECRET} characters; `openssl rand -hex 32` makes one");
    faults.ensure(is_long, path, text);
}
