//! What only a trial shows: registration (RFC 7591), loopback redirects (RFC 8252), refresh.
use super::super::{
    check::{
        Check,
        Level::{Must, Should},
        Revision::{R03, R07},
        Verdict::{self, Bad, Good, NotApplicable},
    },
    evidence::{Evidence, RegistrationTrial},
    trial::{refresh_token, refusal, sent_back},
};
use crate::http::Answer;

pub const CHECKS: &[Check] = &[
    Check {
        id: "registration",
        level: Must,
        rule: "RFC 7591 §3.2.1",
        since: R03,
        wanted: "201 with a client_id for a public client with a loopback redirect",
        breaks: "every client that registers: Cursor, mcp-remote, Inspector, the SDKs",
        mend: "accept the registration; application_type may be absent",
        judge: |seen| {
            with_trial(seen, |trial| {
                let id = trial.answer.json().is_some_and(|client| client["client_id"].is_string());
                Verdict::unless(trial.answer.status == 201 && id, format!("HTTP {}", trial.answer.status))
            })
        },
    },
    Check {
        id: "registration-echo",
        level: Must,
        rule: "RFC 7591 §3.2.1",
        since: R03,
        wanted: "redirect_uris in the answer",
        breaks: "TypeScript SDK and rmcp refuse the answer",
        mend: "echo everything registered",
        judge: |seen| {
            with_registration(seen, |trial| {
                let client = trial.answer.json().unwrap_or_default();
                Verdict::unless(client["redirect_uris"] == serde_json::json!([trial.redirect_uri]), "absent or changed")
            })
        },
    },
    Check {
        id: "registration-no-store",
        level: Should,
        rule: "RFC 7591 §3.2.1",
        since: R03,
        wanted: "Cache-Control: no-store on the answer",
        breaks: "shared caches may hand one client's registration to another",
        mend: "send Cache-Control: no-store",
        judge: |seen| {
            with_registration(seen, |trial| {
                let control = trial.answer.header("cache-control").unwrap_or_default();
                Verdict::unless(control.contains("no-store"), if control.is_empty() { "no header" } else { control })
            })
        },
    },
    Check {
        id: "loopback-port",
        level: Must,
        rule: "RFC 8252 §7.3, OAuth 2.1 §8.4.2",
        since: R03,
        wanted: "any port where a loopback redirect URI is registered",
        breaks: "Claude Code, Codex, VS Code, every CLI: their port is another one each time",
        mend: "compare loopback redirect URIs without their port",
        judge: |seen| {
            with_registration(seen, |trial| match trial.other_port.as_ref().map(refusal) {
                None => NotApplicable,
                Some(Some(seen)) if !accepts_native(trial) => Bad(seen),
                _ => Good,
            })
        },
    },
    Check {
        id: "loopback-port-untyped",
        level: Should,
        rule: "RFC 8252 §7.3; MCP sends application_type since 2026-07-28",
        since: R03,
        wanted: "any port also for a client that left application_type out",
        breaks: "CLIs that do not say application_type native yet: their port is another one each time",
        mend: "take a client for native whose redirect URIs are all loopback",
        judge: |seen| {
            with_registration(seen, |trial| match trial.other_port.as_ref().map(refusal) {
                Some(None) => Good,
                Some(Some(seen)) if accepts_native(trial) => Bad(format!("{seen}; accepted of a native client")),
                _ => NotApplicable,
            })
        },
    },
    Check {
        id: "registration-default-scope",
        level: Should,
        rule: "RFC 7591 §2",
        since: R03,
        wanted: "the resource's scopes for a client that registered without scope",
        breaks: "clients that leave scope out of their registration: whatever they ask for is refused",
        mend: "register such a client with a default set of scopes",
        judge: |seen| {
            with_registration(seen, |trial| match &trial.with_scope {
                None => NotApplicable,
                Some(answer) => Verdict::unless(
                    sent_back(answer).as_deref() != Some("invalid_scope"),
                    "sent back with invalid_scope",
                ),
            })
        },
    },
    Check {
        id: "redirect-exact",
        level: Must,
        rule: "OAuth 2.1 §2.3.1, RFC 9700 §4.1",
        since: R03,
        wanted: "an error page for a redirect URI nobody registered",
        breaks: "people: codes are sent to strangers",
        mend: "compare redirect URIs as strings",
        judge: |seen| {
            with_registration(seen, |trial| match &trial.other_redirect {
                None => NotApplicable,
                Some(answer) => Verdict::unless(answer.status >= 400, format!("HTTP {}", answer.status)),
            })
        },
    },
    Check {
        id: "pkce-required",
        level: Must,
        rule: "OAuth 2.1 §4.1.1",
        since: R03,
        wanted: "invalid_request for a public client without code_challenge",
        breaks: "people: a stolen code is as good as a token",
        mend: "refuse authorization requests without PKCE",
        judge: |seen| {
            with_registration(seen, |trial| match &trial.without_pkce {
                None => NotApplicable,
                Some(answer) => Verdict::unless(refusal(answer).is_some(), format!("HTTP {}", answer.status)),
            })
        },
    },
    Check {
        id: "refresh",
        level: Must,
        rule: "RFC 6749 §6",
        since: R03,
        wanted: "new tokens for a refresh token",
        breaks: "everybody signs in again whenever a token ends",
        mend: "accept the refresh token that was issued last",
        judge: |seen| match &seen.refresh {
            None => NotApplicable,
            Some(trial) => Verdict::unless(trial.first.status == 200, refusal_text(&trial.first)),
        },
    },
    Check {
        id: "refresh-parallel",
        level: Should,
        rule: "OAuth 2.1 §4.3.1",
        since: R03,
        wanted: "the same refresh token, sent again at once, ends no login",
        breaks: "Claude Code and every client with several processes: its people are signed out daily",
        mend: "answer a repeated refresh with the same successor for half a minute",
        judge: |seen| match &seen.refresh {
            Some(trial) if trial.first.status == 200 => match (&trial.again, &trial.successor) {
                (again, _) if again.status != 200 => Bad(format!("the second is refused: {}", refusal_text(again))),
                (_, Some(successor)) if successor.status != 200 => {
                    Bad(format!("the login is over: {}", refusal_text(successor)))
                }
                _ => Good,
            },
            _ => NotApplicable,
        },
    },
    Check {
        id: "refresh-rotates",
        level: Must,
        rule: "OAuth 2.1 §4.3.1, MCP token theft",
        since: R03,
        wanted: "a new refresh token at each use by a public client",
        breaks: "people: a stolen refresh token works unnoticed",
        mend: "rotate refresh tokens of public clients, or bind them to a key",
        judge: |seen| match &seen.refresh {
            Some(trial) if trial.first.status == 200 && !trial.confidential => Verdict::unless(
                refresh_token(&trial.first).is_some_and(|token| token != trial.spent),
                "the old one stays",
            ),
            _ => NotApplicable,
        },
    },
    Check {
        id: "iss-given",
        level: Must,
        rule: "RFC 9207 §2",
        since: R07,
        wanted: "iss in every answer of the authorization endpoint, errors too, where metadata promises it",
        breaks: "ChatGPT, which then has an identity for each connection instead of its one document; Codex and the \
            SDKs end the flow",
        mend: "send iss = the issuer, character by character, with every answer, or stop promising it",
        judge: iss_given,
    },
];

