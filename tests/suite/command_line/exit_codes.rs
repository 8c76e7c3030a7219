//! How commands end that cannot be done: with a code for scripts, and one sentence for people.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use tokio::net::TcpSocket;

use super::{expect_complaint, expect_recorded_failure};
use crate::support::{Program, contents, finish, program};

#[test]
fn a_check_of_the_database_tells_its_state_and_writes_nothing() {
    let program = Program::new();
    let check = |code: i32, part: &str| {
        let before = contents(&program.database);
        expect_complaint(&program.run(&["database", "check"]), code, part);
        assert!(contents(&program.database) == before, "something was written");
    };
    check(1, "the database is empty");
    program.done(&["database", "migrate"]);
    let before = contents(&program.database);
    assert!(program.done(&["database", "check"]).contains("is up to date"));
    assert!(contents(&program.database) == before, "something was written");
    program.database.run("DELETE FROM __diesel_schema_migrations");
    check(1, "chaveiro database migrate");
    std::fs::remove_file(program.database.dir.path().join("root.key")).unwrap();
    check(3, "the root key is missing");
}

#[test]
fn a_mistyped_directory_does_not_become_a_vault() {
    let program = Program::new();
    let before = contents(&program.database);
    let commands: [&[&str]; 6] = [
        &["application", "create", "--name", "erp"],
        &["authorization", "list"],
        &["domain", "add", "--name", "corp.example"],
        &["user", "list"],
        &["audit", "verify"],
        &["audit", "tail"],
    ];
    for arguments in commands {
        expect_complaint(&program.run(arguments), 1, "there is no vault in");
        assert!(contents(&program.database) == before, "{arguments:?} has written something");
    }
}

#[test]
fn what_cannot_be_done_ends_with_1_and_says_why() {
    let program = Program::new();
    program.create_client("erp");
    expect_complaint(&program.run(&["application", "create", "--name", "erp"]), 1, "no other application has");
    expect_complaint(&program.run(&["application", "disable", "--name", "nobody"]), 1, "there is no such application");
    expect_complaint(
        &program.run(&["authorization", "disable", "--client-id", "x"]),
        1,
        "there is no such authorization",
    );
    expect_complaint(&program.run(&["domain", "add", "--name", "a,b"]), 1, "comma");
    program.done(&["user", "add", "ana"]);
    expect_complaint(&program.run(&["user", "add", "ana"]), 1, "no other user has");
    let long = "x".repeat(256);
    expect_complaint(&program.run(&["user", "add", &long]), 1, "name: must not be longer than 255 characters");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    expect_complaint(&program.run(&["serve", "--listen", &address]), 1, &format!("cannot serve on {address}"));
    let settings = program.database.dir.path().join("settings.toml");
    std::fs::write(&settings, "[http]\nlisten_on = \"hunter2\"\n").unwrap();
    let finished = program.run(&["serve", "--config", settings.to_str().unwrap()]);
    expect_complaint(&finished, 1, "listen_on");
    let finished = program.run(&["serve", "--config", "/nowhere/settings.toml"]);
    expect_complaint(&finished, 1, "/nowhere/settings.toml");
}

#[test]
fn every_refused_command_leaves_a_record() {
    let program = Program::new();
    let id = program.create_client("erp").id;
    let client = ["--client-id", id.as_str()];
    let account = ["--account", r"CORP\jo"];
    let transfer = ["device", "transfer", "--from", id.as_str(), "--to", id.as_str(), "--device", "a"];
    let create = ["authorization", "create", "--access", "read-only", "--resource", "pam-core", "--application"];
    let refused: [(&[&str], &[&str], &str, &str); 16] = [
        (&["application", "create", "--name", "erp"], &[], "application.create", "application-name-taken"),
        (&["application", "disable", "--name", "x"], &[], "application.disable", "application-not-found"),
        (&create, &["x"], "authorization.create", "application-not-found"),
        (&create, &["erp", "--allow-ip", "somewhere"], "authorization.create", "invalid-input"),
        (&["authorization", "disable"], &["--client-id", "x"], "authorization.disable", "authorization-not-found"),
        (
            &["authorization", "rotate-secret"],
            &["--client-id", "x"],
            "authorization.rotate-secret",
            "authorization-not-found",
        ),
        (&["authorization", "link", "--device", "a"], &client, "authorization.link", "device-not-found"),
        (&["authorization", "unlink", "--tag", "t"], &client, "authorization.unlink", "link-not-found"),
        (&["authorization", "grant-role", "--role", "x"], &client, "authorization.grant-role", "invalid-input"),
        (&["authorization", "revoke-role", "--role", "x"], &client, "authorization.revoke-role", "role-not-found"),
        (&transfer, &[], "device.transfer", "device-not-found"),
        (&["domain", "add", "--name", "a,b"], &[], "domain.add", "invalid-input"),
        (&["user", "add", "a,b"], &[], "user.add", "invalid-input"),
        (&["identity", "set-password"], &account, "identity.set-password", "invalid-input"),
        (&["identity", "delete"], &account, "identity.delete", "identity-not-found"),
        (&["identity", "grant-role", "--role", "x"], &account, "identity.grant-role", "identity-not-found"),
    ];
    for (command, options, action, reason) in refused {
        expect_recorded_failure(&program, &[command, options].concat(), "", action, reason);
    }
}

