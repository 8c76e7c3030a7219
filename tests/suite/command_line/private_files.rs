//! Files and directories with secrets that other users may read or change are refused, by name.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::expect_complaint;
use crate::support::{Program, Serving, TestDatabase, finish, write_private};

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_data_directory_that_others_may_write_to_is_refused_by_name() {
    let program = Program::new();
    program.create_client("erp");
    let directory = program.database.dir.path();
    for mode in [0o777, 0o770, 0o1777] {
        set_mode(directory, mode);
        let refusal = format!("the data directory {} is open to other users (mode {mode:04o})", directory.display());
        for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["application", "list"]] {
            expect_complaint(&program.run(arguments), 1, &refusal);
        }
    }
    set_mode(directory, 0o755);
    program.done(&["application", "list"]);
}

#[test]
fn a_tls_key_that_others_may_read_is_refused_by_name() {
    let program = Program::initialised();
    let pair = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    let files = tempfile::tempdir().unwrap();
    let (certificate, key) = (files.path().join("certificate.pem"), files.path().join("key.pem"));
    std::fs::write(&certificate, pair.cert.pem()).unwrap();
    write_private(&key, pair.signing_key.serialize_pem());
    let command = || {
        let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("CHAVEIRO__TLS__CERTIFICATE", &certificate).env("CHAVEIRO__TLS__KEY", &key);
        command
    };
    for mode in [0o644, 0o660] {
        set_mode(&key, mode);
        let refusal = format!("{} is open to other users (mode {mode:04o})", key.display());
        expect_complaint(&finish(command()), 1, &refusal);
    }
    // A service that renews certificates may give it to the group of the vault.
    for mode in [0o640, 0o600] {
        set_mode(&key, mode);
        assert_eq!(Serving::start(command()).stop().code, 0, "{mode:o}");
    }
}

#[test]
fn a_password_of_the_directory_that_others_may_read_is_refused_by_name() {
    let program = Program::initialised();
    let file = program.database.dir.path().join("bind-password");
    write_private(&file, "hunter2\n");
    let create = || {
        let mut command = program.command(&["identity", "create", "--account", r"CORP\jo"]);
        for (name, value) in [("KIND", "ldap"), ("DOMAIN", "CORP")] {
            command.env(format!("CHAVEIRO__DIRECTORY__{name}"), value);
        }
        // Nobody listens there.
        for (name, value) in [("URL", "ldap://127.0.0.1:1"), ("BASE_DN", "dc=corp"), ("BIND_DN", "cn=reader,dc=corp")] {
            command.env(format!("CHAVEIRO__DIRECTORY__LDAP__{name}"), value);
        }
        command.env("CHAVEIRO__DIRECTORY__LDAP__BIND_PASSWORD_FILE", &file);
        finish(command)
    };
    for (mode, is_refused) in [(0o644, true), (0o660, true), (0o640, false), (0o600, false)] {
        set_mode(&file, mode);
        let finished = create();
        let refusal = format!("directory.ldap.bind_password_file is open to other users (mode {mode:04o})");
        assert_eq!((finished.code, finished.stderr.contains(&refusal)), (1, is_refused), "{finished:?}");
        assert!(!finished.stderr.contains("hunter2"), "{finished:?}");
    }
}

#[test]
fn a_password_in_an_argument_is_warned_of_and_one_in_the_variable_is_not() {
    let program = Program::on(TestDatabase::sqlite());
    let url = "postgres://u:hunter2@127.0.0.1:1/x";
    let warning = "the password in --database-url can be seen by other users";
    let directory = program.database.dir.path();
    let command = || {
        let mut command = crate::support::program(&["application", "list", "--data-dir"]);
        command.arg(directory);
        command
    };
    let (mut by_argument, mut by_variable, mut without) = (command(), command(), command());
    by_argument.args(["--database-url", url]);
    by_variable.env("CHAVEIRO_DATABASE_URL", url);
    without.args(["--database-url", "postgres://u@127.0.0.1:1/x"]);
    for (command, is_warned) in [(by_argument, true), (by_variable, false), (without, false)] {
        let finished = finish(command);
        assert_eq!(finished.stderr.contains(warning), is_warned, "{finished:?}");
        assert!(finished.code > 0 && !finished.stderr.contains("hunter2"), "{finished:?}");
    }
}
