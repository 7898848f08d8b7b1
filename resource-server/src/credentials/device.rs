//! `device`: access tokens of devices without a browser, including refreshed ones (RFC 8628).
use super::{kind::Kind, oauth};

pub(super) const KIND: Kind = Kind {
    name: "device",
    shown: "Authorization: Bearer <access token of the device grant>",
    login: Some(" --auth-mode device"),
    curl: "-H \"Authorization: Bearer $(mcp-auth token URL)\"",
    build: |setup| Ok(oauth::build(setup, &["urn:ietf:params:oauth:grant-type:device_code"])),
};
