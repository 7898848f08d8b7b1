//! What certain clients need beyond the rules, and what is wrong with a client's own metadata document.
use super::super::{
    check::{
        Check,
        Level::{Must, Should},
        Revision::{R03, R06, R07, R11},
        Verdict::{self, Bad, Good, NotApplicable},
    },
    evidence::{Evidence, shown, strings},
};
use crate::{address::Address, http::Answer, mcp};
use serde_json::Value;
use std::time::Duration;

/// How long Claude waits for an answer of discovery, of registration or of the token endpoint.
const CLAUDE_WAITS: Duration = Duration::from_secs(10);
/// How long Claude waits for a refresh.
const CLAUDE_WAITS_REFRESH: Duration = Duration::from_secs(30);

pub const CHECKS: &[Check] = &[
    Check {
        id: "claude-waits",
        level: Must,
        rule: "Claude waits 10 seconds for discovery, registration and tokens, 30 for a refresh",
        since: R03,
        wanted: "each answer within that time, the first one after a long pause too",
        breaks: "Claude on the web, desktop and phone: it gives up, and says that it could not reach the server",
        mend: "keep an instance warm; answer metadata from memory; ask nothing of others meanwhile",
        judge: |seen| {
            let limit = |what: &str| if what == "refresh" { CLAUDE_WAITS_REFRESH } else { CLAUDE_WAITS };
            match seen.took.iter().find(|(what, took)| *took > limit(what)) {
                Some((what, took)) => Bad(format!("{what}: {} seconds", took.as_secs())),
                None if seen.took.is_empty() => NotApplicable,
                None => Good,
            }
        },
    },
    Check {
        id: "first-authorization-server",
        level: Should,
        rule: "RFC 9728 §2 leaves the choice to clients; Claude reads the first entry only",
        since: R06,
        wanted: "one entry in authorization_servers, or first the one that lets everybody in",
        breaks: "Claude and most SDKs: whoever has an account with another of them only does not get in",
        mend: "name one authorization server, and let it ask the others",
        judge: |seen| {
            let named = seen.resource_value().map(|document| strings(&document, "authorization_servers"));
            let usable =
                |issuer: &String| Address::parse(issuer).is_ok_and(|url| url.scheme() == "https" || url.is_loopback());
            match named.unwrap_or_default().into_iter().filter(usable).collect::<Vec<_>>().as_slice() {
                [] => NotApplicable,
                [_] => Good,
                [first, others @ ..] => Bad(format!("{} more than {first}, which alone is read", others.len())),
            }
        },
    },
    Check {
        id: "discover-versions",
        level: Must,
        rule: "MCP 2026-07-28, server/discover",
        since: R07,
        wanted: "2026-07-28 among supportedVersions, from whoever answers server/discover",
        breaks: "clients of 2026-07-28: the method says that they may stay, the list that they must not",
        mend: "list 2026-07-28, or answer server/discover with -32601 so that clients begin with initialize",
        judge: |seen| {
            let answer = seen.discover.as_ref().and_then(Answer::json);
            let Some(versions) = answer.and_then(|answer| answer["result"]["supportedVersions"].as_array().cloned())
            else {
                return NotApplicable;
            };
            let versions: Vec<_> = versions.iter().filter_map(Value::as_str).collect();
            let seen = if versions.is_empty() { "none".to_owned() } else { versions.join(", ") };
            Verdict::unless(versions.contains(&mcp::MODERN), seen)
        },
    },
    Check {
        id: "document-method",
        level: Should,
        rule: "SEP-3149; OpenID Connect RP Metadata Choices §2",
        since: R11,
        wanted: "token_endpoint_auth_methods_supported, or at least token_endpoint_auth_method, in the client's metadata \
            document",
        breaks: "the client: that naming no method means none is on its way out, and then its document is refused",
        mend: "list the methods the client has, such as [\"none\"], and keep token_endpoint_auth_method beside the list",
        judge: |seen| {
            document(seen, |document| match methods(document) {
                Some(_) => Good,
                None => Bad("no method at all".to_owned()),
            })
        },
    },
    Check {
        id: "document-shares-method",
        level: Must,
        rule: "SEP-3149; RFC 8414 §2",
        since: R11,
        wanted: "a method of the document among those of the authorization server",
        breaks: "the client: its document is refused, and it never tries to register instead",
        mend: "offer one of the authorization server's methods; none beside private_key_jwt suits everybody",
        judge: |seen| {
            let Some(server) = seen.metadata() else { return NotApplicable };
            let offered = strings(&server, CHOICES);
            if offered.is_empty() {
                return NotApplicable;
            }
            document(seen, |document| {
                let own = methods(document).unwrap_or_else(|| vec!["none".to_owned()]);
                let shared = own.iter().any(|method| offered.contains(method));
                Verdict::unless(shared, format!("{} here, {} there", own.join(", "), offered.join(", ")))
            })
        },
    },
    Check {
        id: "document-itself",
        level: Must,
        rule: "OAuth Client ID Metadata Document §4",
        since: R11,
        wanted: "status 200, a JSON object whose client_id is its very URL, no redirect",
        breaks: "the client: authorization servers refuse the document, and do not follow where it leads",
        mend: "serve the document at the URL that the client sends, and write that URL into it",
        judge: |seen| match &seen.client_document {
            None => NotApplicable,
            Some(answer) if answer.status != 200 => Bad(format!("HTTP {}", answer.status)),
            Some(answer) => match answer.json() {
                None => Bad("no JSON".to_owned()),
                Some(document) => {
                    Verdict::unless(document["client_id"] == *answer.url.as_str(), shown(&document["client_id"]))
                }
            },
        },
    },
];

const CHOICES: &str = "token_endpoint_auth_methods_supported";

/// Judges the client's metadata document that the person named, where it is an object.
fn document(seen: &Evidence, judge: impl Fn(&Value) -> Verdict) -> Verdict {
    let answer = seen.client_document.as_ref().filter(|answer| answer.status == 200);
    let document = answer.and_then(Answer::json).filter(Value::is_object);
    document.map_or(NotApplicable, |document| judge(&document))
}

/// The authentication methods of the document: its list, else its single method.
fn methods(document: &Value) -> Option<Vec<String>> {
    let listed = strings(document, CHOICES);
    if !listed.is_empty() {
        return Some(listed);
    }
    document["token_endpoint_auth_method"].as_str().map(|method| vec![method.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(took: &[(&'static str, u64)]) -> Evidence {
        let url = Address::parse("https://mcp.example/mcp").unwrap();
        let answer = Answer { url: url.clone(), status: 401, headers: reqwest::header::HeaderMap::new(), body: vec![] };
        let took = took.iter().map(|(what, seconds)| (*what, Duration::from_secs(*seconds))).collect();
        Evidence { took, ..Evidence::of(&url, 0, answer) }
    }

    fn judged(id: &str, seen: &Evidence) -> Verdict {
        (CHECKS.iter().find(|check| check.id == id).unwrap().judge)(seen)
    }

    #[test]
    fn an_answer_that_takes_longer_than_claude_waits_is_found() {
        for (took, expected) in [
            (&[][..], NotApplicable),
            (&[("metadata", 1), ("registration", 10), ("token", 2)], Good),
            (&[("metadata", 1), ("registration", 11)], Bad("registration: 11 seconds".to_owned())),
            (&[("token", 12)], Bad("token: 12 seconds".to_owned())),
            (&[("refresh", 30)], Good),
            (&[("refresh", 31)], Bad("refresh: 31 seconds".to_owned())),
        ] {
            assert_eq!(judged("claude-waits", &evidence(took)), expected, "{took:?}");
        }
    }
}
