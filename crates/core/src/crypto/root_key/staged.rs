//! The next root key, while the root key is rotated.
//!
//! A rotation writes the next key beside the present one, then commits the keys that it wraps together with its check value, and
//! then moves it into place. A crash at any step leaves a vault that starts: [`RootKeyLocation::load_matching`] takes the key
//! that the check value in the database is of.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::{NEXT_VARIABLE, RootKey, RootKeyError, RootKeyLocation, sync_directory};

const NEXT_FILE: &str = "root.key.next";
const FORMER_PREFIX: &str = "root.key.former-";
const NEXT_CREDENTIAL: &str = "chaveiro-root-key-next";

/// The next root key, and where it is.
#[derive(Debug)]
pub struct StagedRootKey {
    /// The key.
    pub key: RootKey,
    /// Its file, which [`RootKeyLocation::promote`] moves into place; `None`: the operator configures the key.
    pub file: Option<PathBuf>,
}

/// The lock of a rotation of the root key, on the data directory. It ends with the process at the latest.
#[derive(Debug)]
pub struct RootKeyLock(Option<File>);

impl RootKeyLocation {
    /// Returns the location of the next key.
    pub fn next(&self) -> Self {
        match self {
            Self::Environment(_) | Self::Command(_) | Self::Shares(_) => Self::Environment(NEXT_VARIABLE),
            Self::SystemdCredential(path) => Self::SystemdCredential(path.with_file_name(NEXT_CREDENTIAL)),
            Self::File(path) => Self::File(path.with_file_name(NEXT_FILE)),
        }
    }

    /// Loads the key that `check` is a check value of: the present one or the next one. Moves the next file into place, if
    /// no rotation is running.
    ///
    /// # Errors
    /// [`RootKeyError::Missing`], [`RootKeyError::Wrong`], and those of loading the present key.
    pub fn load_matching(&self, check: &[u8]) -> Result<RootKey, RootKeyError> {
        let present = self.load();
        if let Ok(Some(key)) = &present
            && key.matches(check)
        {
            return Ok(key.clone());
        }
        // What is wrong with the next key does not matter: it may never have been in use.
        if let Ok(Some(next)) = self.next().load()
            && next.matches(check)
        {
            self.finish_move(&next);
            return Ok(next);
        }
        if let Some(former) = self.former_matching(check) {
            log::warn!(
                "the database is under a former root key, as after a reset to an earlier time; rotate the root key again"
            );
            return Ok(former);
        }
        match present? {
            Some(_) => Err(RootKeyError::Wrong(self.to_string())),
            None => Err(RootKeyError::Missing(self.to_string())),
        }
    }

    /// Returns the former root key that `check` is a check value of.
    fn former_matching(&self, check: &[u8]) -> Option<RootKey> {
        let Self::File(path) = self else { return None };
        let entries = fs::read_dir(path.parent()?).ok()?;
        let is_former = |path: &PathBuf| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(FORMER_PREFIX))
        };
        let files = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_former);
        files.filter_map(|file| Self::File(file).load().ok().flatten()).find(|key| key.matches(check))
    }

    /// Moves the file of the next key into place after an interrupted rotation. If that fails, the key is found again where it is.
    fn finish_move(&self, next: &RootKey) {
        let Self::File(path) = self else { return };
        let Ok(Some(_lock)) = lock_directory(path, false) else { return };
        // Another process may have finished the move, and begun another rotation, before the lock was taken.
        let is_still_there = matches!(self.next().load(), Ok(Some(found)) if found.0 == next.0);
        if is_still_there && let Err(error) = self.promote() {
            log::warn!("the new root key stays in {}: {error}", self.next());
        }
    }

    /// Locks the location for a rotation; waits for another one.
    ///
    /// # Errors
    /// [`RootKeyError::Io`]
    pub fn lock(&self) -> Result<RootKeyLock, RootKeyError> {
        match self {
            Self::File(path) => {
                let locked = lock_directory(path, true);
                locked.map(RootKeyLock).map_err(|error| RootKeyError::Io(self.to_string(), error.kind()))
            }
            Self::Environment(_) | Self::SystemdCredential(_) | Self::Command(_) | Self::Shares(_) => {
                Ok(RootKeyLock(None))
            }
        }
    }

    /// Stages the next key: `given`, a new one for a location in a file, or the one at the next location. The caller holds the
    /// lock, and knows that a key that is staged already is not in use.
    ///
    /// # Errors
    /// [`RootKeyError::NextMissing`], [`RootKeyError::Same`], [`RootKeyError::Staged`], [`RootKeyError::Io`], and those of
    /// loading.
    pub fn stage(&self, given: Option<RootKey>, _lock: &RootKeyLock) -> Result<StagedRootKey, RootKeyError> {
        let (present, next) = (self.load()?, self.next());
        let is_present = |key: &RootKey| present.as_ref().is_some_and(|present| present.0 == key.0);
        if let Some(given) = given.as_ref().filter(|given| is_present(given)) {
            return Err(RootKeyError::Same(given.id()));
        }
        let Self::File(path) = &next else {
            let key = given.map_or_else(|| next.load(), |key| Ok(Some(key)))?;
            let key = key.ok_or_else(|| RootKeyError::NextMissing(next.to_string()))?;
            let is_new = !is_present(&key);
            let staged = StagedRootKey { key, file: None };
            return if is_new { Ok(staged) } else { Err(RootKeyError::Same(staged.key.id())) };
        };
        // A key that was staged for this node, as on the other nodes, or by a rotation that was interrupted.
        let found = next.load().ok().flatten().filter(|found| !is_present(found));
        if let (Some(given), Some(found)) = (&given, &found)
            && given.0 != found.0
        {
            // A rotation whose commit is not known yet may have put the vault under it.
            return Err(RootKeyError::Staged(next.to_string()));
        }
        let key = given.or(found).unwrap_or_else(RootKey::generate);
        replace(path, &key).map_err(|error| RootKeyError::Io(next.to_string(), error.kind()))?;
        Ok(StagedRootKey { key, file: Some(path.clone()) })
    }

    /// Moves the file of the next key into the place of the present one, durably. The present one stays beside it under the name
    /// of its id: a database that is reset to an earlier time needs it again.
    ///
    /// # Errors
    /// [`RootKeyError::Io`]; the next start then finds the key where it is.
    pub fn promote(&self) -> Result<(), RootKeyError> {
        let (Self::File(present), Self::File(next)) = (self, self.next()) else { return Ok(()) };
        let kept = match self.load() {
            Ok(Some(key)) => match fs::hard_link(present, former_file(present, &key)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => Ok(()),
            },
            // What does not load opens nothing.
            Ok(None) | Err(_) => Ok(()),
        };
        let moved = kept.and_then(|()| fs::rename(&next, present)).and_then(|()| sync_directory(present));
        moved.map_err(|error| RootKeyError::Io(next.display().to_string(), error.kind()))
    }
}

