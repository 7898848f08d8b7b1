//! Proofs of possession as this server takes them (RFC 9449): each once, on all nodes, and with our nonce if we ask.
use crate::{
    app::App,
    error::OAuthError,
    model::Client,
    oauth::dpop::{ALGORITHMS, Demand, LIFETIME, Proof},
    secrets::{Digest, base64url},
    storage::dpop_proofs,
};
use aws_lc_rs::hmac;

/// Seconds after which there is a new nonce; the one before still counts.
const NONCE_STEP: i64 = 300;

/// Judges the proof of a token request and answers the thumbprint that the tokens will be bound to, if any.
pub async fn at_token_endpoint(app: &App, client: &Client, proof: Option<&str>) -> Result<Option<String>, OAuthError> {
    match proof.filter(|_| app.config.dpop.enabled) {
        Some(proof) => Ok(Some(accept(app, proof, "POST", "/token", None).await?.jkt)),
        None if client.metadata.dpop_bound_access_tokens => Err(OAuthError::invalid_dpop_proof(
            "the client registered dpop_bound_access_tokens and must send a DPoP proof (RFC 9449 section 5.2)",
        )),
        None => Ok(None),
    }
}

/// A proof for this method and path of ours, and for the access token that came with it; never again after this.
pub async fn accept(
    app: &App,
    proof: &str,
    method: &str,
    path: &str,
    access_token: Option<&str>,
) -> Result<Proof, OAuthError> {
    let (now, url) = (app.clock.now(), format!("{}{path}", app.config.origin()));
    let proof = Proof::verify(proof, &Demand { method, url: &url, access_token, now })?;
    if app.config.dpop.require_nonce && !proof.nonce.as_deref().is_some_and(|nonce| is_ours(app, nonce)) {
        let missing = OAuthError::use_dpop_nonce("the DPoP proof needs the nonce of the DPoP-Nonce header");
        return Err(OAuthError { dpop_nonce: Some(nonce(app, 0)), ..missing });
    }
    // Twice its lifetime, for the clocks of the nodes differ.
    let hash = Digest::of([proof.jkt.as_str(), &url, &proof.jti].join(" "));
    if !dpop_proofs::insert(&app.db, &hash, now + LIFETIME * 2).await? {
        return Err(OAuthError::invalid_dpop_proof("the DPoP proof was used before (jti)"));
    }
    Ok(proof)
}

/// What the next proof should hold, told beside an answer (RFC 9449 §8.2); `None` while nonces are not asked for.
#[must_use]
pub fn next_nonce(app: &App) -> Option<String> {
    app.config.dpop.require_nonce.then(|| nonce(app, 0))
}

fn is_ours(app: &App, presented: &str) -> bool {
    presented == nonce(app, 0) || presented == nonce(app, -1)
}

/// Made of the time and our key, so that all nodes know it and none has to remember it.
fn nonce(app: &App, steps: i64) -> String {
    let step = app.clock.now().unix_timestamp() / NONCE_STEP + steps;
    base64url(&hmac::sign(&app.dpop_key, &step.to_be_bytes()).as_ref()[..16])
}

/// The challenge of a protected resource (RFC 9449 §7.1), with `error` if something was wrong.
#[must_use]
pub fn challenge(error: Option<&OAuthError>) -> String {
    let error = error.map(|error| format!(r#", error="{}", error_description="{}""#, error.code, error.description));
    format!(r#"DPoP realm="keyward"{}, algs="{}""#, error.unwrap_or_default(), ALGORITHMS.join(" "))
}
