//! The ways into commands that fail.

use std::process::Command;

use super::{Canaries, Told};
use crate::support::{Program, Serving, finish_with_input, program, write_private};

/// Notes what a command said that has to fail, at the level of the log that says most.
#[track_caller]
fn fails(way: &str, mut command: Command, input: &str, told: &mut Told) {
    command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
    let finished = finish_with_input(command, input.as_bytes());
    assert!(finished.code > 0 && finished.stderr.contains("chaveiro: "), "{way}: {finished:?}");
    told.0.insert(format!("the words of a command with {way}"), (finished.stdout + &finished.stderr).into());
}

/// Secrets in the environment, in files and on the standard input of commands that cannot use them.
pub(super) fn fail_with_secrets(vault: &Program, server: &Serving, canaries: &mut Canaries, told: &mut Told) {
    let files = tempfile::tempdir().unwrap();
    let file = |canaries: &mut Canaries, way: &str| {
        let path = files.path().join(way.replace(' ', "-"));
        write_private(&path, canaries.hatch(way));
        path.to_str().unwrap().to_string()
    };
    let url = format!("http://{}", server.address);
    let client = |arguments: &[&str]| {
        let mut command = program(arguments);
        command.env("CHAVEIRO_URL", &url).env("CHAVEIRO_CLIENT_ID", "nobody").env("HOME", "/nonexistent");
        command
    };
    let way = "a wrong client secret in a variable";
    let mut command = client(&["get", "by-json"]);
    command.env("CHAVEIRO_CLIENT_SECRET", canaries.hatch(way));
    fails(way, command, "", told);
    let way = "a wrong client secret in a file";
    let path = file(canaries, way);
    fails(way, client(&["totp", "by-json", "--client-secret-file", &path]), "", told);
    let way = "a wrong token in a file";
    let path = file(canaries, way);
    fails(way, client(&["get", "by-json", "--token-file", &path]), "", told);
    let way = "a secret of two lines";
    let input = format!("{0}\n{0}", canaries.hatch(way));
    fails(way, client(&["get", "by-json", "--client-secret-file", "-"]), &input, told);
    let way = "a secret in the URL of a vault";
    let mut command = client(&["get", "by-json"]);
    command.env("CHAVEIRO_URL", format!("http://user:{}@127.0.0.1:1/", canaries.hatch(way)));
    command.env("CHAVEIRO_CLIENT_SECRET", canaries.hatch("the secret beside it"));
    fails(way, command, "", told);

    let way = "a password for nobody";
    let command = vault.command(&["identity", "set-password", "--account", r"CORP\nobody"]);
    fails(way, command, &canaries.hatch(way), told);
    let way = "a share of a key that is none";
    fails(way, vault.command(&["key", "combine"]), &canaries.hatch(way), told);
    let way = "a root key that is malformed";
    let mut command = vault.command(&["application", "list"]);
    command.env("CHAVEIRO_ROOT_KEY", canaries.hatch(way));
    fails(way, command, "", told);
    let way = "another root key";
    let key = hex::encode(canaries.hatch(way));
    let mut command = vault.command(&["application", "list"]);
    command.env("CHAVEIRO_ROOT_KEY", &key);
    canaries.add("the text of another root key", &key);
    fails(way, command, "", told);
    let way = "a password of a database";
    let mut command = program(&["application", "list", "--data-dir", files.path().to_str().unwrap()]);
    command.env("CHAVEIRO_DATABASE_URL", format!("postgresql://chaveiro:{}@127.0.0.1:1/none", canaries.hatch(way)));
    fails(way, command, "", told);
    let way = "an identity of a backup that is none";
    let path = file(canaries, way);
    fails(way, program(&["backup", "verify", "--identity", &path, &path]), "", told);
}
