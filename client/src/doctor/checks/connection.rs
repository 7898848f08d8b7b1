//! The connection itself: https, and a certificate that clients can trust.
use super::super::{
    check::{
        Check,
        Level::Must,
        Revision::R03,
        Verdict::{self, Bad, Good, NotApplicable},
    },
    evidence::Evidence,
};
use crate::{
    address::Address,
    error::{CERTIFICATE, INSECURE_HTTP, NO_TLS},
};

pub const CHECKS: &[Check] = &[
    Check {
        id: "https",
        level: Must,
        rule: "OAuth 2.1 §1.5, MCP communication security",
        since: R03,
        wanted: "https, and TLS at that port (http on loopback only)",
        breaks: "every client that keeps the rule; and the tokens of all others",
        mend: "serve it over https; behind a proxy, let the proxy do it and give clients the proxy's address",
        judge: |seen| judge(seen, &[NO_TLS, INSECURE_HTTP]),
    },
    Check {
        id: "certificate",
        level: Must,
        rule: "RFC 9110 §4.3.4, RFC 9525",
        since: R03,
        wanted: "a certificate for this name, in its time, of an authority that clients know",
        breaks: "Claude, ChatGPT and every client that was not given your authority's certificate",
        mend: "get one of a public authority; within your own network give each client that of yours: mcp-auth --cacert \
               FILE, NODE_EXTRA_CA_CERTS, SSL_CERT_FILE",
        judge: |seen| judge(seen, &[CERTIFICATE]),
    },
];

fn judge(seen: &Evidence, codes: &[&str]) -> Verdict {
    if let Some(fault) = seen.faults.iter().find(|fault| codes.contains(&&*fault.code)) {
        return Bad(fault.message.clone());
    }
    let issuer = seen.issuer.as_deref().and_then(|issuer| Address::parse(issuer).ok());
    let mut asked = [Some(&seen.server), issuer.as_ref()].into_iter().flatten();
    // A connection that failed in another way, or was never made, says nothing about TLS.
    let known = seen.faults.is_empty() && asked.any(|url| url.scheme() == "https" || !url.is_loopback());
    if known { Good } else { NotApplicable }
}
