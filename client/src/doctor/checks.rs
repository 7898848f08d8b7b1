//! All checks, grouped by what they look at.
mod abilities;
mod challenge;
mod clients;
mod connection;
mod endpoints;
mod metadata;
mod registration;
mod resource;
mod transport;

use super::check::Check;

pub fn all() -> impl Iterator<Item = &'static Check> {
    let groups = [
        connection::CHECKS,
        challenge::CHECKS,
        resource::CHECKS,
        transport::CHECKS,
        metadata::CHECKS,
        abilities::CHECKS,
        endpoints::CHECKS,
        clients::CHECKS,
        registration::CHECKS,
    ];
    groups.into_iter().flatten()
}

/// Whether a check can be judged where the server did not answer.
pub fn is_of_connection(id: &str) -> bool {
    connection::CHECKS.iter().any(|check| check.id == id)
}

/// Whether a check can be judged only after a trial.
pub fn needs_trial(id: &str) -> bool {
    registration::CHECKS.iter().any(|check| check.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_check_has_an_id_of_its_own_and_says_everything() {
        let mut ids = HashSet::new();
        for check in all() {
            assert!(ids.insert(check.id), "{} twice", check.id);
            for text in [check.rule, check.wanted, check.breaks, check.mend] {
                assert!(!text.is_empty(), "{}", check.id);
            }
        }
    }
}
