//! The token endpoint: how the client authenticates, and what it gets (RFC 6749 §3.2, RFC 7523, RFC 9449).
use crate::{
    address::Address,
    clock, dpop, encode,
    error::{Failure, Result},
    http::{Answer, Headers, Http},
    keys::SigningKey,
    mask,
};
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

pub type Form = Vec<(String, String)>;

/// A form of these parameters, without those that have no value.
pub fn form<const N: usize>(pairs: [(&str, Option<&str>); N]) -> Form {
    pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect()
}

/// How a client authenticates itself (OAuth 2.1 §2.4).
pub struct ClientAuth {
    pub client_id: Option<String>,
    pub method: String,
    pub secret: Option<String>,
    pub key: Option<SigningKey>,
    /// The only audience of client assertions is the issuer (draft-ietf-oauth-rfc7523bis).
    pub issuer: String,
}

/// The answer to a token request (RFC 6749 §5.1).
#[derive(Clone, Deserialize)]
pub struct TokenResponse {
    pub access_token: String,
    pub token_type: String,
    pub expires_in: Option<f64>,
    pub refresh_token: Option<String>,
    pub scope: Option<String>,
}

impl TokenResponse {
    pub fn is_dpop(&self) -> bool {
        self.token_type.eq_ignore_ascii_case("DPoP")
    }

    #[allow(clippy::cast_possible_truncation)] // lifetimes are seconds, far below the limit
    pub fn expires_at(&self) -> Option<i64> {
        self.expires_in.map(|seconds| clock::now().saturating_add(seconds as i64))
    }
}

/// Asks the token endpoint for tokens, and judges its answer.
pub async fn request(
    http: &Http,
    endpoint: &Address,
    auth: &ClientAuth,
    form: &Form,
    key: Option<&SigningKey>,
) -> Result<TokenResponse> {
    let answer = post(http, endpoint, auth, form, key).await?;
    let refused = || refusal("the token endpoint", &answer);
    if answer.status != 200 {
        return Err(refused());
    }
    let tokens: TokenResponse = answer.json().and_then(|json| serde_json::from_value(json).ok()).ok_or_else(refused)?;
    let known = ["bearer", "dpop"].iter().any(|kind| tokens.token_type.eq_ignore_ascii_case(kind));
    // RFC 6749 §A.12, §A.17. Other characters cannot be sent in a header, and could break the line that prints the
    // token.
    let sendable = |token: &str| token.bytes().all(|byte| byte.is_ascii_graphic());
    let sound = sendable(&tokens.access_token) && tokens.refresh_token.as_deref().is_none_or(sendable);
    if tokens.access_token.is_empty() || !known || !sound {
        return Err(Failure::new("invalid_response", "the token endpoint answers no token this client can use"));
    }
    for token in [Some(&tokens.access_token), tokens.refresh_token.as_ref()].into_iter().flatten() {
        mask::learn(token);
    }
    if key.is_some() && !tokens.is_dpop() {
        return Err(Failure::new(
            "invalid_response",
            "the token is not bound to the key that asked for it (RFC 9449 §5)",
        ));
    }
    Ok(tokens)
}

/// Posts a form to an endpoint at which clients authenticate, and once more where the server names a nonce (RFC 9449
/// §8).
pub async fn post(
    http: &Http,
    endpoint: &Address,
    auth: &ClientAuth,
    form: &Form,
    key: Option<&SigningKey>,
) -> Result<Answer> {
    let mut answer = attempt(http, endpoint, auth, form, key).await?;
    let nonce = answer.header("dpop-nonce").is_some();
    if key.is_some() && nonce && answer.json().is_some_and(|body| body["error"] == "use_dpop_nonce") {
        answer = attempt(http, endpoint, auth, form, key).await?;
    }
    Ok(answer)
}

async fn attempt(
    http: &Http,
    endpoint: &Address,
    auth: &ClientAuth,
    form: &Form,
    key: Option<&SigningKey>,
) -> Result<Answer> {
    let (mut form, mut headers) = (form.clone(), Headers::new());
    auth.apply(&mut form, &mut headers)?;
    if let Some(key) = key {
        headers.push(("dpop".to_owned(), dpop::proof(key, http.nonces(), "POST", endpoint, None)?));
    }
    http.form(endpoint, &form, &headers).await
}

impl ClientAuth {
    fn apply(&self, form: &mut Form, headers: &mut Headers) -> Result<()> {
        let id = self.client_id.as_deref();
        match (&*self.method, &self.secret, &self.key) {
            ("client_secret_basic", Some(secret), _) => {
                let encode_part = |part: &str| form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encode_part(id.unwrap_or_default()), encode_part(secret));
                headers.push(("authorization".to_owned(), format!("Basic {}", encode::base64(pair))));
                // Some servers look for the client_id in the body. It is no credential.
                form.extend(self::form([("client_id", id)]));
            }
            ("client_secret_post", Some(secret), _) => {
                form.extend(self::form([("client_id", id), ("client_secret", Some(secret))]));
            }
            ("private_key_jwt", _, Some(key)) => {
                const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                let assertion = self.assertion(key)?;
                form.extend(self::form([
                    ("client_id", id),
                    ("client_assertion_type", Some(TYPE)),
                    ("client_assertion", Some(&assertion)),
                ]));
            }
            ("none", ..) => form.extend(self::form([("client_id", id)])),
            (method, ..) => {
                let message = format!("the client has nothing to authenticate with by {method}");
                return Err(Failure::new("invalid_client", message));
            }
        }
        Ok(())
    }

    /// A client assertion (RFC 7523 §3), with the issuer as its only audience.
    fn assertion(&self, key: &SigningKey) -> Result<String> {
        let (id, now) = (&self.client_id, clock::now());
        let claims =
            json!({"iss": id, "sub": id, "aud": self.issuer, "jti": encode::random(), "iat": now, "exp": now + 60});
        key.sign("client-authentication+jwt", false, &claims)
    }
}

/// The failure of a request that an endpoint refused, with its OAuth error (RFC 6749 §5.2) where it sent one.
pub fn refusal(who: &str, answer: &Answer) -> Failure {
    let body = answer.json().unwrap_or(Value::Null);
    let Some(code) = body["error"].as_str() else {
        let message = format!("{who} answers HTTP {} and no OAuth error", answer.status);
        return Failure::new("invalid_response", message).with_status(answer.status);
    };
    let description = body["error_description"].as_str().map(|text| format!(": {text}")).unwrap_or_default();
    Failure::new(code, format!("{who} refuses with {code}{description}")).with_status(answer.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(method: &str, secret: Option<&str>) -> ClientAuth {
        let (client_id, issuer) = (Some("a client".to_owned()), "https://as".to_owned());
        ClientAuth { client_id, method: method.to_owned(), secret: secret.map(str::to_owned), key: None, issuer }
    }

    #[test]
    fn basic_encodes_both_halves_as_a_form_does_and_the_body_holds_no_secret() {
        let (mut form, mut headers) = (Form::new(), Headers::new());
        auth("client_secret_basic", Some("s:ü")).apply(&mut form, &mut headers).unwrap();
        assert_eq!(form, [("client_id".to_owned(), "a client".to_owned())]);
        assert_eq!(headers[0].1, format!("Basic {}", encode::base64("a+client:s%3A%C3%BC")));
    }

    #[test]
    fn a_method_without_its_credential_is_an_error_not_a_silent_public_client() {
        for method in ["client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth"] {
            assert!(auth(method, None).apply(&mut Form::new(), &mut Headers::new()).is_err(), "{method}");
        }
    }
}
