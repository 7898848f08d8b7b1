//! Authorization code with PKCE (OAuth 2.1 §4.1), the issuer checked before the code goes anywhere (RFC 9207).
pub use super::callback::Redirect;
use super::{
    callback::{Arrival, ExpectedResponse, ResponseParameters, parameters},
    page,
    request::{SignInPrompt, TokenRequest, endpoint},
};
use crate::{
    address::Address,
    bounds,
    browser::{self, Browser},
    encode,
    error::{Failure, Result},
    http::Http,
    mask,
    token::{self, Form, TokenResponse, form},
};
use jsonwebtoken::jwk::ThumbprintHash;
use std::time::Duration;

pub async fn run(request: &TokenRequest<'_>, prompt: &SignInPrompt<'_>, redirect: &Redirect) -> Result<TokenResponse> {
    let methods = request.server.code_challenge_methods_supported.as_deref().unwrap_or_default();
    if !methods.iter().any(|method| method == "S256") {
        let message = "the authorization server does not advertise PKCE with S256 (code_challenge_methods_supported); \
            MCP clients must not go on";
        return Err(Failure::new("no_pkce", message));
    }
    let (state, verifier) = (encode::random(), encode::random());
    let url = authorization_url(request, &state, &verifier, redirect).await?;
    let expected = ExpectedResponse {
        state,
        issuer: request.server.issuer.clone(),
        promises_issuer: request.server.authorization_response_iss_parameter_supported,
    };
    let arrival = send_person(request.http, prompt, &url, redirect, &expected).await?;
    let tokens = match code_of(&arrival.parameters, &expected) {
        Ok(code) => exchange(request, redirect, &code, &verifier).await,
        Err(failure) => Err(failure),
    };
    // The last page waits until it is known how the sign-in ended.
    arrival.end(&page::end(prompt.server_name, tokens.as_ref().err())).await;
    tokens
}

async fn exchange(
    request: &TokenRequest<'_>,
    redirect: &Redirect,
    code: &str,
    verifier: &str,
) -> Result<TokenResponse> {
    mask::learn(code);
    mask::learn(verifier);
    let form = form([
        ("grant_type", Some("authorization_code")),
        ("code", Some(code)),
        ("redirect_uri", Some(redirect.uri())),
        ("code_verifier", Some(verifier)),
        ("resource", request.resource),
    ]);
    request.send(&form).await
}

async fn authorization_url(
    request: &TokenRequest<'_>,
    state: &str,
    verifier: &str,
    redirect: &Redirect,
) -> Result<Address> {
    let url = endpoint(request.server.authorization_endpoint.as_ref(), "authorization_endpoint")?;
    request.http.allow(url).await?;
    let challenge = encode::base64url(encode::sha256(verifier));
    let thumbprint = request.key.map(crate::keys::SigningKey::jwk).transpose()?;
    let thumbprint = thumbprint.and_then(|jwk| jwk.thumbprint(ThumbprintHash::SHA256).ok());
    // OpenID Connect Core §11: offline access needs consent each time.
    let offline = request.scope.is_some_and(|scope| scope.split(' ').any(|scope| scope == "offline_access"));
    let parameters = form([
        ("response_type", Some("code")),
        ("client_id", request.identity.client_id.as_deref()),
        ("redirect_uri", Some(redirect.uri())),
        ("state", Some(state)),
        ("code_challenge", Some(&challenge)),
        ("code_challenge_method", Some("S256")),
        ("resource", request.resource),
        ("scope", request.scope),
        ("prompt", offline.then_some("consent")),
        ("dpop_jkt", thumbprint.as_deref()),
    ]);
    let pushes = request.server.require_pushed_authorization_requests;
    let parameters = if pushes { pushed(request, &parameters).await? } else { parameters };
    Ok(url.with(parameters))
}

/// Pushes the parameters where the server requires that (RFC 9126 §2).
async fn pushed(request: &TokenRequest<'_>, parameters: &Form) -> Result<Form> {
    let endpoint = endpoint(
        request.server.pushed_authorization_request_endpoint.as_ref(),
        "pushed_authorization_request_endpoint",
    )?;
    let answer = token::post(request.http, endpoint, &request.auth()?, parameters, request.key).await?;
    let body = answer.json().filter(|_| answer.status == 201);
    let uri = body.as_ref().and_then(|body| body["request_uri"].as_str());
    let uri = uri.ok_or_else(|| token::refusal("the pushed authorization request endpoint", &answer))?;
    Ok(form([("client_id", request.identity.client_id.as_deref()), ("request_uri", Some(uri))]))
}

async fn send_person(
    http: &Http,
    prompt: &SignInPrompt<'_>,
    url: &Address,
    redirect: &Redirect,
    expected: &ExpectedResponse,
) -> Result<Arrival> {
    let before = match prompt.browser {
        Browser::Follow => return follow(http, url, redirect.uri()).await.map(Arrival::from),
        Browser::Open if browser::open(url) => "Your browser shows the sign-in page. If not, open",
        Browser::Open | Browser::Print => "Open this address to sign in:",
    };
    prompt.out.visit(before, url, &["If the page you end on does not load, paste its whole address here."]);
    http.deadline().person(Duration::MAX, redirect.wait(expected)).await?
}

/// Goes where the server redirects to, without a person, until that is the callback.
async fn follow(http: &Http, url: &Address, callback: &str) -> Result<ResponseParameters> {
    let mut url = url.clone();
    for _ in 0..bounds::STEPS {
        let answer = http.get(&url, &[("accept", "text/html")]).await?;
        let next = answer.header("location").ok_or_else(|| {
            Failure::new("interaction_required", format!("{} wants a person (HTTP {})", url.shown(), answer.status))
        })?;
        if let Some((_, query)) = next.split_once('?').filter(|(to, _)| *to == callback) {
            let twice = || Failure::new("invalid_response", "the callback has a parameter twice");
            return parameters(query).ok_or_else(twice);
        }
        url = url.join(next)?;
    }
    Err(Failure::new("interaction_required", "the authorization endpoint redirects without end"))
}

/// The code of an authorization response (OAuth 2.1 §4.1.2). A response of another issuer is not used at all, not even
/// its error text (RFC 9207 §2.4).
fn code_of(parameters: &ResponseParameters, expected: &ExpectedResponse) -> Result<String> {
    if parameters.get("state").map(String::as_str) != Some(&*expected.state) {
        return Err(Failure::new("invalid_response", "the callback's state is not the one that was sent"));
    }
    match parameters.get("iss") {
        Some(issuer) if *issuer != expected.issuer => {
            return Err(Failure::new("issuer_mismatch", "the callback comes from another issuer (RFC 9207 §2.4)"));
        }
        None if expected.promises_issuer => {
            let message = "the callback lacks iss, which the authorization server promises (RFC 9207 §2.4)";
            return Err(Failure::new("issuer_mismatch", message));
        }
        _ => {}
    }
    if let Some(code) = parameters.get("error") {
        let text = parameters.get("error_description").map(|text| format!(": {text}")).unwrap_or_default();
        return Err(Failure::new(code.clone(), format!("the authorization server refuses with {code}{text}")));
    }
    parameters.get("code").cloned().ok_or_else(|| Failure::new("invalid_response", "the callback holds no code"))
}

#[cfg(test)]
mod tests;
