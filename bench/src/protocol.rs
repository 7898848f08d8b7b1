//! What clients and resource servers send, and what must come back.
use crate::{
    site::{Client, Resource, Site},
    wire::{Answer, Line, form},
};
use anyhow::{Context, ensure};
use axum::http::{StatusCode, header};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;

// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// RFC 6749 §5.1.
#[derive(Deserialize)]
pub struct Tokens {
    pub access_token: String,
    token_type: String,
    expires_in: u64,
    pub refresh_token: Option<String>,
    pub id_token: Option<String>,
}

#[derive(Deserialize)]
struct Introspection {
    active: bool,
    client_id: Option<String>,
    exp: Option<u64>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// The query of an authorization request.
pub fn authorization(site: &Site, resource: &Resource, scope: &str, more: &[(&str, &str)]) -> String {
    let query = [
        ("response_type", "code"),
        ("client_id", &site.is.app.id),
        ("redirect_uri", &site.is.app.redirect_uri),
        ("scope", scope),
        ("resource", &resource.identifier),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    format!("{}?{}", site.authorize, form(&[&query[..], more].concat()))
}

pub async fn client_credentials(site: &Site, line: &mut Line, resource: &Resource) -> anyhow::Result<Tokens> {
    let pairs = [("grant_type", "client_credentials"), ("scope", &site.is.scope), ("resource", &resource.identifier)];
    let answer = line.form(&site.token, Some(&site.is.service.basic()), form(&pairs)).await?;
    tokens(&answer, resource)
}

fn exchange_form(site: &Site, code: &str, resource: &Resource, verifier: &str) -> String {
    form(&[
        ("grant_type", "authorization_code"),
        ("client_id", &site.is.app.id),
        ("redirect_uri", &site.is.app.redirect_uri),
        ("code", code),
        ("code_verifier", verifier),
        ("resource", &resource.identifier),
    ])
}

pub async fn exchange(site: &Site, line: &mut Line, code: &str, resource: &Resource) -> anyhow::Result<Tokens> {
    let answer = line.form(&site.token, None, exchange_form(site, code, resource, VERIFIER)).await?;
    tokens(&answer, resource)
}

/// A code with a wrong verifier, and one that was used, bring nothing.
pub async fn refuses_code(site: &Site, line: &mut Line, code: &str, resource: &Resource) -> anyhow::Result<()> {
    let answer = line.form(&site.token, None, exchange_form(site, code, resource, VERIFIER)).await?;
    refused(&answer).context("a code that was used before")
}

pub async fn refuses_verifier(site: &Site, line: &mut Line, code: &str, resource: &Resource) -> anyhow::Result<()> {
    let answer = line.form(&site.token, None, exchange_form(site, code, resource, CHALLENGE)).await?;
    refused(&answer).context("a code with a wrong verifier")
}

fn refresh_form(site: &Site, token: &str, resource: &Resource) -> String {
    form(&[
        ("grant_type", "refresh_token"),
        ("client_id", &site.is.app.id),
        ("refresh_token", token),
        ("resource", &resource.identifier),
    ])
}

pub async fn refresh(site: &Site, line: &mut Line, token: &str, resource: &Resource) -> anyhow::Result<Tokens> {
    let answer = line.form(&site.token, None, refresh_form(site, token, resource)).await?;
    tokens(&answer, resource)
}

pub async fn refuses_refresh(site: &Site, line: &mut Line, token: &str, resource: &Resource) -> anyhow::Result<()> {
    refused(&line.form(&site.token, None, refresh_form(site, token, resource)).await?)
}

/// RFC 7662: whether the token is good, by the word of the server.
pub async fn introspect(site: &Site, line: &mut Line, caller: &str, token: &str) -> anyhow::Result<bool> {
    let answer = line.form(&site.introspect, Some(caller), form(&[("token", token)])).await?;
    let said: Introspection = serde_json::from_slice(answer.good(StatusCode::OK)?)?;
    let told = said.exp.is_some() && said.client_id.as_ref() == Some(&site.is.service.id);
    ensure!(told || !said.active, "active, without exp or of another client: {}", answer.start());
    Ok(said.active)
}

/// RFC 7009.
pub async fn revoke(site: &Site, line: &mut Line, client: &Client, token: &str) -> anyhow::Result<()> {
    let answer = line.form(&site.revoke, Some(&client.basic()), form(&[("token", token)])).await?;
    answer.good(StatusCode::OK).map(|_| ())
}

fn tokens(answer: &Answer, resource: &Resource) -> anyhow::Result<Tokens> {
    let tokens: Tokens = serde_json::from_slice(answer.good(StatusCode::OK)?).context("the tokens")?;
    ensure!(tokens.token_type.eq_ignore_ascii_case("bearer"), "token_type is {}", tokens.token_type);
    ensure!(tokens.expires_in > 0, "expires_in is 0");
    let cached = answer.header(&header::CACHE_CONTROL);
    ensure!(cached.is_some_and(|said| said.contains("no-store")), "Cache-Control is {cached:?} (RFC 6749 §5.1)");
    check_kind(&tokens.access_token, resource)?;
    Ok(tokens)
}

/// A JWT signed as it should be, or no JWT. Signatures are judged of some, by `Keys`.
fn check_kind(token: &str, resource: &Resource) -> anyhow::Result<()> {
    let header = token.split_once('.').map(|(header, _)| header);
    match (&resource.signing_alg, header) {
        (Some(alg), Some(header)) => {
            let header = Base64UrlUnpadded::decode_vec(header).ok().context("a malformed header")?;
            let header: serde_json::Value = serde_json::from_slice(&header)?;
            ensure!(header["alg"] == *alg, "signed with {} instead of {alg}", header["alg"]);
        }
        (None, None) => ensure!(token.len() >= 22, "an opaque token of less than 128 bits"),
        (Some(_), None) => anyhow::bail!("an opaque token instead of a JWT"),
        (None, Some(_)) => anyhow::bail!("a JWT instead of an opaque token"),
    }
    Ok(())
}

fn refused(answer: &Answer) -> anyhow::Result<()> {
    let said: Refusal = serde_json::from_slice(answer.good(StatusCode::BAD_REQUEST)?)?;
    ensure!(said.error == "invalid_grant", "{} instead of invalid_grant", said.error);
    Ok(())
}
