//! What is on disk while a backup or a drill runs. A signal that ends the process runs no destructor, so its handler asks here.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A file or a directory that is removed when the process is interrupted, until this is dropped.
pub(super) struct Unfinished(PathBuf);

impl Unfinished {
    pub(super) fn new(path: PathBuf) -> Self {
        unfinished().push(path.clone());
        Self(path)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        unfinished().retain(|path| *path != self.0);
    }
}

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what is not finished. Call it when the process ends at a signal: what still runs begins nothing anew meanwhile.
pub fn remove_unfinished() {
    let paths = unfinished();
    for path in paths.iter() {
        // A thread that still writes may add a file to a directory that is being removed.
        let removed = (0..3).any(|_| match fs::metadata(path) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(path).is_ok(),
            Ok(_) => fs::remove_file(path).is_ok(),
            Err(_) => true,
        });
        if !removed {
            log::error!("{} remains, remove it", path.display());
        }
    }
    // The lock is not released: a directory that is made now would remain.
    std::mem::forget(paths);
}
