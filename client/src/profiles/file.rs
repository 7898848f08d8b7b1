//! How `profiles.json` is read and written. An entry that cannot be read is left as it is, and disables no other.
use super::{
    collection::Profiles,
    profile::{Extra, Profile},
};
use crate::output;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

/// The file on the disk. Each of its entries is read by itself.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
#[allow(clippy::struct_field_names)] // the file's names
struct File {
    profiles: Vec<Value>,
    active_profiles: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    extra: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    bound: Map<String, Value>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

impl Profiles {
    pub(super) fn from_slice(bytes: &[u8]) -> serde_json::Result<Self> {
        let file: File = serde_json::from_slice(bytes)?;
        let mut profiles = Self { unknown: file.unknown, ..Self::default() };
        for value in file.profiles {
            match profile(&value) {
                Ok(profile) => profiles.profiles.push(profile),
                Err(why) => {
                    warn_of_unreadable(&value, &why);
                    profiles.unreadable.profiles.push(value);
                }
            }
        }
        (profiles.active_profiles, profiles.unreadable.active_profiles) = split_readable(file.active_profiles);
        (profiles.extra, profiles.unreadable.extra) = split_readable(file.extra);
        (profiles.bound, profiles.unreadable.bound) = split_readable(file.bound);
        Ok(profiles)
    }

    pub(super) fn to_vec(&self) -> serde_json::Result<Vec<u8>> {
        let values = |profile| serde_json::to_value::<&Profile>(profile);
        let mut profiles = self.profiles.iter().map(values).collect::<serde_json::Result<Vec<_>>>()?;
        profiles.extend(self.unreadable.profiles.iter().cloned());
        // Extra members of a login that another tool has deleted are dropped.
        let known: Vec<_> = profiles.iter().filter_map(|profile| profile["profile_id"].as_str()).collect();
        let extra = self.extra.iter().filter(|(id, _)| known.contains(&id.as_str()));
        let extra: BTreeMap<&String, &Extra> = extra.collect();
        let file = File {
            active_profiles: merge(&self.active_profiles, &self.unreadable.active_profiles)?,
            extra: merge(&extra, &self.unreadable.extra)?,
            bound: merge(&self.bound, &self.unreadable.bound)?,
            unknown: self.unknown.clone(),
            profiles,
        };
        serde_json::to_vec_pretty(&file)
    }

    /// Removes the unreadable entries with this id; whether there were any.
    pub(super) fn remove_unreadable(&mut self, id: &str) -> bool {
        let before = self.unreadable.profiles.len();
        self.unreadable.profiles.retain(|profile| profile["profile_id"] != id);
        self.unreadable.extra.remove(id);
        self.unreadable.profiles.len() < before
    }
}

/// The profile, or the name of its member that cannot be read. The values may be secrets, so none is repeated.
fn profile(value: &Value) -> Result<Profile, String> {
    let Value::Object(members) = value else { return Err("it is no object".to_owned()) };
    for name in ["profile_id", "resource_url", "auth_mode"] {
        if members.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(format!("{name} is no text"));
        }
    }
    let mut profile: Profile = serde_json::from_value(value.clone()).map_err(|_| {
        let wrong =
            members.iter().find(|(name, value)| serde_json::from_value::<Profile>(json!({*name: value})).is_err());
        format!("{} has a value of another kind", wrong.map_or("a member", |(name, _)| name))
    })?;
    if let (Some(registration), Some(id)) = (&mut profile.dynamic_client_registration, &profile.client_id)
        && registration.is_empty()
    {
        registration.insert("client_id".to_owned(), id.clone().into());
    }
    Ok(profile)
}

/// Warns of an unreadable entry, once in a run.
fn warn_of_unreadable(value: &Value, why: &str) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        let id = value["profile_id"].as_str().unwrap_or("without a profile_id");
        let cure = value["profile_id"]
            .as_str()
            .map(|id| format!("; mcp-auth profile delete {} removes it", output::quoted(id)));
        output::warn(&format!(
            "profile {id} in profiles.json cannot be read and is left as it is: {why}{}",
            cure.unwrap_or_default()
        ));
    }
}

/// Members that can be read, and those that cannot.
fn split_readable<T: DeserializeOwned>(members: Map<String, Value>) -> (BTreeMap<String, T>, Map<String, Value>) {
    let (mut good, mut bad) = (BTreeMap::new(), Map::new());
    for (name, value) in members {
        match serde_json::from_value(value.clone()) {
            Ok(read) => drop(good.insert(name, read)),
            Err(_) => drop(bad.insert(name, value)),
        }
    }
    (good, bad)
}

/// The readable and the unreadable members in one map. A readable one replaces an unreadable one of the same name.
fn merge(good: impl Serialize, bad: &Map<String, Value>) -> serde_json::Result<Map<String, Value>> {
    let mut members = bad.clone();
    if let Value::Object(good) = serde_json::to_value(good)? {
        members.extend(good);
    }
    Ok(members)
}

#[cfg(test)]
mod tests;