/// The file of a former root key.
fn former_file(present: &Path, key: &RootKey) -> PathBuf {
    present.with_file_name(format!("{FORMER_PREFIX}{}", key.id()))
}

/// Writes a key in place of what is there. The file has either content at every moment.
fn replace(path: &Path, key: &RootKey) -> io::Result<()> {
    let new = path.with_extension("next.new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    key.write_new(&new)?;
    fs::rename(&new, path)?;
    sync_directory(path)
}

/// Locks the directory of a file. Without `wait`, returns `None` while another process has the lock.
fn lock_directory(path: &Path, wait: bool) -> io::Result<Option<File>> {
    let directory = File::open(path.parent().unwrap_or(Path::new(".")))?;
    if wait {
        directory.lock()?;
        return Ok(Some(directory));
    }
    match directory.try_lock() {
        Ok(()) => Ok(Some(directory)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl Drop for RootKeyLock {
    fn drop(&mut self) {
        if let Some(directory) = &self.0 {
            // Closing the file unlocks it too.
            let _ = directory.unlock();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn location() -> (tempfile::TempDir, RootKeyLocation, Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        let location = RootKeyLocation::File(dir.path().join("root.key"));
        let check = location.create().unwrap().check_value().unwrap();
        (dir, location, check)
    }

    #[test]
    fn the_key_of_the_check_value_is_found_at_every_step_of_a_rotation() {
        let (dir, location, old) = location();
        let lock = location.lock().unwrap();
        let staged = location.stage(None, &lock).unwrap();
        let new = staged.key.check_value().unwrap();
        let file = staged.file.unwrap();
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o600);
        // Before the commit and after it.
        assert!(location.load_matching(&old).unwrap().matches(&old));
        assert!(location.load_matching(&new).unwrap().matches(&new));
        assert!(file.exists(), "the file is not moved while the rotation is running");
        drop(lock);
        assert!(location.load_matching(&new).unwrap().matches(&new));
        assert!(!file.exists() && dir.path().join("root.key").exists());
        assert!(location.load().unwrap().unwrap().matches(&new));
        assert!(location.load_matching(&old).unwrap().matches(&old), "the former key stays beside it");
        assert!(location.load().unwrap().unwrap().matches(&new));
        let other = RootKey::generate().check_value().unwrap();
        assert!(matches!(location.load_matching(&other), Err(RootKeyError::Wrong(_))));
    }

    #[test]
    fn a_key_that_was_cut_off_while_it_was_staged_is_replaced() {
        let (dir, location, check) = location();
        fs::write(dir.path().join(NEXT_FILE), "abc").unwrap();
        assert!(location.load_matching(&check).is_ok());
        let lock = location.lock().unwrap();
        let staged = location.stage(None, &lock).unwrap();
        let again = location.stage(None, &lock).unwrap();
        assert_eq!(staged.key.0, again.key.0, "an interrupted rotation goes on with its key");
        let present = RootKey::read_file(&dir.path().join("root.key")).unwrap();
        assert!(matches!(location.stage(Some(present), &lock), Err(RootKeyError::Same(_))));
        location.promote().unwrap();
        assert!(location.load().unwrap().unwrap().matches(&staged.key.check_value().unwrap()));
        let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert!(names.len() == 2 && names[0] == "root.key", "{names:?}");
        assert_eq!(fs::metadata(dir.path().join(&names[1])).unwrap().mode() & 0o7777, 0o600);
    }

    #[test]
    fn a_key_that_is_staged_is_not_replaced_by_another() {
        let (_dir, location, _) = location();
        let lock = location.lock().unwrap();
        let staged = location.stage(None, &lock).unwrap().key;
        assert!(matches!(location.stage(Some(RootKey::generate()), &lock), Err(RootKeyError::Staged(_))));
        assert_eq!(location.stage(Some(staged.clone()), &lock).unwrap().key.0, staged.0);
    }

    #[test]
    fn two_rotations_do_not_run_at_once() {
        let (dir, location, _) = location();
        let lock = location.lock().unwrap();
        assert!(lock_directory(&dir.path().join("root.key"), false).unwrap().is_none());
        drop(lock);
        assert!(lock_directory(&dir.path().join("root.key"), false).unwrap().is_some());
    }
}
