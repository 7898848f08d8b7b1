//! The protected resource metadata (RFC 9728).
use super::super::{
    check::{
        Check,
        Level::{Must, Should},
        Revision::{R03, R06, R07, R11},
        Verdict::{self, Bad, Good, NotApplicable},
    },
    evidence::{holds, shown, strings},
};
use crate::{address::Address, challenge, discover::MetadataSource};

pub const CHECKS: &[Check] = &[
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
            if (open && seen.resource_value().is_none()) || seen.other_schemes().is_some() {
                NotApplicable
            } else {
                Verdict::unless(seen.resource_value().is_some(), "none found")
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
        judge: |seen| match (seen.resource_value(), seen.server.path()) {
            (None, _) | (_, "/") => NotApplicable,
            (Some(_), _) => match seen.resource_document_at(MetadataSource::PathInserted) {
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
            if seen.resource_value().is_some() { Good } else { NotApplicable }
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
        judge: |seen| match seen.resource_value() {
            None => NotApplicable,
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
        judge: |seen| match (
            seen.resource_document_at(MetadataSource::Challenge),
            seen.resource_document_at(MetadataSource::PathInserted),
        ) {
            (Some(one), Some(other)) => {
                let differs = |name: &&&str| one[**name] != other[**name];
                let names = ["resource", "authorization_servers", "scopes_supported"];
                match names.iter().find(differs) {
                    Some(name) => Bad(format!("{name} differs between the challenge's and the path-inserted address")),
                    None => Good,
                }
            }
            _ => NotApplicable,
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
        judge: |seen| match seen.resource_value() {
            None => NotApplicable,
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
        judge: |seen| match seen.resource_value().map(|document| strings(&document, "authorization_servers")) {
            None => NotApplicable,
            Some(issuers) if issuers.is_empty() => NotApplicable,
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
        judge: |seen| match seen.resource_value() {
            Some(document) if document.get("bearer_methods_supported").is_some() => Verdict::unless(
                holds(&document, "bearer_methods_supported", "header"),
                shown(&document["bearer_methods_supported"]),
            ),
            _ => NotApplicable,
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
        judge: |seen| match seen.resource_value() {
            None => NotApplicable,
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
                None => NotApplicable,
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
            None => NotApplicable,
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
            let issuer = seen.issuer.as_deref().and_then(|issuer| Address::parse(issuer).ok());
            let mut public =
                [Some(seen.server.clone()), issuer].into_iter().flatten().filter(|url| !url.is_loopback()).peekable();
            if public.peek().is_none() {
                return NotApplicable;
            }
            match public.find(|url| url.port_or_known_default() != Some(443)) {
                Some(url) => Bad(format!("port {}", url.port_or_known_default().unwrap_or_default())),
                None => Good,
            }
        },
    },
];

fn is_issuer(issuer: &str) -> bool {
    Address::parse(issuer).is_ok_and(|url| {
        let safe = url.scheme() == "https" || (url.scheme() == "http" && url.is_loopback());
        safe && url.query().is_none() && url.fragment().is_none()
    })
}