#[test]
fn arguments_that_make_no_sense_end_with_2() {
    let wrong: [&[&str]; 9] = [
        &[],
        &["nothing"],
        &["application", "create"],
        &["serve", "--listen", "somewhere"],
        &["authorization", "create", "--application", "a", "--resource", "everything", "--access", "read-only"],
        &["authorization", "link", "--client-id", "x"],
        &["device", "transfer", "--from", "x", "--to", "y"],
        &["device", "transfer", "--from", "x", "--to", "y", "--device", "a", "--credential", "1"],
        &["audit", "show", "--subject", "5"],
    ];
    for arguments in wrong {
        let finished = finish(program(arguments));
        assert_eq!((finished.code, finished.stdout.as_str()), (2, ""), "{arguments:?}: {finished:?}");
        assert!(finished.stderr.contains("--help"), "{finished:?}");
    }
    let mut help = program(&["--help"]);
    help.env("CHAVEIRO_DATABASE_URL", "postgres://u:hunter2@127.0.0.1/x");
    let help = finish(help);
    assert_eq!(help.code, 0);
    assert!(help.stdout.contains("Exit codes:") && !help.stdout.contains("hunter2"), "{}", help.stdout);
}

#[test]
fn a_root_key_that_is_missing_wrong_or_exposed_ends_with_3() {
    let program = Program::new();
    program.done(&["database", "migrate"]);
    let path = program.database.dir.path().join("root.key");
    let good = std::fs::read_to_string(&path).unwrap();
    let commands: [&[&str]; 3] =
        [&["serve", "--listen", "127.0.0.1:0"], &["quickstart", "--listen", "127.0.0.1:0"], &["application", "list"]];
    let refused = |part: &str| {
        for arguments in commands {
            let finished = program.run(arguments);
            expect_complaint(&finished, 3, part);
            assert!(finished.stderr.contains("root.key") && !finished.stderr.contains(&good), "{finished:?}");
        }
    };
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused("chmod 600");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "ab".repeat(32)).unwrap();
    refused("is not the one");
    std::fs::write(&path, &good[1..]).unwrap();
    refused("64 hexadecimal digits");
    std::fs::remove_file(&path).unwrap();
    refused("is missing");
}

#[test]
fn a_database_that_is_not_there_ends_with_4_and_its_password_is_not_repeated() {
    // Bound, so that nobody else takes it, and not listening.
    let bound = TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = bound.local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let urls = [
        (format!("postgres://u:hunter2@{nobody}/x"), "PostgreSQL does not accept the connection: Connection refused"),
        ("postgres://u:hunter2@nowhere.invalid/x".into(), "the name of its host cannot be resolved"),
        ("postgres://u:pa@hunter2@nowhere.invalid/x".into(), "write those of a user or password as %40"),
        ("postgres://u:hunter2@127.0.0.1/x?hunter3=1".into(), "the database URL is not one that libpq takes"),
        ("mysql://u:hunter2@127.0.0.1/x".into(), "unknown scheme"),
        ("hunter2".into(), "unknown scheme"),
        ("sqlite:/nowhere/hunter2.sqlite".into(), "the SQLite file cannot be created"),
    ];
    for (url, part) in &urls {
        let commands: [&[&str]; 3] =
            [&["serve", "--listen", "127.0.0.1:0"], &["application", "list"], &["audit", "verify"]];
        // The other commands do not make a file, so they cannot fail to: there is no vault in it.
        let makes = if url.starts_with("sqlite:") { &commands[..1] } else { &commands[..] };
        for arguments in makes {
            let mut by_flag = program(arguments);
            // Without the warning that the password is visible there.
            by_flag.env("RUST_LOG", "error").arg("--data-dir").arg(dir.path()).args(["--database-url", url]);
            expect_complaint(&finish(by_flag), 4, part);
            let mut by_variable = program(arguments);
            by_variable.arg("--data-dir").arg(dir.path()).env("CHAVEIRO_DATABASE_URL", url);
            expect_complaint(&finish(by_variable), 4, part);
        }
    }
    let mut check = program(&["database", "check", "--database-url", &urls[0].0]);
    check.env("RUST_LOG", "error").arg("--data-dir").arg(dir.path());
    expect_complaint(&finish(check), 4, urls[0].1);
}

#[test]
fn a_reader_that_has_gone_ends_a_command_without_a_word() {
    let program = Program::new();
    program.create_client("erp");
    for arguments in [["audit", "tail"], ["application", "list"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = program.command(&arguments);
        let ended = command.stdin(Stdio::null()).stdout(writer).output().unwrap();
        assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(141), &[][..]), "{arguments:?}");
    }
}

#[test]
fn a_secret_that_could_not_be_shown_is_no_silence() {
    let program = Program::new();
    let credentials = program.create_client("erp");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = program.command(&["authorization", "rotate-secret", "--client-id", &credentials.id]);
    let ended = command.stdin(Stdio::null()).stdout(writer).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8(ended.stderr).unwrap().contains("could not be shown"));
}
