//! Reads and checks all settings, and reports every error at once.
use super::{
    Config, client_metadata,
    faults::{Faults, Kind, Origin, shown},
    names,
    rules::algorithm,
    source::{Node, Source, Value},
};
use crate::{keys::MasterKey, oauth::resource::Resources, storage};
use secrecy::ExposeSecret;
use serde::Deserialize;
use std::{collections::HashMap, path::Path};
use url::Url;

/// A placeholder issuer, so that the rest can be read when the issuer is missing.
const NO_ISSUER: &str = "https://issuer.invalid";

impl Config {
    /// `defaults` is TOML. Later sources win; an unknown key is an error that names it.
    pub fn load(defaults: &str, file: Option<&Path>, variables: HashMap<String, String>) -> anyhow::Result<Self> {
        Self::load_and(defaults, file, variables, Self::check_secrets)
    }

    /// As [`Self::load`], but accepts short secrets: the demo's secrets are published anyway.
    pub fn load_for_demo(
        defaults: &str,
        file: Option<&Path>,
        variables: HashMap<String, String>,
    ) -> anyhow::Result<Self> {
        Self::load_and(defaults, file, variables, |_, _| {})
    }

    /// As [`Self::load`], with the additional check `judge`.
    pub fn load_and(
        defaults: &str,
        file: Option<&Path>,
        variables: HashMap<String, String>,
        judge: impl FnOnce(&Self, &mut Faults),
    ) -> anyhow::Result<Self> {
        let mut faults = Faults::default();
        names::strays(&variables, &mut faults);
        let mut source = Source::gather(defaults, file, variables, &mut faults)?;
        // If the file is not TOML, other errors would be misleading.
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
        let format = self.tokens.access_token_format;
        let resources = self.resources.values();
        let all: Vec<_> = resources.map(|one| (one.identifier.as_str(), one.scope_names())).collect();
        for (name, resource) in &self.resources {
            faults.below(&["resources", name], |faults| resource.check(format, &all, faults));
        }
        let resources = self.check_resources(faults);
        for (name, client) in &self.clients {
            faults.below(&["clients", name], |faults| client.check(name, faults));
        }
        self.check_trusted_issuers(resources.as_ref(), faults);
        if let Some(resources) = &resources {
            client_metadata::check(self, resources, faults);
        }
    }

    /// Checks the length of secrets that strangers could try to guess.
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

    /// Clients compare the issuer byte for byte (RFC 8414 §2).
    fn check_issuer(&self, faults: &mut Faults) {
        let (shown, at) = (shown(&self.issuer), &["issuer"]);
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
            // Browsers would send another `Origin`, and every form would be refused.
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

    /// If the resources are invalid, their references are not checked.
    fn check_trusted_issuers(&self, resources: Option<&Resources>, faults: &mut Faults) {
        for (name, issuer) in &self.trusted_issuers {
            faults.below(&["trusted_issuers", name], |faults| issuer.check(&self.issuer, resources, faults));
            let same = self.trusted_issuers.iter().filter(|(_, other)| other.issuer == issuer.issuer);
            if let Some((twin, _)) = same.take_while(|(other, _)| *other != name).last() {
                let text = format!("two have the issuer {:?}: trusted_issuers.{twin} too", issuer.issuer);
                faults.add(&["trusted_issuers", name, "issuer"], text);
            }
        }
        self.check_client_identifiers(faults);
    }

    /// If two entries had the same identifier, the last one written would silently win.
    fn check_client_identifiers(&self, faults: &mut Faults) {
        let clients = self
            .clients
            .iter()
            .map(|(name, client)| (vec!["clients", name.as_str(), "id"], client.id.as_deref().unwrap_or(name)));
        let workloads = self.trusted_issuers.iter().flat_map(|(issuer, settings)| {
            settings.workloads.iter().map(move |(name, workload)| {
                let path = vec!["trusted_issuers", issuer.as_str(), "workloads", name.as_str(), "client"];
                (path, workload.client(name))
            })
        });
        let all: Vec<_> = clients.chain(workloads).collect();
        for (at, (path, id)) in all.iter().enumerate() {
            if all[..at].iter().any(|(_, earlier)| earlier == id) {
                let table = &path[..path.len() - 1];
                let text = format!("two of the clients and workloads have the client identifier {id:?}");
                faults.add_about(path, &[table], text);
            }
        }
    }

    /// The resources, if they are valid.
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

/// Reads the settings; each faulty setting is reported and left out, until the rest can be read.
fn read(source: &mut Source, faults: &mut Faults) -> Option<Config> {
    loop {
        let fault = match Config::deserialize(&source.root) {
            Ok(config) => return Some(config),
            Err(fault) => fault,
        };
        let no_issuer = matches!(fault.kind, Kind::Missing) && fault.path.len() == 1;
        let culprit = if no_issuer { fault.path.clone() } else { fault.culprit().to_vec() };
        // A setting whose name was misspelt is not also reported as missing.
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
