//! How the MCP endpoint answers requests that it must refuse.
use super::super::check::{
    Check,
    Level::{Must, Should},
    Revision::{R03, R06, R11},
    Verdict::{self, Bad, Good, NotApplicable},
};
use crate::challenge;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

/// Seconds that two clocks may differ before tokens begin and end at wrong times.
const SKEW: i64 = 60;

pub const CHECKS: &[Check] = &[
    Check {
        id: "unknown-token-401",
        level: Must,
        rule: "RFC 6750 §3.1",
        since: R03,
        wanted: "401 with error=\"invalid_token\" for a token nobody issued",
        breaks: "clients never refresh: only a 401 makes them",
        mend: "verify each token, and answer 401 invalid_token for any that is not good",
        judge: |seen| match &seen.unknown_token {
            Some(answer) if !seen.is_open() && seen.without_credentials.status == 401 => {
                let challenges = answer.challenges();
                let error = challenge::parameter(&challenges, "error");
                let oauth = challenges.iter().any(|challenge| challenge.is("Bearer") || challenge.is("DPoP"));
                match (answer.status, error) {
                    // Another check reports a malformed challenge.
                    (401, None) if !answer.malformed_challenges().is_empty() => NotApplicable,
                    (401, Some("invalid_token")) => Good,
                    // Other schemes have no such code.
                    (401, _) if !oauth && !challenges.is_empty() => Good,
                    (401, error) => Bad(format!("401 with {}", error.unwrap_or("no error code"))),
                    (status, _) => Bad(format!("HTTP {status}")),
                }
            }
            _ => NotApplicable,
        },
    },
    Check {
        id: "unknown-token-metadata",
        level: Should,
        rule: "RFC 9728 §5.1",
        since: R06,
        wanted: "resource_metadata in the challenge to a bad token as well",
        breaks: "clients whose login ended cannot find the way to a new one",
        mend: "send the same resource_metadata with every 401",
        judge: |seen| {
            let named = |answer: &crate::http::Answer| {
                challenge::parameter(&answer.challenges(), "resource_metadata").map(str::to_owned)
            };
            match (&seen.unknown_token, named(&seen.without_credentials)) {
                (Some(answer), Some(url)) if answer.status == 401 => {
                    Verdict::unless(named(answer) == Some(url), "another or none")
                }
                _ => NotApplicable,
            }
        },
    },
    Check {
        id: "strange-origin",
        level: Must,
        rule: "MCP transports, security warning",
        since: R11,
        wanted: "a refusal, best 403, of a request from a page of a stranger",
        breaks: "people: any web page could reach a server on their machine (DNS rebinding)",
        mend: "refuse requests whose Origin is not on your list with 403",
        judge: |seen| match &seen.strange_origin {
            None => NotApplicable,
            // Without a credential the request is refused anyway. What counts is that it is not served.
            Some(answer) => {
                let served =
                    (200..300).contains(&answer.status) && !(200..300).contains(&seen.without_credentials.status);
                // A server that is open to all says so in a note, which is no fault.
                if seen.is_open() { NotApplicable } else { Verdict::unless(!served, format!("HTTP {}", answer.status)) }
            }
        },
    },
    Check {
        id: "server-clock",
        level: Should,
        rule: "RFC 7519 §4.1.4",
        since: R03,
        wanted: "a clock within a minute of this machine's",
        breaks: "tokens are refused as expired, or as not valid yet",
        mend: "run a time service (NTP) on the server",
        judge: |seen| clock(seen.without_credentials.header("date"), seen.now),
    },
    Check {
        id: "issuer-clock",
        level: Should,
        rule: "RFC 7519 §4.1.4",
        since: R03,
        wanted: "a clock within a minute of this machine's",
        breaks: "tokens are refused as expired, or as not valid yet; client assertions too",
        mend: "run a time service (NTP) on the authorization server",
        judge: |seen| clock(seen.server_documents.first().and_then(|(_, answer)| answer.header("date")), seen.now),
    },
];

fn clock(date: Option<&str>, now: i64) -> Verdict {
    let Some(date) = date else { return NotApplicable };
    // HTTP writes GMT where RFC 2822 has +0000.
    #[allow(clippy::disallowed_methods)] // only compared
    let Ok(time) = OffsetDateTime::parse(&date.replace("GMT", "+0000"), &Rfc2822) else { return NotApplicable };
    let skew = time.unix_timestamp() - now;
    Verdict::unless(skew.abs() <= SKEW, format!("{skew} s off"))
}
