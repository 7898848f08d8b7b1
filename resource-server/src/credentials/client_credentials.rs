//! `client-credentials`: access tokens that a client got for itself (RFC 6749 §4.4).
use super::{kind::Kind, oauth};

pub(super) const KIND: Kind = Kind {
    name: "client-credentials",
    shown: "Authorization: Bearer <access token of the client credentials grant>",
    login: Some(" --auth-mode client-creds --client-id ID --client-secret-env VARIABLE"),
    curl: "-H \"Authorization: Bearer $(mcp-auth token URL)\"",
    build: |setup| Ok(oauth::build(setup, &["client_credentials"])),
};
