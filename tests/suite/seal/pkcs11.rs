//! The root key wrapped by a key of a PKCS #11 token, which does not leave it: `SoftHSM2`, by the program that the manual shows.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{root_key, vault};
use crate::support::{Finished, Program, Service, Serving, finish};

/// Where Debian puts the module.
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "271828";

/// A token with an RSA key.
struct Token {
    directory: tempfile::TempDir,
}

impl Token {
    /// Makes a token; `None` on a machine without the programs.
    fn create() -> Option<Self> {
        Service::find_program("softhsm2-util")?;
        Service::find_program("pkcs11-tool")?;
        Service::find_program("openssl")?;
        let token = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(token.path("tokens")).unwrap();
        let configuration = format!("directories.tokendir = {}\n", token.path("tokens").display());
        fs::write(token.path("softhsm2.conf"), configuration).unwrap();
        let label = ["--label", "chaveiro", "--so-pin", "314159", "--pin", PIN];
        token.done("softhsm2-util", &[&["--init-token", "--free"], &label[..]].concat());
        token.tool(&["--login", "--pin", PIN, "--keypairgen", "--key-type", "rsa:2048", "--id", "01"]);
        Some(token)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    #[track_caller]
    fn done(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(program);
        command.args(arguments).env("SOFTHSM2_CONF", self.path("softhsm2.conf"));
        let finished = finish(command);
        assert_eq!(finished.code, 0, "{program} {arguments:?}: {finished:?}");
    }

    #[track_caller]
    fn tool(&self, arguments: &[&str]) {
        self.done("pkcs11-tool", &[&["--module", MODULE, "--token-label", "chaveiro"], arguments].concat());
    }

    /// Wraps the root key of a vault under the public key, and removes its file.
    fn wrap(&self, key: &Path) {
        let (public, wrapped) = (self.text("root-key.pub"), self.text("root.key.wrapped"));
        self.tool(&["--read-object", "--type", "pubkey", "--id", "01", "--output-file", &public]);
        let arguments = ["pkeyutl", "-encrypt", "-pubin", "-inkey", &public, "-keyform", "DER"];
        let padding = ["-pkeyopt", "rsa_padding_mode:oaep", "-in", key.to_str().unwrap(), "-out", &wrapped];
        self.done("openssl", &[&arguments[..], &padding].concat());
        fs::remove_file(key).unwrap();
    }

    /// Writes the program of `root_key.command`, as the manual shows it.
    fn write_program(&self) -> PathBuf {
        let program = self.path("unwrap-root-key");
        fs::write(self.path("pin"), format!("{PIN}\n")).unwrap();
        let script = format!(
            "#!/bin/sh\nPIN=$(cat {})\nexport PIN\n\
             exec pkcs11-tool --module {MODULE} --token-label chaveiro --login --pin env:PIN \\\n  \
             --decrypt --mechanism RSA-PKCS-OAEP --hash-algorithm SHA-1 --id 01 --input-file {}\n",
            self.text("pin"),
            self.text("root.key.wrapped")
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        program
    }

    fn command(&self, program: &Program, unwrap: &Path, arguments: &[&str]) -> Command {
        let mut command = program.command(arguments);
        command.env("CHAVEIRO__ROOT_KEY__COMMAND", unwrap);
        command.env("SOFTHSM2_CONF", self.path("softhsm2.conf")).env("PATH", "/usr/bin:/bin");
        command
    }
}

#[actix_web::test]
async fn a_server_unseals_itself_by_a_token_and_says_when_the_token_refuses() {
    let Some(token) = Token::create() else { return };
    let (program, credentials) = vault().await;
    token.wrap(&root_key(&program));
    let unwrap = token.write_program();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let server = Serving::start(token.command(&program, &unwrap, &serve));
    assert_eq!(server.client(&credentials).await.password("i").await, "kept");
    server.stop();
    // A wrong PIN, and a token that is gone.
    fs::write(token.path("pin"), "000000\n").unwrap();
    expect_refused(&finish(token.command(&program, &unwrap, &serve)));
    fs::write(token.path("pin"), PIN).unwrap();
    fs::rename(token.path("tokens"), token.path("elsewhere")).unwrap();
    expect_refused(&finish(token.command(&program, &unwrap, &serve)));
    fs::rename(token.path("elsewhere"), token.path("tokens")).unwrap();
    let server = Serving::start(token.command(&program, &unwrap, &serve));
    assert_eq!(server.client(&credentials).await.password("i").await, "kept");
}

#[track_caller]
fn expect_refused(finished: &Finished) {
    assert_eq!(finished.code, 9, "{finished:?}");
    assert!(finished.stderr.contains("root_key.command failed: exit status"), "{finished:?}");
    assert!(!finished.stderr.contains(PIN));
}
