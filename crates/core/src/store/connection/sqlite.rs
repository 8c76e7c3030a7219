//! Opens the SQLite file.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use crate::store::{Cause, StoreError};

/// `synchronous=FULL`: an acknowledged write survives a power failure, not only a crash. `cache_size` is in KiB: it holds the
/// interior pages of the indexes of a million rows; the operating system caches the rest once for all connections.
/// `journal_size_limit`: the write-ahead log grows as long as a reader needs its oldest page, and shrinks to this size afterwards.
const SETTINGS: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
     PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -24576; PRAGMA temp_store = MEMORY;";

/// How often the settings are tried while another connection changes the file.
const CONFIGURE_ATTEMPTS: usize = 100;
const CONFIGURE_PAUSE: Duration = Duration::from_millis(20);

/// Opens and configures a connection. Creates a missing file, readable by its owner alone.
pub(super) fn open(path: &Path) -> Result<SqliteConnection, StoreError> {
    create_private(path)?;
    connect(path).map_err(|error| match error {
        StoreError::InputOutput(_) | StoreError::Unavailable(_) => cause_of_directory(path).unwrap_or(error),
        other => other,
    })
}

fn connect(path: &Path) -> Result<SqliteConnection, StoreError> {
    let path = path.to_str().ok_or_else(|| StoreError::Location("the path is not UTF-8".into()))?;
    let mut connection =
        SqliteConnection::establish(path).map_err(|_| StoreError::Unavailable("the SQLite file cannot be opened"))?;
    configure(&mut connection)?;
    Ok(connection)
}

/// Applies the settings. `journal_mode` does not wait for another connection that changes it, or that is the last one and removes
/// the write-ahead log, whatever `busy_timeout` says.
fn configure(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    for _ in 0..CONFIGURE_ATTEMPTS {
        match connection.batch_execute(SETTINGS).map_err(StoreError::from) {
            Err(StoreError::Contended(_)) => std::thread::sleep(CONFIGURE_PAUSE),
            configured => return configured,
        }
    }
    Ok(connection.batch_execute(SETTINGS)?)
}

/// Creates the file if it is missing. An existing file is not opened: closing it would drop the locks of the other
/// connections of this process (sqlite.org/howtocorrupt.html, section 2.2).
fn create_private(path: &Path) -> Result<(), StoreError> {
    match create_new(path) {
        Ok(()) => Ok(()),
        Err(ErrorKind::AlreadyExists) => Ok(()),
        Err(kind) => Err(from_file_error(kind)
            .unwrap_or(StoreError::Unavailable("the SQLite file cannot be created in its directory"))),
    }
}

/// Returns why no file can be created beside the database. SQLite needs its `-wal` and `-shm` there, and reports any
/// such failure as "unable to open database file".
fn cause_of_directory(path: &Path) -> Option<StoreError> {
    let mut probe = path.as_os_str().to_owned();
    probe.push(format!("-probe-{}", uuid::Uuid::new_v4().simple()));
    match create_new(Path::new(&probe)) {
        Ok(()) => {
            let _ = std::fs::remove_file(&probe);
            None
        }
        Err(kind) => from_file_error(kind),
    }
}

fn create_new(path: &Path) -> Result<(), ErrorKind> {
    use std::os::unix::fs::OpenOptionsExt;
    let created = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    created.map(drop).map_err(|error| error.kind())
}

fn from_file_error(kind: ErrorKind) -> Option<StoreError> {
    match kind {
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Some(StoreError::ReadOnly(Cause::default())),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(StoreError::DiskFull(Cause::default())),
        _ => None,
    }
}
