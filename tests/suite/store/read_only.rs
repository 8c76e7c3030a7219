//! A data directory in which nothing can be written.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Command;

use crate::support::{Program, finish};

/// A user that may read the directory: root may write everywhere.
const NOBODY: u32 = 65534;

#[test]
fn a_read_only_directory_is_named_as_the_cause() {
    let program = Program::initialised();
    if program.database.is_postgresql() {
        return; // The directory holds no database then.
    }
    let dir = program.database.dir.path();
    let is_root = fs::metadata(dir).unwrap().uid() == 0;
    let binary = dir.join("chaveiro");
    fs::copy(env!("CARGO_BIN_EXE_chaveiro"), &binary).unwrap();
    for file in fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        if is_root {
            chown(&path, Some(NOBODY), None).unwrap();
        }
    }
    for (directory, file) in [(0o555, 0o600), (0o755, 0o400), (0o555, 0o400)] {
        fs::set_permissions(dir.join("vault.sqlite"), Permissions::from_mode(file)).unwrap();
        fs::set_permissions(dir, Permissions::from_mode(directory)).unwrap();
        for arguments in [["application", "list"], ["database", "check"], ["audit", "verify"]] {
            let mut command = Command::new(if is_root { "setpriv" } else { "env" });
            if is_root {
                command.args([format!("--reuid={NOBODY}"), "--clear-groups".into()]);
            }
            command.arg(&binary).args(arguments).arg("--data-dir").arg(dir);
            let finished = finish(command);
            let found = format!("{directory:o} {file:o} {arguments:?}: {finished:?}");
            assert_eq!(finished.code, 4, "{found}");
            assert!(finished.stderr.contains("the database is read-only"), "{found}");
        }
    }
    fs::set_permissions(dir, Permissions::from_mode(0o700)).unwrap();
}
