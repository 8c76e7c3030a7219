//! Checks that files and directories with secrets belong to this user, and that others cannot read or change them.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The permission bits of the group and of others.
const OTHERS: u32 = 0o077;
/// What the group may not do with a file that it may read, and others not at all.
const ALL_BUT_GROUP_READ: u32 = 0o037;
/// Write permission of the group and of others.
const OTHERS_WRITE: u32 = 0o022;

/// Why a file is not private. The text follows the name of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPrivate {
    /// Other users have access.
    #[error("is open to other users (mode {0:04o})")]
    Mode(u32),
    /// It belongs to another user than this one and root.
    #[error("belongs to the user {0}, who is neither root nor the user that Chaveiro runs as")]
    Owner(u32),
    /// It is a symbolic link, whose target others may change.
    #[error("is a symbolic link")]
    Link,
}

/// Checks a file that nobody but its owner may read, and that is no link. A missing file is no error.
///
/// # Errors
/// [`NotPrivate`]
pub fn check_own_file(path: &Path) -> Result<(), NotPrivate> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Err(NotPrivate::Link),
        Ok(found) => check(&found, OTHERS),
        Err(_) => Ok(()),
    }
}

/// Checks a file that its group may read, such as a key that a service of certificates renews; links are followed. A missing
/// file is no error.
///
/// # Errors
/// [`NotPrivate`]
pub fn check_shared_file(path: &Path) -> Result<(), NotPrivate> {
    fs::metadata(path).map_or(Ok(()), |found| check(&found, ALL_BUT_GROUP_READ))
}

/// Checks a directory in which nobody else may create or replace files. A missing one is no error.
///
/// # Errors
/// [`NotPrivate`]
pub fn check_directory(path: &Path) -> Result<(), NotPrivate> {
    fs::metadata(path).map_or(Ok(()), |found| check(&found, OTHERS_WRITE))
}

fn check(found: &Metadata, forbidden: u32) -> Result<(), NotPrivate> {
    let (user, root) = (rustix::process::geteuid().as_raw(), 0);
    if found.uid() != user && found.uid() != root {
        return Err(NotPrivate::Owner(found.uid()));
    }
    if found.mode() & forbidden != 0 {
        return Err(NotPrivate::Mode(found.mode() & 0o7777));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_others_may_read_or_change_is_not_private() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        fs::write(&file, "x").unwrap();
        symlink(&file, &link).unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for (mode, own, shared) in [
            (0o600, true, true),
            (0o400, true, true),
            (0o640, false, true),
            (0o660, false, false),
            (0o644, false, false),
            (0o604, false, false),
            (0o602, false, false),
        ] {
            set(&file, mode);
            assert_eq!((check_own_file(&file).is_ok(), check_shared_file(&link).is_ok()), (own, shared), "{mode:o}");
        }
        assert_eq!(check_own_file(&link), Err(NotPrivate::Link));
        for (mode, private) in [(0o700, true), (0o755, true), (0o775, false), (0o1777, false), (0o702, false)] {
            set(directory.path(), mode);
            assert_eq!(check_directory(directory.path()).is_ok(), private, "{mode:o}");
        }
        let missing = directory.path().join("missing");
        assert!(check_own_file(&missing).is_ok() && check_shared_file(&missing).is_ok());
    }

    #[test]
    fn a_file_of_another_user_is_not_private() {
        let file = tempfile::NamedTempFile::new().unwrap();
        if !rustix::process::geteuid().is_root() {
            return;
        }
        std::os::unix::fs::chown(file.path(), Some(12_345), None).unwrap();
        assert_eq!(check_own_file(file.path()), Err(NotPrivate::Owner(12_345)));
        assert_eq!(check_shared_file(file.path()), Err(NotPrivate::Owner(12_345)));
    }
}
