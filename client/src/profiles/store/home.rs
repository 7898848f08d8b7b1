//! Who owns the directory of the logins, and who else could replace it.
use crate::error::{Failure, Result};
use std::path::Path;

#[cfg(not(unix))]
pub fn judge(_: &Path) -> Result<()> {
    Ok(())
}

/// Refuses a directory that others own, or could write to or replace. One that does not exist yet is fine.
#[cfg(unix)]
pub fn judge(home: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS: u32 = 0o022;
    const ALL: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    let me = rustix::process::geteuid().as_raw();
    for path in [home.to_owned(), home.join("profiles.json")] {
        let Ok(found) = std::fs::metadata(&path) else { continue };
        if found.uid() != me {
            return Err(unsafe_home(&path, "belongs to somebody else", "chown it, or give --profile-home another one"));
        }
        if found.mode() & OTHERS != 0 {
            return Err(unsafe_home(&path, "can be written by others", "chmod go-w it"));
        }
    }
    let above = std::path::absolute(home).unwrap_or_else(|_| home.to_owned());
    let really = std::fs::canonicalize(home).unwrap_or_else(|_| above.clone());
    for path in above.ancestors().skip(1).chain(really.ancestors().skip(1)) {
        let mode = std::fs::metadata(path).map(|found| found.mode()).unwrap_or_default();
        if mode & ALL != 0 && mode & STICKY == 0 {
            return Err(unsafe_home(path, "can be written by everybody, and the logins lie in it", "chmod o-w it"));
        }
    }
    Ok(())
}

fn unsafe_home(path: &Path, what: &str, cure: &str) -> Failure {
    Failure::new("unsafe_home", format!("{} {what}: {cure}. Nothing was read or stored", path.display()))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{PermissionsExt, symlink},
    };

    #[test]
    fn attack_179_what_others_can_replace_is_no_home() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("above/home");
        let link = directory.path().join("link");
        judge(&home).unwrap();
        fs::create_dir_all(&home).unwrap();
        symlink(&home, &link).unwrap();
        fs::write(home.join("profiles.json"), "{}").unwrap();
        let with = |path: &Path, mode: u32, wanted: &str| {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            for home in [&home, &link] {
                let judged = judge(home).map_err(|failure| failure.message);
                assert_eq!(judged.is_ok(), wanted.is_empty(), "{mode:o} {judged:?}");
                assert!(judged.err().unwrap_or_default().contains(wanted), "{mode:o}");
            }
            fs::set_permissions(path, Permissions::from_mode(if path.is_dir() { 0o700 } else { 0o600 })).unwrap();
        };
        for (mode, wanted) in
            [(0o700, ""), (0o755, ""), (0o777, "chmod go-w"), (0o720, "chmod go-w"), (0o1777, "chmod go-w")]
        {
            with(&home, mode, wanted);
        }
        with(&home.join("profiles.json"), 0o666, "chmod go-w");
        for (mode, wanted) in [(0o777, "chmod o-w"), (0o1777, ""), (0o775, "")] {
            with(home.parent().unwrap(), mode, wanted);
        }
    }
}
