//! The authorization server's metadata: found, true, and the same everywhere (RFC 8414).
use super::super::{
    check::{
        Check,
        Level::{Must, Should},
        Revision::{R03, R11},
        Verdict::{self, Bad, Good, NotApplicable},
        with_metadata,
    },
    evidence::{MetadataForm, holds, shown},
};
use crate::address::Address;

pub const CHECKS: &[Check] = &[
    Check {
        id: "metadata",
        level: Must,
        rule: "RFC 8414 §3, OpenID Connect Discovery §4",
        since: R03,
        wanted: "metadata of the issuer at one of its well-known addresses",
        breaks: "every client: no endpoint is known",
        mend: "serve /.well-known/oauth-authorization-server, before the issuer's path",
        judge: |seen| match &seen.issuer {
            None => NotApplicable,
            Some(_) => Verdict::unless(seen.metadata().is_some(), "none found"),
        },
    },
    Check {
        id: "metadata-oauth-form",
        level: Should,
        rule: "RFC 8414 §3.1",
        since: R03,
        wanted: "metadata at /.well-known/oauth-authorization-server",
        breaks: "clients of revisions before 2025-11-25, which look nowhere else",
        mend: "serve the document there, not only at openid-configuration",
        judge: |seen| {
            with_metadata(seen, |_| {
                Verdict::unless(seen.served().any(|(form, ..)| form == MetadataForm::OAuth), "OpenID Connect form only")
            })
        },
    },
    Check {
        id: "metadata-json",
        level: Must,
        rule: "RFC 8414 §3.2",
        since: R03,
        wanted: "Content-Type: application/json",
        breaks: "openid-client, oauth4webapi and other strict clients",
        mend: "serve the document as application/json",
        judge: |seen| {
            with_metadata(seen, |_| match seen.served().find(|(_, answer, _)| !answer.is_json()) {
                Some((_, answer, _)) => Bad(answer.header("content-type").unwrap_or("no Content-Type").to_owned()),
                None => Good,
            })
        },
    },
    Check {
        id: "issuer-exact",
        level: Must,
        rule: "RFC 8414 §3.3",
        since: R03,
        wanted: "issuer = the entry of authorization_servers, character by character",
        breaks: "Python SDK, rmcp, conformance suite, every client of 2026-07-28; often it is a final slash",
        mend: "choose one spelling of the issuer, and write it everywhere",
        judge: |seen| {
            let issuer = seen.issuer.clone().unwrap_or_default();
            with_metadata(seen, |_| match seen.served().find(|(_, _, document)| document["issuer"] != *issuer) {
                Some((_, _, document)) => Bad(shown(&document["issuer"])),
                None => Good,
            })
        },
    },
    Check {
        id: "metadata-agrees",
        level: Must,
        rule: "RFC 8414 §3, §5",
        since: R11,
        wanted: "the same endpoints at each well-known address",
        breaks: "clients end up at different endpoints, by where they look first",
        mend: "derive all documents from one",
        judge: |seen| {
            with_metadata(seen, |first| {
                let names = ["authorization_endpoint", "token_endpoint", "registration_endpoint", "jwks_uri"];
                let differs = |name: &&str| {
                    seen.served().any(|(_, _, document)| {
                        document.get(*name).is_some() && first.get(*name).is_some() && document[*name] != first[*name]
                    })
                };
                match names.into_iter().find(differs) {
                    Some(name) => Bad(format!("{name} differs")),
                    None => Good,
                }
            })
        },
    },
    Check {
        id: "endpoints",
        level: Must,
        rule: "RFC 8414 §2",
        since: R03,
        wanted: "authorization_endpoint and token_endpoint",
        breaks: "every client",
        mend: "list both endpoints",
        judge: |seen| {
            with_metadata(seen, |document| {
                let people = document.get("grant_types_supported").is_none()
                    || holds(document, "grant_types_supported", "authorization_code");
                let absent = |name: &&&str| !document[**name].is_string();
                let needed: &[&str] =
                    if people { &["token_endpoint", "authorization_endpoint"] } else { &["token_endpoint"] };
                match needed.iter().find(absent) {
                    Some(name) => Bad(format!("no {name}")),
                    None => Good,
                }
            })
        },
    },
    Check {
        id: "endpoints-https",
        level: Must,
        rule: "OAuth 2.1 §1.5, MCP communication security",
        since: R03,
        wanted: "https endpoints (http on loopback only)",
        breaks: "every client that keeps the rule; and the tokens of all others",
        mend: "serve every endpoint over https",
        judge: |seen| {
            with_metadata(seen, |document| {
                let names = [
                    "authorization_endpoint",
                    "token_endpoint",
                    "registration_endpoint",
                    "revocation_endpoint",
                    "jwks_uri",
                ];
                let mut named = names.iter().filter_map(|name| Some((name, document[*name].as_str()?)));
                let unsafe_one = named.find_map(|(name, text)| match Address::parse(text) {
                    Ok(url) => (url.scheme() != "https" && !url.is_loopback()).then(|| url.shown()),
                    Err(failure) => Some(format!("{name}: {failure}")),
                });
                unsafe_one.map_or(Good, Bad)
            })
        },
    },
    Check {
        id: "openid-complete",
        level: Must,
        rule: "OpenID Connect Discovery §3",
        since: R11,
        wanted: "jwks_uri, subject_types_supported and id_token_signing_alg_values_supported in the OpenID form",
        breaks: "TypeScript SDK and openid-client, which validate the document",
        mend: "add them, or serve the OAuth form only",
        judge: |seen| {
            let openid = seen.served().find(|(form, ..)| *form != MetadataForm::OAuth);
            let Some((_, _, document)) = openid else { return NotApplicable };
            let names = ["jwks_uri", "subject_types_supported", "id_token_signing_alg_values_supported"];
            match names.into_iter().find(|name| document.get(*name).is_none()) {
                Some(name) => Bad(format!("no {name}")),
                None => Good,
            }
        },
    },
    Check {
        id: "scopes-known",
        level: Should,
        rule: "RFC 8414 §2, RFC 9728 §2",
        since: R11,
        wanted: "the resource's scopes among the authorization server's",
        breaks: "clients that check: they ask for nothing, or stop",
        mend: "list the scopes in the authorization server's scopes_supported, or leave that list out",
        judge: |seen| {
            with_metadata(seen, |document| {
                if document.get("scopes_supported").is_none() {
                    return NotApplicable;
                }
                let wanted =
                    seen.resource_metadata().and_then(|metadata| metadata.scopes_supported).unwrap_or_default();
                match wanted.iter().find(|scope| !holds(document, "scopes_supported", scope)) {
                    Some(scope) => Bad(format!("{scope} is not listed")),
                    None => Good,
                }
            })
        },
    },
    Check {
        id: "jwks",
        level: Must,
        rule: "RFC 7517 §5",
        since: R03,
        wanted: "public keys at jwks_uri, and nothing private",
        breaks: "every resource server that verifies; with private members, everybody",
        mend: "publish the public halves only",
        judge: |seen| {
            let Some(answer) = &seen.jwks else { return NotApplicable };
            let Some(keys) = answer.json().and_then(|set| set["keys"].as_array().cloned()) else {
                return Bad(format!("HTTP {} and no keys", answer.status));
            };
            let private = keys.iter().any(|key| ["d", "p", "q", "k"].iter().any(|member| key.get(*member).is_some()));
            Verdict::unless(!private, "private members")
        },
    },
];
