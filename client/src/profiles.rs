//! What is remembered between runs: `profiles.json`, readable by its owner only, changed under a lock, replaced whole.
use crate::{
    clock, encode,
    error::{Failure, Result},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

/// One login. Other tools read this file and refuse members they do not know: what is ours alone is in [`Extra`].
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[allow(clippy::struct_field_names)] // the file's names
pub struct Profile {
    pub profile_id: String,
    pub resource_url: String,
    pub auth_mode: String,
    pub issuer: Option<String>,
    pub authorization_server_metadata_url: Option<String>,
    pub token_endpoint: Option<String>,
    pub authorization_endpoint: Option<String>,
    pub device_authorization_endpoint: Option<String>,
    pub registration_endpoint: Option<String>,
    pub access_token: Option<String>,
    pub refresh_token: Option<String>,
    #[serde(deserialize_with = "seconds")]
    pub expires_at: Option<i64>,
    pub scope: Option<String>,
    pub token_type: Option<String>,
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
    pub token_endpoint_auth_method: Option<String>,
    pub redirect_uri: Option<String>,
    pub dynamic_client_registration: bool,
    #[serde(deserialize_with = "seconds")]
    pub created_at: Option<i64>,
    #[serde(deserialize_with = "seconds")]
    pub last_used_at: Option<i64>,
}

/// What this program knows of a profile beyond the shared members.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Extra {
    /// What tokens are asked for (RFC 8707).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    /// The scope of the last authorization request, which step-up adds to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_scope: Option<String>,
    /// PEM of the key that the tokens are bound to (RFC 9449).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpop_key: Option<String>,
    /// PEM of the key the client authenticates with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_private_key: Option<String>,
    /// Where the assertion of a workload lies (RFC 7523).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertion_file: Option<String>,
    /// Headers that are the whole credential.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[allow(clippy::struct_field_names)] // the file's names
pub struct Profiles {
    pub profiles: Vec<Profile>,
    /// Which profile an address uses.
    pub active_profiles: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Extra>,
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// Whole seconds, also where another tool wrote fractions.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<i64>, D::Error> {
    #[allow(clippy::cast_possible_truncation)] // fractions of seconds are what is cut off
    Ok(Option::<f64>::deserialize(deserializer)?.map(|seconds| seconds as i64))
}

impl Profile {
    pub fn new(resource_url: &str, auth_mode: &str) -> Self {
        Self {
            profile_id: encode::hex(&encode::random_bytes::<4>()),
            resource_url: resource_url.to_owned(),
            auth_mode: auth_mode.to_owned(),
            created_at: Some(clock::now()),
            ..Self::default()
        }
    }

    /// Thirty seconds before the end counts as the end.
    pub fn is_fresh(&self) -> bool {
        self.access_token.is_some() && self.expires_at.is_none_or(|end| end - 30 > clock::now())
    }
}

impl Profiles {
    pub fn find(&self, id: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.profile_id == id)
    }

    pub fn extra(&self, id: &str) -> Extra {
        self.extra.get(id).cloned().unwrap_or_default()
    }

    /// The one in use for an address. After a logout no other one takes its place by itself.
    pub fn active(&self, url: &str) -> Option<&Profile> {
        self.active_profiles.get(url).and_then(|id| self.find(id))
    }

    /// Puts one in its place and, for its address, in use.
    pub fn put(&mut self, profile: Profile, extra: Extra) {
        self.active_profiles.insert(profile.resource_url.clone(), profile.profile_id.clone());
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

/// The directory and the file in it.
#[derive(Clone, Debug)]
pub struct Store {
    home: PathBuf,
}

impl Store {
    /// `--profile-home`, else `$MCP_AUTH_CLI_HOME`, else `~/.config/mcp-auth`.
    pub fn open(home: Option<PathBuf>) -> Result<Self> {
        let under_home = || std::env::home_dir().map(|home| home.join(".config/mcp-auth"));
        let home = home.or_else(under_home).ok_or_else(|| Failure::usage("no home directory: give --profile-home"))?;
        Ok(Self { home })
    }

    pub fn load(&self) -> Result<Profiles> {
        match fs::read(self.file()) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| Failure::new("profiles", format!("{} is damaged: {error}", self.file().display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Profiles::default()),
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// Reads, changes and replaces the file while no other process can.
    pub fn change<T>(&self, change: impl FnOnce(&mut Profiles) -> Result<T>) -> Result<T> {
        let _lock = self.lock("profiles")?;
        let mut profiles = self.load()?;
        let result = change(&mut profiles)?;
        self.replace(&profiles).map_err(|error| self.failure(&error))?;
        Ok(result)
    }

    /// Held until dropped; the operating system lets go of it when a process dies.
    pub fn lock(&self, name: &str) -> Result<File> {
        let path = self.home.join(format!("{name}.lock"));
        let lock = || {
            private_directory(&self.home)?;
            let file = private(OpenOptions::new().create(true).truncate(false).write(true)).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|error| self.failure(&error))
    }

    fn replace(&self, profiles: &Profiles) -> std::io::Result<()> {
        let (file, new) = (self.file(), self.home.join("profiles.json.new"));
        // A process that died while writing has left its half behind.
        let _ = fs::remove_file(&new);
        let mut writer = private(OpenOptions::new().create_new(true).write(true)).open(&new)?;
        writer.write_all(&serde_json::to_vec_pretty(profiles)?)?;
        writer.write_all(b"\n")?;
        writer.sync_all()?;
        fs::rename(&new, &file)
    }

    fn file(&self) -> PathBuf {
        self.home.join("profiles.json")
    }

    fn failure(&self, error: &std::io::Error) -> Failure {
        Failure::new("profiles", format!("{}: {error}", self.home.display()))
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Made for its owner only; one that is there already keeps its rights.
#[cfg(unix)]
fn private_directory(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn private_directory(path: &Path) -> std::io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_has_exactly_the_members_that_other_tools_know() {
        let value = serde_json::to_value(Profile::new("https://mcp.example", "device")).unwrap();
        let mut names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        let mut wanted = "profile_id resource_url auth_mode issuer authorization_server_metadata_url token_endpoint \
            authorization_endpoint device_authorization_endpoint registration_endpoint access_token refresh_token \
            expires_at scope token_type client_id client_secret token_endpoint_auth_method redirect_uri \
            dynamic_client_registration created_at last_used_at"
            .split_whitespace()
            .collect::<Vec<_>>();
        wanted.sort_unstable();
        assert_eq!(names, wanted);
    }

    #[test]
    fn the_file_and_its_directory_are_for_their_owner_only_and_keep_what_they_do_not_know() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(Some(directory.path().join("deep/home"))).unwrap();
        let profile = Profile::new("https://mcp.example", "bearer");
        store
            .change(|profiles| {
                profiles.unknown.insert("later".to_owned(), 7.into());
                profiles.put(profile.clone(), Extra { requested_scope: Some("a".to_owned()), ..Extra::default() });
                Ok(())
            })
            .unwrap();
        store.change(|profiles| Ok(profiles.active_profiles.insert("x".to_owned(), "y".to_owned()))).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&store.file()), 0o600);
        assert_eq!(mode(&store.home), 0o700);
        let again = store.load().unwrap();
        assert_eq!(again.unknown["later"], 7);
        assert_eq!(again.active("https://mcp.example").unwrap().profile_id, profile.profile_id);
        assert_eq!(again.extra(&profile.profile_id).requested_scope.as_deref(), Some("a"));
    }

    #[test]
    fn a_failed_change_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(Some(directory.path().to_owned())).unwrap();
        let refused = store.change(|profiles| {
            profiles.put(Profile::new("https://mcp.example", "bearer"), Extra::default());
            Err::<(), _>(Failure::usage("no"))
        });
        assert!(refused.is_err());
        assert!(store.load().unwrap().profiles.is_empty());
    }

    #[test]
    fn times_with_fractions_are_read() {
        let profile: Profile = serde_json::from_str(r#"{"profile_id": "a", "expires_at": 1700000000.25}"#).unwrap();
        assert_eq!(profile.expires_at, Some(1_700_000_000));
    }
}
