//! The challenge and the protected resource metadata (RFC 9728).
use super::super::{
    Check, Evidence,
    Level::{Must, Should},
    Revision::{R03, R06, R07, R11},
    Verdict::{self, Bad, Good, Silent},
    evidence::{holds, strings},
};
use crate::{challenge, discover::Source, http::is_loopback};
use serde_json::Value;
use url::Url;

pub const CHECKS: &[Check] = &[
    Check {
        id: "challenge-401",
        level: Must,
        rule: "RFC 6750 §3, MCP authorization, error handling",
        since: R03,
        wanted: "401 for a request without credentials",
        breaks: "every client: none of them starts a login without it",
        mend: "answer 401, never 200, 403 or a redirect",
        judge: |seen| match (seen.is_open(), seen.without_credentials.status) {
            (true, _) => Silent,
            (false, status) => Verdict::unless(status == 401, format!("HTTP {status}")),
        },
    },
    Check {
        id: "challenge-scheme",
        level: Must,
        rule: "RFC 6750 §3, RFC 9449 §7.1",
        since: R03,
        wanted: "WWW-Authenticate: Bearer (or DPoP)",
        breaks: "Python SDK, rmcp and VS Code find neither metadata nor scope",
        mend: "send WWW-Authenticate: Bearer resource_metadata=\"…\", scope=\"…\" with every 401",
        judge: |seen| {
            if seen.without_credentials.status != 401 {
                return Silent;
            }
            let challenges = seen.without_credentials.challenges();
            let oauth = challenges.iter().any(|challenge| challenge.is("Bearer") || challenge.is("DPoP"));
            let schemes: Vec<_> = challenges.iter().map(|challenge| challenge.scheme.as_str()).collect();
            Verdict::unless(oauth, if schemes.is_empty() { "no challenge".to_owned() } else { schemes.join(", ") })
        },
    },
    Check {
        id: "challenge-resource-metadata",
        level: Should,
        rule: "RFC 9728 §5.1",
        since: R06,
        wanted: "resource_metadata in the challenge",
        breaks: "clients of revision 2025-06-18 look nowhere else",
        mend: "name the metadata's address in WWW-Authenticate",
        judge: |seen| with_challenge(seen, |seen| Verdict::unless(named(seen).is_some(), "no resource_metadata")),
    },
    Check {
        id: "challenge-resource-metadata-served",
        level: Must,
        rule: "RFC 9728 §5.1",
        since: R06,
        wanted: "a document at the address the challenge names",
        breaks: "every client: discovery ends at the address it was told",
        mend: "serve the metadata there, or correct the address",
        judge: |seen| match (named(seen), document(seen, Source::Challenge)) {
            (Some(_), Some(_)) => Good,
            // Where there is nothing anywhere, another check says so.
            (Some(url), None) if metadata(seen).is_some() => Bad(format!("nothing usable at {url}")),
            _ => Silent,
        },
    },
    Check {
        id: "challenge-no-error",
        level: Should,
        rule: "RFC 6750 §3.1",
        since: R03,
        wanted: "no error code where no credentials were sent",
        breaks: "clients that take invalid_token for a dead login and throw it away",
        mend: "leave error out of the challenge when the request has no token",
        judge: |seen| {
            with_challenge(seen, |seen| {
                let challenges = seen.without_credentials.challenges();
                match challenge::parameter(&challenges, "error") {
                    Some(error) => Bad(format!("error=\"{error}\"")),
                    None => Good,
                }
            })
        },
    },
    Check {
        id: "challenge-scope",
        level: Should,
        rule: "MCP authorization, scope selection",
        since: R11,
        wanted: "scope in the challenge, or scopes_supported in the metadata",
        breaks: "ChatGPT and the SDKs ask for no scope, and get whatever the default is",
        mend: "name the scope a first request needs in WWW-Authenticate",
        judge: |seen| {
            with_challenge(seen, |seen| {
                let challenges = seen.without_credentials.challenges();
                let listed = metadata(seen).is_some_and(|document| !strings(&document, "scopes_supported").is_empty());
                let named = challenge::parameter(&challenges, "scope").is_some();
                Verdict::unless(named || listed, "no scope anywhere")
            })
        },
    },
    Check {
        id: "resource-metadata",
        level: Must,
        rule: "RFC 9728 §3",
        since: R06,
        wanted: "resource metadata at the challenge's address or a well-known one",
        breaks: "every client since 2025-06-18: no authorization server is found",
        mend: "serve /.well-known/oauth-protected-resource/<path of the server>",
        judge: |seen| {
            let open = (200..300).contains(&seen.without_credentials.status);
            if open && metadata(seen).is_none() {
                Silent
            } else {
                Verdict::unless(metadata(seen).is_some(), "none found")
            }
        },
    },
    Check {
        id: "resource-metadata-path-inserted",
        level: Should,
        rule: "RFC 9728 §3.1",
        since: R11,
        wanted: "the same metadata at the path-inserted well-known address",
        breaks: "clients that ignore the challenge's address, and people who check by hand",
        mend: "serve the document there too",
        judge: |seen| match (metadata(seen), seen.server.path()) {
            (None, _) | (_, "/") => Silent,
            (Some(_), _) => match document(seen, Source::PathInserted) {
                Some(_) => Good,
                None => Bad("nothing usable there".to_owned()),
            },
        },
    },
    Check {
        id: "resource-metadata-json",
        level: Must,
        rule: "RFC 9728 §3.2",
        since: R06,
        wanted: "Content-Type: application/json",
        breaks: "strict clients: Python SDK, openid-client, oauth4webapi",
        mend: "serve the document as application/json",
        judge: |seen| {
            let answers =
                seen.resource_documents.iter().filter(|(_, answer)| answer.status == 200 && answer.json().is_some());
            for (_, answer) in answers {
                if !answer.is_json() {
                    return Bad(answer.header("content-type").unwrap_or("no Content-Type").to_owned());
                }
            }
            if metadata(seen).is_some() { Good } else { Silent }
        },
    },
    Check {
        id: "resource-exact",
        level: Must,
        rule: "RFC 9728 §3.3",
        since: R06,
        wanted: "resource = the address of the server, character by character",
        breaks: "Claude, rmcp, Python and TypeScript SDK: they stop at another resource, some at a final slash",
        mend: "write the address people configure into resource",
        judge: |seen| match metadata(seen) {
            None => Silent,
            Some(document) => {
                let resource = document["resource"].as_str().unwrap_or_default();
                let bare_origin = seen.server.path() == "/" && format!("{resource}/") == seen.server.as_str();
                Verdict::unless(resource == seen.server.as_str() || bare_origin, shown(&document["resource"]))
            }
        },
    },
    Check {
        id: "resource-agrees",
        level: Must,
        rule: "RFC 9728 §3.3",
        since: R06,
        wanted: "the same metadata at each of its addresses",
        breaks: "clients end up with different authorization servers, by where they look first",
        mend: "serve one document at all addresses",
        judge: |seen| match (document(seen, Source::Challenge), document(seen, Source::PathInserted)) {
            (Some(one), Some(other)) => {
                let differs = |name: &&&str| one[**name] != other[**name];
                let names = ["resource", "authorization_servers", "scopes_supported"];
                match names.iter().find(differs) {
                    Some(name) => Bad(format!("{name} differs between the challenge's and the path-inserted address")),
                    None => Good,
                }
            }
            _ => Silent,
        },
    },
    Check {
        id: "resource-authorization-servers",
        level: Must,
        rule: "MCP authorization, RFC 9728 §2",
        since: R06,
        wanted: "at least one issuer in authorization_servers",
        breaks: "every client: there is nobody to ask for a token",
        mend: "list the issuer identifier of your authorization server",
        judge: |seen| match metadata(seen) {
            None => Silent,
            Some(document) => Verdict::unless(
                !strings(&document, "authorization_servers").is_empty(),
                shown(&document["authorization_servers"]),
            ),
        },
    },
    Check {
        id: "resource-authorization-servers-https",
        level: Must,
        rule: "RFC 8414 §2, MCP communication security",
        since: R06,
        wanted: "https issuers, without query and fragment (http on loopback only)",
        breaks: "every client that keeps the rule refuses to go on",
        mend: "serve the authorization server over https",
        judge: |seen| match metadata(seen).map(|document| strings(&document, "authorization_servers")) {
            None => Silent,
            Some(issuers) if issuers.is_empty() => Silent,
            Some(issuers) => match issuers.into_iter().find(|issuer| !is_issuer(issuer)) {
                Some(issuer) => Bad(issuer),
                None => Good,
            },
        },
    },
    Check {
        id: "resource-header-method",
        level: Must,
        rule: "RFC 9728 §2, MCP token requirements",
        since: R06,
        wanted: "header among bearer_methods_supported, or the member left out",
        breaks: "clients that read the list: MCP allows no other method",
        mend: "bearer_methods_supported: [\"header\"]",
        judge: |seen| match metadata(seen) {
            Some(document) if document.get("bearer_methods_supported").is_some() => Verdict::unless(
                holds(&document, "bearer_methods_supported", "header"),
                shown(&document["bearer_methods_supported"]),
            ),
            _ => Silent,
        },
    },
    Check {
        id: "resource-no-offline-access",
        level: Should,
        rule: "MCP authorization, refresh tokens",
        since: R07,
        wanted: "no offline_access among the resource's scopes",
        breaks: "clients ask for it although the authorization server may not know it",
        mend: "list it in the authorization server's scopes_supported instead",
        judge: |seen| match metadata(seen) {
            None => Silent,
            Some(document) => {
                let challenges = seen.without_credentials.challenges();
                let scope = challenge::parameter(&challenges, "scope").unwrap_or_default();
                let asked = scope.split(' ').any(|scope| scope == "offline_access");
                Verdict::unless(!asked && !holds(&document, "scopes_supported", "offline_access"), "offline_access")
            }
        },
    },
    Check {
        id: "resource-cors",
        level: Should,
        rule: "Fetch standard; browser clients",
        since: R06,
        wanted: "Access-Control-Allow-Origin on the metadata",
        breaks: "MCP Inspector and every client that runs in a page",
        mend: "allow any origin: the document is public",
        judge: |seen| {
            let served = seen.resource_documents.iter().find(|(_, answer)| answer.status == 200);
            match served {
                None => Silent,
                Some((_, answer)) => {
                    Verdict::unless(answer.header("access-control-allow-origin").is_some(), "no header")
                }
            }
        },
    },
    Check {
        id: "well-known-404",
        level: Should,
        rule: "RFC 9728 §3.2",
        since: R06,
        wanted: "404 for the metadata of what does not exist",
        breaks: "SDKs that take any 200, such as a web page, for metadata and fail on it",
        mend: "answer 404 outside the known well-known paths",
        judge: |seen| match &seen.unknown_resource {
            None => Silent,
            Some(answer) => Verdict::unless(answer.status >= 400, format!("HTTP {}", answer.status)),
        },
    },
    Check {
        id: "public-port",
        level: Should,
        rule: "claude.ai and ChatGPT connect from their makers' servers",
        since: R03,
        wanted: "port 443 for the server and its issuer",
        breaks: "Claude on the web, desktop and phone: other ports are not reached",
        mend: "put both behind port 443",
        judge: |seen| {
            let issuer = seen.issuer.as_deref().and_then(|issuer| Url::parse(issuer).ok());
            let mut public =
                [Some(seen.server.clone()), issuer].into_iter().flatten().filter(|url| !is_loopback(url)).peekable();
            if public.peek().is_none() {
                return Silent;
            }
            match public.find(|url| url.port_or_known_default() != Some(443)) {
                Some(url) => Bad(format!("port {}", url.port_or_known_default().unwrap_or_default())),
                None => Good,
            }
        },
    },
];

/// Only a 401 with an OAuth challenge has parameters to look at.
fn with_challenge(seen: &Evidence, judge: fn(&Evidence) -> Verdict) -> Verdict {
    let challenges = seen.without_credentials.challenges();
    let oauth = challenges.iter().any(|challenge| challenge.is("Bearer") || challenge.is("DPoP"));
    if seen.without_credentials.status == 401 && oauth { judge(seen) } else { Silent }
}

fn named(seen: &Evidence) -> Option<String> {
    challenge::parameter(&seen.without_credentials.challenges(), "resource_metadata").map(str::to_owned)
}

fn metadata(seen: &Evidence) -> Option<Value> {
    seen.resource_document().map(|(_, document)| document)
}

fn document(seen: &Evidence, wanted: Source) -> Option<Value> {
    let (_, answer) = seen.resource_documents.iter().find(|(source, _)| *source == wanted)?;
    answer.json().filter(|value| answer.status == 200 && value.get("resource").is_some())
}

fn is_issuer(issuer: &str) -> bool {
    Url::parse(issuer).is_ok_and(|url| {
        let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        safe && url.query().is_none() && url.fragment().is_none()
    })
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "absent".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
