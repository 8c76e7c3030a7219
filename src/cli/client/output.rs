//! Where values go: standard output, or a file that is replaced atomically.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::ClientError;
use crate::crypto::random_bytes;

/// Writes a value as it is. At a terminal a line end follows, so that the prompt begins a new line.
///
/// # Errors
/// [`ClientError::Unwritable`], [`ClientError::Output`].
pub(super) fn write_value(value: &str, file: Option<&Path>) -> Result<(), ClientError> {
    if let Some(path) = file {
        return replace(path, value.as_bytes()).map_err(|error| ClientError::Unwritable(path.into(), error.kind()));
    }
    let mut output = io::stdout().lock();
    // A terminal obeys control characters, and others may have written the value.
    let is_control = |c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r');
    if output.is_terminal() && value.contains(is_control) {
        return Err(ClientError::Option(
            "output",
            "expected a file or a pipe, because the value has control characters",
        ));
    }
    let line_end: &[u8] = if output.is_terminal() { b"\n" } else { b"" };
    let written = output.write_all(value.as_bytes()).and_then(|()| output.write_all(line_end));
    written.and_then(|()| output.flush()).map_err(|error| ClientError::Output(error.kind()))
}

/// Replaces a file with mode 0600: readers find the old content or the new one. A symbolic link is replaced, not followed.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    // A device or a pipe, such as /dev/stdout, would be replaced by a file that nobody reads.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let directory =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(PathBuf::from("."), PathBuf::from);
    let mut new = std::ffi::OsString::from(".");
    new.push(name);
    new.push(format!(".{}", hex::encode(random_bytes::<8>())));
    let new = directory.join(new);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written.and_then(|()| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_is_replaced_with_mode_0600_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.conf");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let link = directory.path().join("link");
        symlink(&path, &link).unwrap();
        replace(&link, b"other").unwrap();
        assert!(!link.is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert!(replace(directory.path(), b"x").is_err());
        assert!(replace(&directory.path().join("missing/x"), b"x").is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }
}
