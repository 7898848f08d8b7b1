//! The credential that goes with each request to the MCP server, and nowhere else (RFC 6750 §2.1, RFC 9449 §7.1).
use crate::{
    dpop,
    error::Result,
    http::{Headers, Http},
    keys::SigningKey,
    mask,
    profiles::{Extra, Profile},
};
use std::sync::Arc;
use url::Url;

#[derive(Clone, Default)]
pub enum Credential {
    #[default]
    None,
    /// `Authorization: <scheme> <value>`.
    Authorization {
        scheme: String,
        value: String,
    },
    Dpop {
        token: String,
        key: Arc<SigningKey>,
    },
    Headers(Headers),
}

impl Credential {
    /// The credential of a stored login.
    pub fn of(profile: &Profile, extra: &Extra) -> Result<Self> {
        extra.headers.values().chain(&profile.access_token).for_each(|secret| mask::learn(secret));
        if !extra.headers.is_empty() {
            return Ok(Self::Headers(
                extra.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            ));
        }
        let Some(token) = profile.access_token.clone() else { return Ok(Self::None) };
        let scheme = profile.token_type.as_deref().unwrap_or("Bearer");
        Ok(match &extra.dpop_key {
            Some(pem) if scheme.eq_ignore_ascii_case("DPoP") => {
                Self::Dpop { token, key: Arc::new(SigningKey::from_pem(pem)?) }
            }
            // Some servers compare the scheme by case; RFC 6750 spells it so.
            _ if scheme.eq_ignore_ascii_case("bearer") => {
                Self::Authorization { scheme: "Bearer".to_owned(), value: token }
            }
            _ => Self::Authorization { scheme: scheme.to_owned(), value: token },
        })
    }

    pub fn is_dpop(&self) -> bool {
        matches!(self, Self::Dpop { .. })
    }

    /// The headers of one request to this address.
    pub fn headers(&self, http: &Http, method: &str, url: &Url) -> Result<Headers> {
        let authorization = |value: String| ("authorization".to_owned(), value);
        Ok(match self {
            Self::None => Headers::new(),
            Self::Authorization { scheme, value } => vec![authorization(format!("{scheme} {value}"))],
            Self::Dpop { token, key } => {
                let proof = dpop::proof(key, http.nonces(), method, url, Some(token))?;
                vec![authorization(format!("DPoP {token}")), ("dpop".to_owned(), proof)]
            }
            Self::Headers(headers) => headers.clone(),
        })
    }
}
