//! One signing key, parsed and ready to sign (RFC 7515, RFC 7518).
use crate::{
    oauth::{algorithm::Algorithm, public_key::PublicKey},
    secrets::base64url,
};
use anyhow::{Context, bail};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    io::Positive,
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256},
};
use serde_json::{Value, json};

pub struct Signer {
    pub kid: String,
    pub algorithm: Algorithm,
    /// The public half, ...
    pub public: PublicKey,
    /// ... and as published.
    pub jwk: Value,
    pair: Pair,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

/// A new private key, PKCS#8.
pub fn generate(algorithm: &str) -> anyhow::Result<Vec<u8>> {
    let random = SystemRandom::new();
    let failed = |_| anyhow::anyhow!("making a {algorithm} key failed");
    Ok(match Algorithm::parse(algorithm) {
        Some(Algorithm::Es256) => {
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(failed)?.as_ref().to_vec()
        }
        Some(Algorithm::EdDsa) => Ed25519KeyPair::generate_pkcs8(&random).map_err(failed)?.as_ref().to_vec(),
        Some(Algorithm::Rs256) => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
            AsDer::<Pkcs8V1Der>::as_der(&pair).map_err(failed)?.as_ref().to_vec()
        }
        None => bail!("{algorithm} is not an algorithm keyward signs with"),
    })
}

impl Signer {
    pub fn parse(algorithm: &str, pkcs8: &[u8]) -> anyhow::Result<Self> {
        let algorithm = Algorithm::parse(algorithm).context("unknown key algorithm")?;
        let (pair, mut jwk) = match algorithm {
            Algorithm::Es256 => ecdsa(pkcs8)?,
            Algorithm::EdDsa => ed25519(pkcs8)?,
            Algorithm::Rs256 => rsa(pkcs8)?,
        };
        let public = jwk.as_object().and_then(PublicKey::parse).context("the public half is no key of ours")?;
        let kid = public.thumbprint();
        jwk["kid"] = json!(kid);
        jwk["alg"] = json!(algorithm.as_str());
        jwk["use"] = json!("sig");
        Ok(Self { kid, algorithm, public, jwk, pair })
    }

    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
        }
    }
}

/// The pair, and its public JWK (RFC 7517).
type Parsed = (Pair, Value);

fn ecdsa(pkcs8: &[u8]) -> anyhow::Result<Parsed> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)?;
    // SEC 1 §2.3.3, uncompressed: 04, x, y.
    let point = pair.public_key().as_ref();
    let (x, y) = (base64url(&point[1..33]), base64url(&point[33..]));
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y});
    Ok((Pair::Ecdsa(pair), jwk))
}

fn ed25519(pkcs8: &[u8]) -> anyhow::Result<Parsed> {
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8)?;
    let x = base64url(pair.public_key());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
    Ok((Pair::Ed25519(pair), jwk))
}

fn rsa(pkcs8: &[u8]) -> anyhow::Result<Parsed> {
    let pair = RsaKeyPair::from_pkcs8(pkcs8)?;
    let numbers = pair.public_key();
    let number = |number: Positive| base64url(number.big_endian_without_leading_zero());
    let jwk = json!({"kty": "RSA", "n": number(numbers.modulus()), "e": number(numbers.exponent())});
    Ok((Pair::Rsa(Box::new(pair)), jwk))
}
