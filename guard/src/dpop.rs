//! Proofs of possession (RFC 9449 §7): the key that an access token is bound to signs each request anew.
use crate::{digest, source};
use keyward_limits::shares::Table;
pub use keyward_oauth::dpop::ALGORITHMS;
use keyward_oauth::dpop::{self, AHEAD, LIFETIME, Proof};
use std::sync::{Mutex, PoisonError};
use time::OffsetDateTime;

/// Proofs that are remembered, and those of one key: more would have to be made in the time that a proof counts.
const MOST: usize = 50_000;
const MOST_OF_KEY: usize = 5_000;

/// The request that a proof must be for.
pub struct Demand<'a> {
    pub method: &'a str,
    /// The resource identifier, whatever the request says its host is.
    pub url: &'a str,
    pub access_token: &'a str,
    /// `cnf.jkt` of the access token.
    pub jkt: &'a str,
    pub now: OffsetDateTime,
}

/// A digest; a proof's, of its key and its `jti`.
pub type ProofDigest = [u8; 32];

/// RFC 9449 §4.3 and §7.1, without the memory: the rule that the proof breaks, if it breaks one.
pub fn verify(text: &str, demand: &Demand) -> Result<ProofDigest, &'static str> {
    let Demand { method, url, access_token, jkt, now } = *demand;
    let proof = Proof::verify(text, &dpop::ProofTarget { method, url, access_token: Some(access_token), now })?;
    if proof.jkt != jkt {
        return Err("the DPoP proof is by another key than the access token is bound to");
    }
    Ok(digest::of(format!("{} {}", proof.jkt, proof.jti).as_bytes()))
}

/// Which proofs were used (RFC 9449 §11.1), as long as they count. Of too many, the oldest are forgotten of the key that
/// made most: nobody but its owner could repeat them.
#[derive(Debug)]
pub struct Used(Mutex<Table<ProofDigest, OffsetDateTime>>);

impl Default for Used {
    fn default() -> Self {
        Self(Mutex::new(Table::new(MOST, MOST_OF_KEY)))
    }
}

impl Used {
    /// `true` for the first caller only.
    pub fn first(&self, jkt: &str, trace: ProofDigest, now: OffsetDateTime) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.peek(&trace).is_some_and(|at| now - *at <= LIFETIME + AHEAD) {
            return false;
        }
        all.insert(source::party(jkt), trace, now, 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    // RFC 9449 §7.1
    const PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo\
        UklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsI\
        mNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtc\
        GxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OU\
        lpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";

    #[test]
    fn the_example_of_the_rfc_counts_for_five_minutes_one_key_and_one_token() {
        let made = OffsetDateTime::UNIX_EPOCH + Duration::seconds(1_562_262_618);
        let demand = |seconds| Demand {
            method: "GET",
            url: "https://resource.example.org/protectedresource",
            access_token: "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU",
            jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
            now: made + Duration::seconds(seconds),
        };
        for (seconds, good) in [(-11, false), (-10, true), (0, true), (300, true), (301, false)] {
            assert_eq!(verify(PROOF, &demand(seconds)).is_ok(), good, "{seconds}");
        }
        assert!(verify(PROOF, &Demand { jkt: "another", ..demand(0) }).unwrap_err().contains("another key"));
        assert!(verify(PROOF, &Demand { access_token: "another", ..demand(0) }).unwrap_err().contains("ath"));
    }

    #[test]
    fn a_proof_is_remembered_for_as_long_as_it_counts() {
        let (used, start) = (Used::default(), OffsetDateTime::UNIX_EPOCH);
        assert!(used.first("k", [1; 32], start));
        for seconds in [0, 1, 309, 310] {
            assert!(!used.first("k", [1; 32], start + Duration::seconds(seconds)), "{seconds}");
        }
        assert!(used.first("k", [1; 32], start + Duration::seconds(311)));
    }

    #[test]
    fn memory_is_bounded_and_a_key_that_makes_many_proofs_pushes_out_its_own_only() {
        let (used, now) = (Used::default(), OffsetDateTime::UNIX_EPOCH);
        let trace = |number: usize| digest::of(&number.to_be_bytes());
        assert!(used.first("honest", [1; 32], now));
        for number in 0..2 * MOST {
            assert!(used.first(["a", "b"][number % 2], trace(number), now));
        }
        for number in 0..20 * MOST_OF_KEY {
            assert!(used.first(&(number % 20).to_string(), trace(2 * MOST + number), now));
        }
        assert_eq!(used.0.lock().unwrap().len(), MOST);
        assert!(!used.first("honest", [1; 32], now));
    }
}