fn iss_given(seen: &Evidence) -> Verdict {
    let promised =
        seen.metadata().is_some_and(|metadata| metadata["authorization_response_iss_parameter_supported"] == true);
    let Some(trial) = seen.registration.as_ref().filter(|_| promised) else { return NotApplicable };
    let issuer = seen.issuer.clone().unwrap_or_default();
    let answers = [&trial.with_scope, &trial.other_port, &trial.without_pkce];
    let mut judged = NotApplicable;
    for answer in answers.into_iter().flatten() {
        let Some(to) = answer.header("location").and_then(|to| answer.url.join(to).ok()) else { continue };
        // A redirect to a sign-in page is not an answer yet.
        let is_answer = sent_back(answer).is_some() || to.query_pairs().any(|(name, _)| name == "code");
        if !is_answer {
            continue;
        }
        match to.query_pairs().find(|(name, _)| name == "iss") {
            None => return Bad("promised, and missing in an answer".to_owned()),
            Some((_, iss)) if iss != issuer => return Bad(format!("iss={iss}")),
            Some(_) => judged = Good,
        }
    }
    judged
}

/// Judges the trial of a registration, where there was one.
fn with_trial(seen: &Evidence, judge: impl Fn(&RegistrationTrial) -> Verdict) -> Verdict {
    seen.registration.as_ref().map_or(NotApplicable, judge)
}

/// Whether another port was accepted of a client that called itself native.
fn accepts_native(trial: &RegistrationTrial) -> bool {
    trial.other_port_native.as_ref().is_some_and(|answer| refusal(answer).is_none())
}

/// Judges a trial whose registration succeeded.
fn with_registration(seen: &Evidence, judge: impl Fn(&RegistrationTrial) -> Verdict) -> Verdict {
    with_trial(seen, |trial| if matches!(trial.answer.status, 200 | 201) { judge(trial) } else { NotApplicable })
}

/// The status and the error code of a refusal.
fn refusal_text(answer: &Answer) -> String {
    let code = answer.json().and_then(|body| body["error"].as_str().map(str::to_owned)).unwrap_or_default();
    format!("HTTP {} {code}", answer.status).trim_end().to_owned()
}
