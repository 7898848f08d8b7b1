//! All logins of one file, and which of them each address uses.
use super::profile::{Extra, Profile};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// All that `profiles.json` holds. `file.rs` reads and writes it.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_field_names)] // the file's names
pub struct Profiles {
    pub profiles: Vec<Profile>,
    /// Which profile an address uses.
    pub active_profiles: BTreeMap<String, String>,
    pub extra: BTreeMap<String, Extra>,
    /// The issuers that saw each credential which a person gave.
    pub bound: BTreeMap<String, Vec<String>>,
    pub unknown: Map<String, Value>,
    /// Entries that this program cannot read, kept as they are.
    pub(super) unreadable: UnreadableEntries,
}

/// Entries of the file that this program cannot read. They are written back as they came.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_field_names)] // the file's names
pub(super) struct UnreadableEntries {
    pub profiles: Vec<Value>,
    pub active_profiles: Map<String, Value>,
    pub extra: Map<String, Value>,
    pub bound: Map<String, Value>,
}

impl Profiles {
    pub fn find(&self, id: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.profile_id == id)
    }

    /// The extra members of a login. A login of another tool has none: it is for its own address and its own scope.
    pub fn extra(&self, id: &str) -> Extra {
        let of_another =
            || self.find(id).filter(|profile| profile.issuer.is_some() || profile.token_endpoint.is_some());
        self.extra.get(id).cloned().unwrap_or_else(|| {
            of_another().map_or_else(Extra::default, |profile| Extra {
                resource: Some(profile.resource_url.clone()),
                requested_scope: profile.scope.clone(),
                ..Extra::default()
            })
        })
    }

    /// The login in use for an address. After a logout no other login takes its place.
    pub fn active(&self, url: &str) -> Option<&Profile> {
        self.active_profiles.get(url).and_then(|id| self.find(id))
    }

    /// Whether any login of an address has sealed secrets.
    pub fn any_sealed(&self, url: &str) -> bool {
        let sealed = |profile: &Profile| self.extra(&profile.profile_id).sealed.is_some();
        self.profiles.iter().any(|profile| profile.resource_url == url && sealed(profile))
    }

    /// Stores a login, and uses it for its address.
    pub fn put(&mut self, profile: Profile, extra: Extra) {
        self.active_profiles.insert(profile.resource_url.clone(), profile.profile_id.clone());
        self.set(profile, extra);
    }

    /// Stores a login in the place of the one with its id.
    pub fn set(&mut self, profile: Profile, extra: Extra) {
        self.extra.insert(profile.profile_id.clone(), extra);
        match self.profiles.iter_mut().find(|known| known.profile_id == profile.profile_id) {
            Some(known) => *known = profile,
            None => self.profiles.push(profile),
        }
    }

    pub fn remove(&mut self, id: &str) -> Option<Profile> {
        let at = self.profiles.iter().position(|profile| profile.profile_id == id)?;
        self.active_profiles.retain(|_, active| active != id);
        self.extra.remove(id);
        Some(self.profiles.remove(at))
    }
}
