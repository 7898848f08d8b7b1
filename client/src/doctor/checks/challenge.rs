//! The refusal of a request without credentials, which begins everything (RFC 6750, RFC 9728 §5).
use super::super::{
    check::{
        Check,
        Level::{Must, Should},
        Revision::{R03, R06, R11},
        Verdict::{self, Bad, Good, NotApplicable},
    },
    evidence::{Evidence, strings},
};
use crate::{challenge, discover::MetadataSource};

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
            (true, _) => NotApplicable,
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
            if seen.without_credentials.status != 401 || is_malformed(seen) || seen.other_schemes().is_some() {
                return NotApplicable;
            }
            let challenges = seen.without_credentials.challenges();
            let oauth = challenges.iter().any(|challenge| challenge.is("Bearer") || challenge.is("DPoP"));
            let schemes: Vec<_> = challenges.iter().map(|challenge| challenge.scheme.as_str()).collect();
            Verdict::unless(oauth, if schemes.is_empty() { "no challenge".to_owned() } else { schemes.join(", ") })
        },
    },
    Check {
        id: "challenge-form",
        level: Must,
        rule: "RFC 9110 §11.6.1",
        since: R03,
        wanted: "schemes with parameters: names, =, values in quotation marks, commas between them",
        breaks: "every client, each in its own way: what it makes of a malformed challenge is chance",
        mend: "write WWW-Authenticate: Bearer resource_metadata=\"https://…\", scope=\"…\"",
        judge: |seen| {
            let answers = [Some(&seen.without_credentials), seen.unknown_token.as_ref()];
            let answers = || answers.iter().flatten().filter(|answer| answer.has_header("www-authenticate"));
            if answers().next().is_none() {
                return NotApplicable;
            }
            match answers().find_map(|answer| answer.malformed_challenges().into_iter().next()) {
                Some(fault) => Bad(format!("malformed: {fault}")),
                None => Good,
            }
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
        judge: |seen| match (named(seen), seen.resource_document_at(MetadataSource::Challenge)) {
            _ if is_malformed(seen) => NotApplicable,
            (Some(_), Some(_)) => Good,
            // Where no metadata is found at all, another check says so.
            (Some(url), None) if seen.resource_value().is_some() => Bad(format!("nothing usable at {url}")),
            _ => NotApplicable,
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
                let listed =
                    seen.resource_value().is_some_and(|document| !strings(&document, "scopes_supported").is_empty());
                let named = challenge::parameter(&challenges, "scope").is_some();
                Verdict::unless(named || listed, "no scope anywhere")
            })
        },
    },
];

fn with_challenge(seen: &Evidence, judge: fn(&Evidence) -> Verdict) -> Verdict {
    let challenges = seen.without_credentials.challenges();
    let oauth = challenges.iter().any(|challenge| challenge.is("Bearer") || challenge.is("DPoP"));
    let judged = seen.without_credentials.status == 401 && oauth && !is_malformed(seen);
    if judged && seen.other_schemes().is_none() { judge(seen) } else { NotApplicable }
}

/// Whether the challenge is malformed. Then nothing in it counts, and another check says so.
fn is_malformed(seen: &Evidence) -> bool {
    !seen.without_credentials.malformed_challenges().is_empty()
}

fn named(seen: &Evidence) -> Option<String> {
    challenge::parameter(&seen.without_credentials.challenges(), "resource_metadata").map(str::to_owned)
}
