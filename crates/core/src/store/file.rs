//! The file of SQLite under a running server: whether the open file is still the one at its path.
//!
//! A file that is removed or replaced stays open, and takes writes that nobody will ever find. So the writer compares after
//! each commit and before its result is returned: what is acknowledged was in the file at the path, after its commit.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{AnyConnection, DatabaseLocation, StoreError, meta};

/// The files of a database: itself, its write-ahead log, and the index of that.
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// Device and inode.
type Identity = (u64, u64);

/// The files of an open SQLite database, or nothing on PostgreSQL.
pub(super) struct DatabaseFile {
    files: Vec<(PathBuf, Identity)>,
    replaced: AtomicBool,
}

impl DatabaseFile {
    /// Opens a connection to a SQLite file that keeps its write-ahead log in place until others are open.
    pub(super) fn hold(location: &DatabaseLocation) -> Result<Option<AnyConnection>, StoreError> {
        if !location.has_one_writer() {
            return Ok(None);
        }
        let mut connection = location.connect()?;
        meta::change_mark(&mut connection)?;
        Ok(Some(connection))
    }

    /// Notes the files of a database that is open, and stays so.
    pub(super) fn opened(location: &DatabaseLocation) -> Self {
        let files = match location {
            DatabaseLocation::Postgresql(_) => Vec::new(),
            DatabaseLocation::Sqlite(path) => SUFFIXES.iter().filter_map(|suffix| found(path, suffix)).collect(),
        };
        Self { files, replaced: AtomicBool::new(false) }
    }

    /// Compares the open files with those at their paths. Logs the first one that differs, once.
    ///
    /// # Errors
    /// [`StoreError::FileReplaced`], from then on; [`StoreError::Unavailable`] while the file system does not tell.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.refuse_replaced()?;
        let mut replaced = None;
        for (path, open) in &self.files {
            match read_identity(path) {
                Ok(found) if found == *open => {}
                Err(error) if !is_missing(&error) => {
                    return Err(StoreError::Unavailable("its file cannot be looked at"));
                }
                Ok(_) | Err(_) => replaced = replaced.or(Some(path)),
            }
        }
        let Some(path) = replaced else { return Ok(()) };
        if !self.replaced.swap(true, Ordering::AcqRel) {
            log::error!(
                "the database file {} was removed or replaced while it was open; every request is refused from now on. Put \
                 the file back in place, and restart",
                path.display()
            );
        }
        Err(StoreError::FileReplaced)
    }

    /// Refuses once a check has found another file. Costs one load.
    ///
    /// # Errors
    /// [`StoreError::FileReplaced`].
    pub(super) fn refuse_replaced(&self) -> Result<(), StoreError> {
        if self.replaced.load(Ordering::Acquire) { Err(StoreError::FileReplaced) } else { Ok(()) }
    }
}

fn found(database: &Path, suffix: &str) -> Option<(PathBuf, Identity)> {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    let path = PathBuf::from(path);
    identity(&path).map(|identity| (path, identity))
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn identity(path: &Path) -> Option<Identity> {
    read_identity(path).ok()
}

fn read_identity(path: &Path) -> std::io::Result<Identity> {
    std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of a database, opened, and after `change`.
    fn checked(change: impl FnOnce(&Path)) -> Result<(), StoreError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vault.sqlite");
        for suffix in SUFFIXES {
            std::fs::write(dir.path().join(format!("vault.sqlite{suffix}")), "rows").unwrap();
        }
        let file = DatabaseFile::opened(&DatabaseLocation::Sqlite(path));
        file.check().unwrap();
        change(dir.path());
        let found = file.check();
        assert_eq!((file.check(), file.refuse_replaced()), (found.clone(), found.clone()));
        found
    }

    #[test]
    fn a_file_that_is_not_the_open_one_any_more_is_noticed() {
        let within = |dir: &Path, name: &str| dir.join(name);
        assert_eq!(checked(|dir| std::fs::write(within(dir, "vault.sqlite"), "more").unwrap()), Ok(()));
        for name in ["vault.sqlite", "vault.sqlite-wal", "vault.sqlite-shm"] {
            assert_eq!(checked(|dir| std::fs::remove_file(within(dir, name)).unwrap()), Err(StoreError::FileReplaced));
            let replace = |dir: &Path| {
                std::fs::write(within(dir, "other"), "rows").unwrap();
                std::fs::rename(within(dir, "other"), within(dir, name)).unwrap();
            };
            assert_eq!(checked(replace), Err(StoreError::FileReplaced));
        }
        assert_eq!(
            checked(|dir| std::fs::rename(dir, dir.with_extension("away")).unwrap()),
            Err(StoreError::FileReplaced)
        );
    }
}
