//! The authorization server's metadata (RFC 8414) and how its endpoints answer strangers.
use super::super::{
    Check, Evidence,
    Level::{Must, Should},
    Revision::{R03, R07, R11},
    Verdict::{self, Bad, Good, Silent},
    evidence::{Form, holds, strings},
};
use crate::{http::is_loopback, metadata::JWT_BEARER};
use serde_json::Value;
use url::Url;

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
            None => Silent,
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
            with(seen, |_| {
                Verdict::unless(seen.served().any(|(form, ..)| form == Form::OAuth), "OpenID Connect form only")
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
            with(seen, |_| match seen.served().find(|(_, answer, _)| !answer.is_json()) {
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
            with(seen, |_| match seen.served().find(|(_, _, document)| document["issuer"] != *issuer) {
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
            with(seen, |first| {
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
            with(seen, |document| {
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
            with(seen, |document| {
                let names = [
                    "authorization_endpoint",
                    "token_endpoint",
                    "registration_endpoint",
                    "revocation_endpoint",
                    "jwks_uri",
                ];
                let urls = names.iter().filter_map(|name| Url::parse(document[*name].as_str()?).ok());
                match urls.into_iter().find(|url| url.scheme() != "https" && !is_loopback(url)) {
                    Some(url) => Bad(url.to_string()),
                    None => Good,
                }
            })
        },
    },
    Check {
        id: "pkce-s256",
        level: Must,
        rule: "MCP authorization, code protection; RFC 8414 §2",
        since: R11,
        wanted: "S256 in code_challenge_methods_supported, in every form of the metadata",
        breaks: "TypeScript, Python and Rust SDK and all on them: they refuse to go on",
        mend: "code_challenge_methods_supported: [\"S256\"]",
        judge: |seen| {
            with(seen, |_| {
                let lacks = |document: &Value| !holds(document, "code_challenge_methods_supported", "S256");
                match seen.served().find(|(_, _, document)| lacks(document)) {
                    Some((_, _, document)) => Bad(shown(&document["code_challenge_methods_supported"])),
                    None => Good,
                }
            })
        },
    },
    Check {
        id: "pkce-no-plain",
        level: Should,
        rule: "RFC 9700 §2.1.1",
        since: R03,
        wanted: "no plain in code_challenge_methods_supported",
        breaks: "people: a challenge that is the verifier protects nobody",
        mend: "offer S256 only",
        judge: |seen| {
            with(seen, |document| {
                Verdict::unless(!holds(document, "code_challenge_methods_supported", "plain"), "plain")
            })
        },
    },
    Check {
        id: "response-type-code",
        level: Must,
        rule: "RFC 8414 §2",
        since: R03,
        wanted: "code in response_types_supported",
        breaks: "TypeScript SDK, which checks the list before it asks",
        mend: "response_types_supported: [\"code\"]",
        judge: |seen| {
            with(seen, |document| {
                if document.get("authorization_endpoint").is_none() {
                    return Silent;
                }
                Verdict::unless(
                    holds(document, "response_types_supported", "code"),
                    shown(&document["response_types_supported"]),
                )
            })
        },
    },
    Check {
        id: "grant-types-listed",
        level: Should,
        rule: "RFC 8414 §2",
        since: R03,
        wanted: "grant_types_supported, spelled out",
        breaks: "clients that believe the default, which includes implicit and no refresh",
        mend: "list authorization_code and refresh_token, and what else there is",
        judge: |seen| with(seen, |document| Verdict::unless(document.get("grant_types_supported").is_some(), "absent")),
    },
    Check {
        id: "refresh-grant",
        level: Should,
        rule: "MCP authorization, refresh tokens",
        since: R03,
        wanted: "refresh_token in grant_types_supported",
        breaks: "everybody signs in again whenever a token ends",
        mend: "issue refresh tokens, rotating for public clients, and list the grant",
        judge: |seen| {
            with(seen, |document| {
                if !holds(document, "grant_types_supported", "authorization_code") {
                    return Silent;
                }
                Verdict::unless(holds(document, "grant_types_supported", "refresh_token"), "not listed")
            })
        },
    },
    Check {
        id: "auth-methods-listed",
        level: Must,
        rule: "RFC 8414 §2",
        since: R03,
        wanted: "token_endpoint_auth_methods_supported, spelled out",
        breaks: "every public client: left out it means client_secret_basic only",
        mend: "list none, and what else there is",
        judge: |seen| {
            with(seen, |document| {
                Verdict::unless(document.get("token_endpoint_auth_methods_supported").is_some(), "absent")
            })
        },
    },
    Check {
        id: "public-clients",
        level: Should,
        rule: "MCP authorization; OAuth 2.1 §2.4",
        since: R03,
        wanted: "none in token_endpoint_auth_methods_supported",
        breaks: "Claude, opencode, Codex and every CLI: they keep no secret",
        mend: "allow public clients with PKCE, and list none",
        judge: |seen| {
            with(seen, |document| {
                let methods = strings(document, "token_endpoint_auth_methods_supported");
                let people = holds(document, "response_types_supported", "code");
                // With documents the next check is the sharper one.
                if methods.is_empty() || !people || document["client_id_metadata_document_supported"] == true {
                    return Silent;
                }
                Verdict::unless(methods.iter().any(|method| method == "none"), methods.join(", "))
            })
        },
    },
    Check {
        id: "cimd-none",
        level: Must,
        rule: "Client ID metadata documents",
        since: R11,
        wanted: "none beside client_id_metadata_document_supported",
        breaks: "Claude and opencode: they use their document only where both are listed",
        mend: "list none in token_endpoint_auth_methods_supported",
        judge: |seen| {
            with(seen, |document| {
                let methods = strings(document, "token_endpoint_auth_methods_supported");
                if document["client_id_metadata_document_supported"] != true || methods.is_empty() {
                    return Silent;
                }
                Verdict::unless(methods.iter().any(|method| method == "none"), methods.join(", "))
            })
        },
    },
    Check {
        id: "client-identity",
        level: Must,
        rule: "MCP authorization, client registration",
        since: R11,
        wanted: "metadata documents (CIMD), or open registration (DCR)",
        breaks: "every client whose maker has not registered with you by hand",
        mend: "support client ID metadata documents and say client_id_metadata_document_supported: true",
        judge: |seen| {
            with(seen, |document| {
                let documents = document["client_id_metadata_document_supported"] == true;
                Verdict::unless(documents || document["registration_endpoint"].is_string(), "neither")
            })
        },
    },
    Check {
        id: "cimd",
        level: Should,
        rule: "MCP authorization, client ID metadata documents",
        since: R11,
        wanted: "client_id_metadata_document_supported: true",
        breaks: "nobody yet; registration (DCR) is deprecated since 2026-07-28 and fills your store",
        mend: "support client ID metadata documents",
        judge: |seen| {
            with(seen, |document| {
                if !document["registration_endpoint"].is_string() {
                    return Silent;
                }
                Verdict::unless(document["client_id_metadata_document_supported"] == true, "DCR only")
            })
        },
    },
    Check {
        id: "iss-parameter",
        level: Should,
        rule: "RFC 9207 §2.3",
        since: R07,
        wanted: "authorization_response_iss_parameter_supported: true",
        breaks: "Codex refuses answers without iss; a later revision makes it a must",
        mend: "send iss with every authorization response, errors too, and say so",
        judge: |seen| {
            with(seen, |document| {
                if document.get("authorization_endpoint").is_none() {
                    return Silent;
                }
                Verdict::unless(document["authorization_response_iss_parameter_supported"] == true, "not advertised")
            })
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
            with(seen, |document| {
                if document.get("scopes_supported").is_none() {
                    return Silent;
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
        id: "dpop-algorithms",
        level: Must,
        rule: "RFC 9449 §5.1",
        since: R03,
        wanted: "asymmetric algorithms in dpop_signing_alg_values_supported",
        breaks: "clients with DPoP: none and HS256 prove nothing",
        mend: "list ES256 and what else you verify",
        judge: |seen| {
            with(seen, |document| {
                if document.get("dpop_signing_alg_values_supported").is_none() {
                    return Silent;
                }
                let listed = strings(document, "dpop_signing_alg_values_supported");
                let good = !listed.is_empty() && listed.iter().all(|name| name != "none" && !name.starts_with("HS"));
                Verdict::unless(good, if listed.is_empty() { "empty".to_owned() } else { listed.join(", ") })
            })
        },
    },
    Check {
        id: "client-credentials-methods",
        level: Must,
        rule: "MCP extension OAuth client credentials",
        since: R11,
        wanted: "private_key_jwt or client_secret_basic beside client_credentials",
        breaks: "robots: they have no way to authenticate",
        mend: "list private_key_jwt or client_secret_basic",
        judge: |seen| {
            with(seen, |document| {
                if !holds(document, "grant_types_supported", "client_credentials") {
                    return Silent;
                }
                let methods = strings(document, "token_endpoint_auth_methods_supported");
                let good = ["private_key_jwt", "client_secret_basic"];
                Verdict::unless(
                    methods.is_empty() || methods.iter().any(|m| good.contains(&m.as_str())),
                    methods.join(", "),
                )
            })
        },
    },
    Check {
        id: "id-jag-grant",
        level: Must,
        rule: "MCP extension enterprise-managed authorization",
        since: R11,
        wanted: "the jwt-bearer grant beside the ID-JAG profile",
        breaks: "enterprise clients: the profile is announced and no grant takes it",
        mend: "list urn:ietf:params:oauth:grant-type:jwt-bearer",
        judge: |seen| {
            with(seen, |document| {
                if !holds(
                    document,
                    "authorization_grant_profiles_supported",
                    "urn:ietf:params:oauth:grant-profile:id-jag",
                ) {
                    return Silent;
                }
                Verdict::unless(holds(document, "grant_types_supported", JWT_BEARER), "not listed")
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
            let openid = seen.served().find(|(form, ..)| *form != Form::OAuth);
            let Some((_, _, document)) = openid else { return Silent };
            let names = ["jwks_uri", "subject_types_supported", "id_token_signing_alg_values_supported"];
            match names.into_iter().find(|name| document.get(*name).is_none()) {
                Some(name) => Bad(format!("no {name}")),
                None => Good,
            }
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
            let Some(answer) = &seen.jwks else { return Silent };
            let Some(keys) = answer.json().and_then(|set| set["keys"].as_array().cloned()) else {
                return Bad(format!("HTTP {} and no keys", answer.status));
            };
            let private = keys.iter().any(|key| ["d", "p", "q", "k"].iter().any(|member| key.get(*member).is_some()));
            Verdict::unless(!private, "private members")
        },
    },
    Check {
        id: "metadata-cors",
        level: Should,
        rule: "OAuth 2.1 §3.2; Fetch standard",
        since: R03,
        wanted: "Access-Control-Allow-Origin on the metadata",
        breaks: "MCP Inspector and every client that runs in a page",
        mend: "allow any origin: the document is public",
        judge: |seen| match seen.served().next() {
            None => Silent,
            Some((_, answer, _)) => {
                Verdict::unless(answer.header("access-control-allow-origin").is_some(), "no header")
            }
        },
    },
    Check {
        id: "token-cors",
        level: Should,
        rule: "OAuth 2.1 §3.2; Fetch standard",
        since: R03,
        wanted: "preflight requests to the token endpoint are answered",
        breaks: "MCP Inspector and every client that runs in a page",
        mend: "answer OPTIONS with Access-Control-Allow-Origin",
        judge: |seen| cors(seen, "token_endpoint"),
    },
    Check {
        id: "registration-cors",
        level: Should,
        rule: "Fetch standard",
        since: R03,
        wanted: "preflight requests to the registration endpoint are answered",
        breaks: "MCP Inspector and every client that runs in a page",
        mend: "answer OPTIONS with Access-Control-Allow-Origin",
        judge: |seen| cors(seen, "registration_endpoint"),
    },
    Check {
        id: "authorization-no-cors",
        level: Must,
        rule: "OAuth 2.1 §3.1, RFC 9700 §2.6",
        since: R03,
        wanted: "no CORS at the authorization endpoint",
        breaks: "people: a page could read what is meant for them alone",
        mend: "leave the authorization endpoint out of CORS",
        judge: |seen| match cors(seen, "authorization_endpoint") {
            Good => Bad("Access-Control-Allow-Origin".to_owned()),
            Bad(_) => Good,
            Silent => Silent,
        },
    },
    Check {
        id: "token-error-json",
        level: Must,
        rule: "RFC 6749 §5.2",
        since: R03,
        wanted: "JSON with an error code from the token endpoint, never a page or a redirect",
        breaks: "every client: they cannot tell a dead login from an outage",
        mend: "answer 400 or 401 with {\"error\": …}",
        judge: |seen| match &seen.unknown_client {
            None => Silent,
            Some(answer) => {
                let error = answer.json().is_some_and(|body| body["error"].is_string());
                Verdict::unless(error && matches!(answer.status, 400..500), format!("HTTP {}", answer.status))
            }
        },
    },
    Check {
        id: "unknown-client",
        level: Should,
        rule: "OAuth 2.1 §3.2.4",
        since: R03,
        wanted: "401 invalid_client for a client nobody registered",
        breaks: "SDKs: only invalid_client makes them register again after you lost theirs",
        mend: "judge the client before the code, and answer 401 invalid_client",
        judge: |seen| match seen.unknown_client.as_ref().and_then(|answer| Some((answer.status, answer.json()?))) {
            Some((status, body)) if body["error"].is_string() => {
                let good = body["error"] == "invalid_client" && status == 401;
                Verdict::unless(good, format!("{status} {}", shown(&body["error"])))
            }
            _ => Silent,
        },
    },
    Check {
        id: "open-redirect",
        level: Must,
        rule: "OAuth 2.1 §4.1.2.1, RFC 9700 §4.11",
        since: R03,
        wanted: "no redirect to an address of a client nobody registered",
        breaks: "people: your address leads them to any other (phishing)",
        mend: "show an error page unless the redirect URI is registered",
        judge: |seen| match &seen.unknown_authorization {
            None => Silent,
            Some(answer) => {
                let to = answer.header("location").unwrap_or_default();
                Verdict::unless(!to.starts_with("https://stranger.example"), "a redirect to it")
            }
        },
    },
];

fn with(seen: &Evidence, judge: impl Fn(&Value) -> Verdict) -> Verdict {
    seen.metadata().map_or(Silent, |document| judge(&document))
}

fn cors(seen: &Evidence, name: &str) -> Verdict {
    match seen.preflights.iter().find(|(asked, _)| *asked == name) {
        None => Silent,
        Some((_, answer)) => {
            let allowed = answer.header("access-control-allow-origin").is_some();
            Verdict::unless(allowed, format!("HTTP {}, no Access-Control-Allow-Origin", answer.status))
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "absent".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
