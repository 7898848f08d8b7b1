//! `profiles.json`: readable by its owner only, changed under a lock, replaced whole.
mod home;

use super::{
    collection::Profiles,
    profile::{Extra, Profile},
    seal::Keyring,
};
use crate::error::{Failure, Result};
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

/// The directory and the file in it.
#[derive(Clone)]
pub struct Store {
    home: PathBuf,
    keyring: Keyring,
}

impl Store {
    /// Opens `--profile-home` (or `$MCP_AUTH_CLI_HOME`), else `~/.config/mcp-auth`.
    pub fn open(home: Option<PathBuf>) -> Result<Self> {
        let under_home = || std::env::home_dir().map(|home| home.join(".config/mcp-auth"));
        let home = home.or_else(under_home).ok_or_else(|| Failure::usage("no home directory: give --profile-home"))?;
        home::judge(&home)?;
        Ok(Self { home, keyring: Keyring::default() })
    }

    pub fn load(&self) -> Result<Profiles> {
        match fs::read(self.file()) {
            Ok(bytes) => Profiles::from_slice(&bytes).map_err(|error| {
                let message = format!("{} is damaged ({error}): mend it, or move it away", self.file().display());
                Failure::new("profiles", message)
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Profiles::default()),
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// One login with its secrets.
    pub fn login(&self, id: &str) -> Result<(Profile, Extra)> {
        self.open_login(&self.load()?, id)
    }

    /// Changes one login, secrets and all.
    pub fn change_login(&self, id: &str, change: impl FnOnce(&mut Profile, &mut Extra)) -> Result<(Profile, Extra)> {
        self.change(|profiles| {
            let (mut profile, mut extra) = self.open_login(profiles, id)?;
            change(&mut profile, &mut extra);
            let (sealed, with) = self.sealed(profile.clone(), extra.clone())?;
            profiles.set(sealed, with);
            Ok((profile, extra))
        })
    }

    /// Stores a login, and uses it for its address.
    pub fn put(&self, profiles: &mut Profiles, profile: &Profile, extra: &Extra) -> Result<()> {
        let (sealed, with) = self.sealed(profile.clone(), extra.clone())?;
        profiles.put(sealed, with);
        Ok(())
    }

    /// Removes a login. That needs no keyring, so a login that cannot be opened any more can still be removed.
    pub fn remove(&self, id: &str) -> Result<()> {
        let extra = self.change(|profiles| {
            let extra = profiles.extra(id);
            let gone = profiles.remove(id).is_some() || profiles.remove_unreadable(id);
            gone.then_some(extra).ok_or_else(|| no_profile(id))
        })?;
        if extra.sealed.is_some() {
            Keyring::forget(id);
        }
        Ok(())
    }

    fn open_login(&self, profiles: &Profiles, id: &str) -> Result<(Profile, Extra)> {
        let mut profile = profiles.find(id).cloned().ok_or_else(|| no_profile(id))?;
        let mut extra = profiles.extra(id);
        self.keyring.open(&mut profile, &mut extra)?;
        Ok((profile, extra))
    }

    fn sealed(&self, mut profile: Profile, mut extra: Extra) -> Result<(Profile, Extra)> {
        self.keyring.seal(&mut profile, &mut extra)?;
        Ok((profile, extra))
    }

    /// Reads, changes and replaces the file while no other process can.
    pub fn change<T>(&self, change: impl FnOnce(&mut Profiles) -> Result<T>) -> Result<T> {
        let _lock = self.lock("profiles")?;
        let mut profiles = self.load()?;
        let result = change(&mut profiles)?;
        self.replace(&profiles).map_err(|error| self.failure(&error))?;
        Ok(result)
    }

    /// A lock on a name, held until it is dropped. The operating system releases it when the process dies.
    pub fn lock(&self, name: &str) -> Result<File> {
        let path = self.home.join(format!("{name}.lock"));
        private_directory(&self.home).map_err(|error| self.failure(&error))?;
        // A directory that was made just now lies in one that was there before.
        home::judge(&self.home)?;
        let lock = || {
            let file = private(OpenOptions::new().create(true).truncate(false).write(true)).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|error| self.failure(&error))
    }

    fn replace(&self, profiles: &Profiles) -> std::io::Result<()> {
        let (file, new) = (self.file(), self.home.join("profiles.json.new"));
        // A process that died while writing left an incomplete file.
        let _ = fs::remove_file(&new);
        let mut writer = private(OpenOptions::new().create_new(true).write(true)).open(&new)?;
        writer.write_all(&profiles.to_vec()?)?;
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

pub fn no_profile(id: &str) -> Failure {
    Failure::new("no_profile", format!("there is no profile {id}. See: mcp-auth profile list"))
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

/// Makes a directory for its owner only. One that exists keeps its permissions.
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
mod tests;
