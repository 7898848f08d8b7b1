//! `api-key`: API keys as bearer tokens, including keys that people make for themselves.
use super::{
    bearer_keys::{BearerKeys, Realm},
    kind::{Built, Kind, Setup},
};
use crate::{attempts::Attempts, keys::Keys};

const NAME: &str = "api-key";

pub(super) const KIND: Kind = Kind {
    name: NAME,
    shown: "Authorization: Bearer <API key>",
    login: Some(" --auth-mode api-key --bearer-token -"),
    curl: "-H \"Authorization: Bearer KEY\"",
    build: |setup| Ok(build(setup)),
};

fn build(setup: &Setup) -> Built {
    Built::everywhere(BearerKeys {
        kind: NAME,
        realm: Realm(setup.title.to_owned()),
        keys: Keys::new(&setup.settings.keys),
        people: setup.accounts.values().cloned().collect(),
        attempts: Attempts::new(setup.clock.clone()),
        clock: setup.clock.clone(),
    })
}
