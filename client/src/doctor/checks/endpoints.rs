//! How the authorization server's endpoints answer unknown clients, and clients in a web page.
use super::super::{
    check::{
        Check,
        Level::{Must, Should},
        Revision::R03,
        Verdict::{self, Bad, Good, NotApplicable},
    },
    evidence::{Evidence, shown},
};

pub const CHECKS: &[Check] = &[
    Check {
        id: "metadata-cors",
        level: Should,
        rule: "OAuth 2.1 §3.2; Fetch standard",
        since: R03,
        wanted: "Access-Control-Allow-Origin on the metadata",
        breaks: "MCP Inspector and every client that runs in a page",
        mend: "allow any origin: the document is public",
        judge: |seen| match seen.served().next() {
            None => NotApplicable,
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
            NotApplicable => NotApplicable,
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
            None => NotApplicable,
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
        wanted: "invalid_client for a client nobody registered",
        breaks: "SDKs: only invalid_client makes them register again after you lost theirs",
        mend: "judge the client before the code, and answer invalid_client",
        judge: |seen| match seen.unknown_client.as_ref().and_then(|answer| Some((answer.status, answer.json()?))) {
            Some((status, body)) if body["error"].is_string() => {
                // 401 is a must only where the client used the Authorization header.
                let good = body["error"] == "invalid_client" && matches!(status, 400 | 401);
                Verdict::unless(good, format!("{status} {}", shown(&body["error"])))
            }
            _ => NotApplicable,
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
            None => NotApplicable,
            Some(answer) => {
                let to = answer.header("location").unwrap_or_default();
                Verdict::unless(!to.starts_with("https://stranger.example"), "a redirect to it")
            }
        },
    },
];

fn cors(seen: &Evidence, name: &str) -> Verdict {
    match seen.preflights.iter().find(|(asked, _)| *asked == name) {
        None => NotApplicable,
        Some((_, answer)) => {
            let allowed = answer.header("access-control-allow-origin").is_some();
            Verdict::unless(allowed, format!("HTTP {}, no Access-Control-Allow-Origin", answer.status))
        }
    }
}
