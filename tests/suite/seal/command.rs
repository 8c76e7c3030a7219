//! The root key from a program (`root_key.command`), and its outage.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use super::{root_key, split, vault};
use crate::support::{Credentials, Finished, Program, Serving, finish};

/// A key service: a program that prints what is in a file, as long as it is there, and counts its runs.
struct KeyService {
    directory: tempfile::TempDir,
}

impl KeyService {
    /// Takes the root key of a vault from its file.
    fn adopt(program: &Program) -> Self {
        let service = Self { directory: tempfile::tempdir().unwrap() };
        fs::rename(root_key(program), service.file("key")).unwrap();
        let script = format!(
            "#!/bin/sh\necho run >>{}\nenv >{}\ncat {}\necho hunter2 >&2\n",
            service.file("runs").display(),
            service.file("environment").display(),
            service.file("key").display()
        );
        service.write_program(&script);
        service
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write_program(&self, script: &str) {
        fs::write(self.file("kms"), script).unwrap();
        fs::set_permissions(self.file("kms"), fs::Permissions::from_mode(0o700)).unwrap();
    }

    fn command(&self, program: &Program, arguments: &[&str]) -> Command {
        let mut command = program.command(arguments);
        command.env("CHAVEIRO__ROOT_KEY__COMMAND", self.file("kms")).env("PATH", "/usr/bin:/bin");
        command
    }

    fn run(&self, program: &Program, arguments: &[&str]) -> Finished {
        finish(self.command(program, arguments))
    }

    fn serve(&self, program: &Program) -> Serving {
        Serving::start(self.command(program, &["serve", "--listen", "127.0.0.1:0"]))
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.file("runs")).unwrap_or_default().lines().count()
    }

    /// The service does not answer any more.
    fn fail(&self) {
        self.write_program("#!/bin/sh\necho hunter2 >&2\necho hunter2\nexit 9\n");
    }
}

async fn expect_open(server: &Serving, credentials: &Credentials) {
    assert_eq!(server.client(credentials).await.password("i").await, "kept");
}

#[actix_web::test]
async fn a_program_gives_the_root_key_once_for_each_process() {
    let (program, credentials) = vault().await;
    let service = KeyService::adopt(&program);
    let server = service.serve(&program);
    expect_open(&server, &credentials).await;
    assert_eq!(service.runs(), 1);
    let status = service.run(&program, &["key", "status"]);
    assert_eq!((status.code, service.runs()), (0, 2), "{status:?}");
    assert!(status.stdout.contains("root_key.command of the settings"), "{status:?}");
    let environment = fs::read_to_string(service.file("environment")).unwrap();
    assert!(environment.contains("PATH=") && !environment.contains("CHAVEIRO"), "{environment}");
    assert!(!root_key(&program).exists());
}

#[actix_web::test]
async fn an_outage_at_run_time_concerns_nobody() {
    let (program, credentials) = vault().await;
    let service = KeyService::adopt(&program);
    let server = service.serve(&program);
    let client = server.client(&credentials).await;
    service.fail();
    // Reads and writes go on, and so do new keys: the root key is in memory as long as the process lives.
    assert_eq!(client.password("i").await, "kept");
    let key = fs::read_to_string(service.file("key")).unwrap();
    let mut rotate = program.command(&["key", "rotate"]);
    rotate.env("CHAVEIRO_ROOT_KEY", key);
    assert_eq!(finish(rotate).code, 0);
    let saved =
        serde_json::json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": "new" });
    client.save_credential(&saved).await;
    assert_eq!(client.password("i").await, "new");
    client.get("/health/ready").await.expect(200);
    assert_eq!(service.runs(), 1);
    server.stop();
}

#[actix_web::test]
async fn an_outage_at_the_start_is_named_and_other_places_of_the_key_still_open_the_vault() {
    let (program, credentials) = vault().await;
    let shares = split(&program, &[]);
    let service = KeyService::adopt(&program);
    service.fail();
    let before = crate::support::contents(&program.database);
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["key", "status"], &["database", "check"]] {
        let refused = service.run(&program, arguments);
        assert_eq!(refused.code, 9, "{refused:?}");
        assert!(refused.stderr.contains("root_key.command failed: exit status: 9"), "{refused:?}");
        assert!(refused.stderr.contains("chaveiro key combine") && !refused.stderr.contains("hunter2"), "{refused:?}");
    }
    assert!(crate::support::contents(&program.database) == before, "something was written");
    // A file that is named.
    let key = service.file("key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let file = ["--root-key-file", key.to_str().unwrap()];
    let server =
        Serving::start(service.command(&program, &[&["serve", "--listen", "127.0.0.1:0"], &file[..]].concat()));
    expect_open(&server, &credentials).await;
    server.stop();
    // The file in the data directory, made of the shares.
    let combine = service.command(&program, &["key", "combine"]);
    let combined = crate::support::finish_with_input(combine, shares[..3].join("\n").as_bytes());
    assert_eq!(combined.code, 0, "{combined:?}");
    let server = service.serve(&program);
    expect_open(&server, &credentials).await;
}

#[actix_web::test]
async fn a_program_with_another_key_is_refused_before_any_write() {
    let (program, _) = vault().await;
    let service = KeyService::adopt(&program);
    fs::write(service.file("key"), "ab".repeat(32)).unwrap();
    let before = crate::support::contents(&program.database);
    let refused = service.run(&program, &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("root_key.command of the settings is not the one"), "{refused:?}");
    assert!(crate::support::contents(&program.database) == before, "something was written");
}

#[test]
fn a_new_vault_is_made_under_the_key_of_the_program() {
    let program = Program::new();
    fs::write(root_key(&program), "cd".repeat(32)).unwrap();
    let service = KeyService::adopt(&program);
    assert_eq!(service.run(&program, &["database", "migrate"]).code, 0);
    assert!(!root_key(&program).exists());
    assert_eq!(service.run(&program, &["audit", "verify", "--without-heads"]).code, 0);
}
