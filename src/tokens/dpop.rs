//! Proofs of possession for this server (RFC 9449): each is accepted once across all nodes, and needs a nonce if the
//! settings say so.
use crate::{
    app::App,
    error::OAuthError,
    model::Client,
    oauth::dpop::{LIFETIME, Proof, ProofTarget},
    secrets::{Digest, base64url},
    storage::dpop_proofs,
};
use aws_lc_rs::hmac;
use time::OffsetDateTime;
use tokio::sync::OnceCell;

/// The path of the token endpoint, which proofs of token requests name.
pub const TOKEN_PATH: &str = "/token";
/// Seconds after which the nonce changes; the previous one is still accepted.
const NONCE_STEP_SECONDS: i64 = 300;

/// A proof that is valid unless it was used before. [`PresentedProof::spend`] checks that, after everything else: a
/// proof is only recorded for a request that passed all other checks.
pub struct PresentedProof {
    /// Thumbprint of the proven key.
    pub jkt: String,
    hash: Digest,
    expires_at: OffsetDateTime,
    spent: OnceCell<()>,
}

/// Checks the proof of a token request, if it has or needs one.
pub fn at_token_endpoint(
    app: &App,
    client: &Client,
    proof: Option<&str>,
) -> Result<Option<PresentedProof>, OAuthError> {
    match proof.filter(|_| app.config.dpop.enabled) {
        Some(proof) => check(app, proof, "POST", TOKEN_PATH, None).map(Some),
        None if client.metadata.dpop_bound_access_tokens => Err(OAuthError::invalid_dpop_proof(
            "the client registered dpop_bound_access_tokens and must send a DPoP proof (RFC 9449 section 5.2)",
        )),
        None => Ok(None),
    }
}

/// Checks a proof for this method and path of this server, and for the access token sent with it.
pub fn check(
    app: &App,
    proof: &str,
    method: &str,
    path: &str,
    access_token: Option<&str>,
) -> Result<PresentedProof, OAuthError> {
    let (now, url) = (app.clock.now(), format!("{}{path}", app.config.base()));
    let proof = Proof::verify(proof, &ProofTarget { method, url: &url, access_token, now })
        .map_err(OAuthError::invalid_dpop_proof)?;
    if app.config.dpop.require_nonce && !proof.nonce.as_deref().is_some_and(|nonce| is_ours(app, nonce)) {
        let missing = OAuthError::use_dpop_nonce("the DPoP proof needs the nonce of the DPoP-Nonce header");
        return Err(OAuthError { dpop_nonce: Some(nonce(app, 0)), ..missing });
    }
    let hash = Digest::of([proof.jkt.as_str(), &url, &proof.jti].join(" "));
    // Recorded for twice its lifetime, because the nodes' clocks differ.
    Ok(PresentedProof { jkt: proof.jkt, hash, expires_at: now + LIFETIME * 2, spent: OnceCell::new() })
}

impl PresentedProof {
    /// The parts of a proof that storage uses up together with another change.
    #[must_use]
    pub fn to_spend(&self) -> dpop_proofs::Proof<'_> {
        (&self.hash, self.expires_at)
    }

    /// Uses the proof up. This request may call it again; every other request with the same proof is refused.
    pub async fn spend(&self, app: &App) -> Result<(), OAuthError> {
        let first = async || {
            let first = dpop_proofs::insert(&app.db, &self.hash, self.expires_at).await?;
            first.then_some(()).ok_or_else(used_before)
        };
        self.spent.get_or_try_init(first).await.copied()
    }
}

#[must_use]
pub fn used_before() -> OAuthError {
    OAuthError::invalid_dpop_proof("the DPoP proof was used before (jti)")
}

/// The nonce for the next proof, sent with a response (RFC 9449 §8.2); `None` if nonces are not required.
#[must_use]
pub fn next_nonce(app: &App) -> Option<String> {
    app.config.dpop.require_nonce.then(|| nonce(app, 0))
}

fn is_ours(app: &App, presented: &str) -> bool {
    presented == nonce(app, 0) || presented == nonce(app, -1)
}

/// Computed from the time and a key, so that all nodes know it without storing it.
fn nonce(app: &App, steps: i64) -> String {
    let step = app.clock.now().unix_timestamp() / NONCE_STEP_SECONDS + steps;
    base64url(&hmac::sign(app.derived_keys.dpop_nonces(), &step.to_be_bytes()).as_ref()[..16])
}
