//! Client ID metadata documents: client metadata at the URL that is the client's identifier.
#[cfg(test)]
mod tests;

use super::{
    AuthMethod, ClientMetadata, RegistrationRules, effective, json,
    members::{Members, refused},
};
use crate::error::ProtocolError;
use serde_json::Value;

const PREFERRED: &str = "token_endpoint_auth_method";
const CHOICES: &str = "token_endpoint_auth_methods_supported";

/// A JSON object that names its own URL as `client_id`.
pub struct Document(Members);

impl Document {
    /// OAuth Client ID Metadata Document §4.1.
    pub fn parse(url: &str, body: &[u8]) -> Result<Self, ProtocolError> {
        let malformed = |rule| ProtocolError::invalid_client_metadata(format!("the document {rule}"));
        let members = Members(json::object(body).map_err(malformed)?);
        if members.string("client_id")? != Some(url) {
            return Err(refused("client_id", "must be the very URL of the document"));
        }
        Ok(Self(members))
    }

    /// The members that MCP requires, parsed as in a registration; anything that needs a shared secret is refused.
    pub fn metadata(mut self, rules: &RegistrationRules) -> Result<ClientMetadata, ProtocolError> {
        for secret in ["client_secret", "client_secret_expires_at"] {
            if self.0.get(secret).is_some() {
                return Err(refused(secret, "must not be in a document that everybody can read"));
            }
        }
        if let Some(uris) = self.0.0.get_mut("redirect_uris").and_then(Value::as_array_mut) {
            uris.iter_mut().for_each(any_port);
        }
        let metadata = choose(&self.0, rules)?;
        if metadata.client_name.is_none() {
            return Err(refused("client_name", "is missing"));
        }
        if metadata.redirect_uris.is_empty() {
            return Err(ProtocolError::invalid_redirect_uri("redirect_uris is missing"));
        }
        Ok(metadata)
    }

    /// Whether it names an authentication method.
    #[must_use]
    pub fn names_method(&self) -> bool {
        methods(&self.0).is_ok_and(|methods| !methods.is_empty())
    }
}

/// Some documents write `*` as the port of a loopback URI, which means the same as no port (RFC 8252 §7.3).
fn any_port(uri: &mut Value) {
    const STARRED: [&str; 3] = ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"];
    let Some(text) = uri.as_str() else { return };
    let found = STARRED.iter().find_map(|origin| Some((origin, text.strip_prefix(origin)?)));
    if let Some((origin, path)) = found.filter(|(_, path)| path.is_empty() || path.starts_with('/')) {
        *uri = Value::from(format!("{}{path}", origin.trim_end_matches(":*")));
    }
}

/// The authentication methods of the document; empty if it names none. A list takes precedence: the single method
/// beside it is for servers that don't know lists (OpenID Connect RP Metadata Choices §2).
fn methods(members: &Members) -> Result<Vec<&str>, ProtocolError> {
    let preferred = members.string(PREFERRED)?;
    let choices = members.strings(CHOICES)?;
    if preferred.iter().chain(choices.iter().flatten()).any(|method| method.starts_with("client_secret_")) {
        return Err(refused(PREFERRED, "must not be one with a shared secret"));
    }
    Ok(choices.unwrap_or_else(|| preferred.into_iter().collect()))
}

/// The methods that both the client and this server support; the client may use only these. Without a method it is
/// `none`, because a document cannot hold the secret that RFC 7591 defaults to. A client that names both `none` and
/// `private_key_jwt` may choose by this server's metadata, so it is held to neither: it is public, but its keys are
/// stored.
fn choose(members: &Members, rules: &RegistrationRules) -> Result<ClientMetadata, ProtocolError> {
    let named = methods(members)?;
    let without = named.is_empty() || named.contains(&"none");
    let with_keys = rules.private_key_jwt && named.contains(&"private_key_jwt");
    let has_keys = members.get("jwks").is_some() || members.string("jwks_uri")?.is_some();
    match (with_keys, without) {
        (true, false) if !has_keys => Err(refused(
            PREFERRED,
            "private_key_jwt needs jwks or jwks_uri: publish the public keys there, or offer none in \
             token_endpoint_auth_methods_supported",
        )),
        (true, false) => effective(members, rules, AuthMethod::PrivateKeyJwt),
        (true, true) => match effective(members, rules, AuthMethod::PrivateKeyJwt) {
            Ok(metadata) => Ok(ClientMetadata { token_endpoint_auth_method: AuthMethod::None, ..metadata }),
            Err(_) => effective(members, rules, AuthMethod::None),
        },
        (false, true) => effective(members, rules, AuthMethod::None),
        (false, false) if rules.private_key_jwt => {
            Err(refused(PREFERRED, "is not supported: offer none or private_key_jwt"))
        }
        (false, false) => Err(refused(PREFERRED, "is not supported: offer none")),
    }
}
