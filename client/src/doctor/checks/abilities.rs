//! What the authorization server says that it can do, and what that means for clients (RFC 8414 §2).
use super::super::{
    check::{
        Check,
        Level::{Must, Should},
        Revision::{R03, R07, R11},
        Verdict::{self, Bad, Good, NotApplicable},
        with_metadata,
    },
    evidence::{holds, shown, strings},
};
use crate::metadata::JWT_BEARER;
use serde_json::Value;

pub const CHECKS: &[Check] = &[
    Check {
        id: "pkce-s256",
        level: Must,
        rule: "MCP authorization, code protection; RFC 8414 §2",
        since: R11,
        wanted: "S256 in code_challenge_methods_supported, in every form of the metadata",
        breaks: "TypeScript, Python and Rust SDK and all on them: they refuse to go on",
        mend: "code_challenge_methods_supported: [\"S256\"]",
        judge: |seen| {
            with_metadata(seen, |_| {
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
            with_metadata(seen, |document| {
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
            with_metadata(seen, |document| {
                if document.get("authorization_endpoint").is_none() {
                    return NotApplicable;
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
        judge: |seen| {
            with_metadata(seen, |document| Verdict::unless(document.get("grant_types_supported").is_some(), "absent"))
        },
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
            with_metadata(seen, |document| {
                if !holds(document, "grant_types_supported", "authorization_code") {
                    return NotApplicable;
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
            with_metadata(seen, |document| {
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
            with_metadata(seen, |document| {
                let methods = strings(document, "token_endpoint_auth_methods_supported");
                let people = holds(document, "response_types_supported", "code");
                // For servers that read metadata documents, the next check says more.
                if methods.is_empty() || !people || document["client_id_metadata_document_supported"] == true {
                    return NotApplicable;
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
            with_metadata(seen, |document| {
                let methods = strings(document, "token_endpoint_auth_methods_supported");
                if document["client_id_metadata_document_supported"] != true || methods.is_empty() {
                    return NotApplicable;
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
            with_metadata(seen, |document| {
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
            with_metadata(seen, |document| {
                if !document["registration_endpoint"].is_string() {
                    return NotApplicable;
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
        breaks: "ChatGPT: without the promise it uses an identity for each connection instead of its one document, and \
            forgetting one strands its person; Codex refuses answers without iss; a later revision makes it a must",
        mend: "send iss with every authorization response, errors too, and say so",
        judge: |seen| {
            with_metadata(seen, |document| {
                if document.get("authorization_endpoint").is_none() {
                    return NotApplicable;
                }
                Verdict::unless(document["authorization_response_iss_parameter_supported"] == true, "not advertised")
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
            with_metadata(seen, |document| {
                if document.get("dpop_signing_alg_values_supported").is_none() {
                    return NotApplicable;
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
            with_metadata(seen, |document| {
                if !holds(document, "grant_types_supported", "client_credentials") {
                    return NotApplicable;
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
            with_metadata(seen, |document| {
                if !holds(
                    document,
                    "authorization_grant_profiles_supported",
                    "urn:ietf:params:oauth:grant-profile:id-jag",
                ) {
                    return NotApplicable;
                }
                Verdict::unless(holds(document, "grant_types_supported", JWT_BEARER), "not listed")
            })
        },
    },
];
