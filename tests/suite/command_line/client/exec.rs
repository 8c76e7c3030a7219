//! `chaveiro exec`: values go into the environment of the program, and nowhere else.

use std::process::Command;

use super::{PASSWORD, Vault, expect_complaint};
use crate::support::{Finished, Service, finish, noticed};

/// A shell with variables of the vault.
fn shell(variables: &[&'static str], script: &'static str) -> Vec<&'static str> {
    let options = variables.iter().flat_map(|variable| ["--env", variable]);
    ["exec"].into_iter().chain(options).chain(["--", "/bin/sh", "-c", script]).collect()
}

fn run(mut command: Command, variables: &[(&str, &str)]) -> Finished {
    command.envs(variables.iter().copied());
    finish(command)
}

#[actix_web::test]
async fn a_program_gets_values_in_its_environment_and_its_exit_code_is_the_answer() {
    let vault = Vault::new().await;
    let variables =
        ["A=erp-batch", "B=erp-batch#username", "C=erp-01/root", "D=licence", "E=erp-batch#address", "F=deploy"];
    let arguments = shell(&variables, r#"printf '%s|' "$A" "$B" "$C" "$D" "$E" "$G"; [ -n "$F" ]; exit 42"#);
    let finished = run(vault.command(&arguments), &[("A", "mine"), ("G", "kept")]);
    let expected = format!("{PASSWORD}|svc_erp|hunter2-root|hunter2\nsecond line\n|10.0.0.1|kept|");
    assert_eq!((finished.code, finished.stdout, finished.stderr.as_str()), (42, expected, ""));
    // One record for each item, and no custody.
    assert_eq!(vault.records("item.read"), ["ok"; 4]);
    assert!(vault.program.database.numbers("SELECT credential_id FROM custody").is_empty());
}

#[actix_web::test]
async fn the_program_takes_the_place_of_the_client_without_its_login() {
    let vault = Vault::new().await;
    let script = "echo $$; tr '\\0' '\\n' </proc/$$/cmdline; env";
    let mut command = vault.command(&shell(&["DB=erp-batch#username"], script));
    let child = command.spawn().unwrap();
    let id = child.id().to_string();
    let printed = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(printed.lines().next(), Some(id.as_str()));
    assert!(printed.contains("\nDB=svc_erp\n") && printed.contains("\nCHAVEIRO_CLIENT_ID="), "{printed}");
    assert!(!printed.contains("hunter2") && !printed.contains("chv_") && !printed.contains("CHAVEIRO_CLIENT_SECRET"));

    let kept = ["exec", "--keep-login", "--env", "DB=erp-batch", "--", "/bin/sh", "-c", "echo $CHAVEIRO_CLIENT_SECRET"];
    assert_eq!(vault.prints(&kept).trim_end(), vault.credentials.secret);
    let killed = vault.run(&shell(&["DB=erp-batch"], "kill -9 $$"));
    assert_eq!((killed.code, killed.stderr.as_str()), (-1, ""), "ended by a signal");
    // SIGPIPE has its default effect in the program, as if the shell had started it.
    assert_eq!(vault.prints(&shell(&["DB=erp-batch"], "yes | head -n 1")), "y\n");
}

#[actix_web::test]
async fn a_missing_value_starts_nothing_and_every_one_is_named() {
    let vault = Vault::new().await;
    vault.write("mark", "");
    let mark = vault.home.path().join("mark");
    let starts = |variables: &[&'static str]| {
        let mut command = vault.command(&shell(variables, "rm mark"));
        command.current_dir(vault.home.path());
        finish(command)
    };
    let finished = starts(&["A=erp-batch", "B=nothing", "C=licence#username", "D=elsewhere#text", "E=erp-batch#totp"]);
    let expected = "nothing was started: no value for nothing (Item not found), licence#username (not set), \
                    elsewhere#text (Item not found)";
    expect_complaint(&finished, 125, expected);
    assert!(vault.records("credential.totp").is_empty(), "no code is used up");
    expect_complaint(&starts(&["A=licence#totp"]), 125, "licence#totp (");
    expect_complaint(&starts(&["A=erp-batch", "A=licence"]), 125, "set twice");
    assert!(mark.exists());
}

#[actix_web::test]
async fn what_goes_wrong_before_the_program_has_codes_of_its_own() {
    let vault = Vault::new().await;
    let program = |name: &'static str| vault.run(&["exec", "--env", "A=erp-batch", "--", name]);
    expect_complaint(&program("/nowhere/job"), 127, "cannot start /nowhere/job");
    expect_complaint(&program("no-such-program"), 127, "cannot start no-such-program");
    expect_complaint(&program("/etc/passwd"), 126, "cannot start /etc/passwd");
    let arguments = shell(&["A=erp-batch"], "true");
    let unreachable = run(vault.command(&arguments), &[("CHAVEIRO_URL", "http://127.0.0.1:1")]);
    expect_complaint(&unreachable, 125, "the vault cannot be reached: ");
    let refused = run(vault.command(&arguments), &[("CHAVEIRO_CLIENT_SECRET", "chv_hunter2"), ("HOME", "none")]);
    expect_complaint(&refused, 125, "the vault refuses the login: ");
    for wrong in [
        &["exec", "--env", "A=erp-batch", "true"][..],
        &["exec", "--", "true"],
        &["exec", "--env", "A=erp-batch", "--"],
        &["exec", "--env", "erp-batch", "--", "true"],
        &["exec", "--env", "A=erp-batch#pin", "--", "true"],
        &["exec", "--env", "A=erp-batch", "--config", "x", "--", "true"],
    ] {
        let finished = vault.run(wrong);
        assert_eq!((finished.code, finished.stdout.as_str()), (2, ""), "{wrong:?}: {finished:?}");
    }
    let empty =
        vault.prints(&["exec", "--env", "A=erp-batch", "--", "/bin/sh", "-c", "echo \"$# $1\"", "sh", "", " x "]);
    assert_eq!(empty, "2 \n", "arguments of the program are its own");
}

#[actix_web::test]
async fn a_file_of_variables_has_literal_values_and_references() {
    let vault = Vault::new().await;
    let text =
        "# the job\nDB_HOST=db.example\nDB_USER=chaveiro://erp-batch#username\nDB_PASSWORD=chaveiro://erp-batch\n";
    let file = vault.write("job.env", text);
    let script = r#"printf '%s|' "$DB_HOST" "$DB_USER" "$DB_PASSWORD" "$X""#;
    let printed =
        vault.prints(&["exec", "--env-file", &file, "--env", "X=licence#name", "--", "/bin/sh", "-c", script]);
    assert_eq!(printed, format!("db.example|svc_erp|{PASSWORD}|Licence|"));
    let twice = vault.run(&["exec", "--env-file", &file, "--env", "DB_HOST=licence", "--", "true"]);
    expect_complaint(&twice, 125, "set twice");
    let wrong = vault.write("wrong.env", "A=\"hunter2\"\n");
    let finished = vault.run(&["exec", "--env-file", &wrong, "--", "true"]);
    expect_complaint(&finished, 125, "wrong.env, line 1: the value must not be in quotes");
}

#[actix_web::test]
async fn a_robot_gets_the_three_variables_and_reads_with_them() {
    let vault = Vault::with(&[("CHAVEIRO__ROBOCORP__ENABLED", "true")]).await;
    let script = r#"printf '%s|' "$RC_API_SECRET_HOST" "$RC_WORKSPACE_ID" "$RC_API_SECRET_TOKEN""#;
    let printed = vault.prints(&["exec", "--robocorp", "default", "--", "/bin/sh", "-c", script]);
    let [host, workspace, token] = printed.trim_end_matches('|').split('|').collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((host, workspace), (vault.url().as_str(), "default"));
    // The token is accepted: what is missing is the key that the secret is encrypted for.
    let answer = vault.client.with_token(token).get("/secrets-v1/workspaces/default/secrets/erp-batch").await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    // A robot may run for long, so its token is never a cached one.
    let again = vault.prints(&["exec", "--robocorp", "default", "--", "/bin/sh", "-c", script]);
    assert_ne!(printed, again);
}

#[actix_web::test]
async fn the_published_client_of_robocorp_reads_what_exec_gives_it() {
    let Some(directory) = Service::find_clients() else { return };
    let vault = Vault::with(&[("CHAVEIRO__ROBOCORP__ENABLED", "true")]).await;
    let python = directory.join("bin/python3");
    let script = "from robocorp import vault; print(vault.get_secret('erp-batch')['password'], end='')";
    let printed = vault.prints(&["exec", "--robocorp", "default", "--", python.to_str().unwrap(), "-c", script]);
    assert_eq!(printed, PASSWORD);
}

#[actix_web::test]
async fn an_encrypted_value_starts_nothing() {
    let vault = Vault::new().await;
    let id = vault.credentials.id.clone();
    vault.program.done(&["authorization", "response-key", "--client-id", &id, "--generate"]);
    let is_refused = async || {
        let finished = vault.run(&shell(&["DB=erp-batch"], "echo started"));
        finished.code == 125 && finished.stderr.contains("encrypted for the response key")
    };
    noticed("a response key", is_refused).await;
    for options in [&["get", "erp-batch"][..], &["get", "--take-custody", "erp-batch"]] {
        let finished = vault.run(options);
        assert!(finished.code != 0 && finished.stdout.is_empty(), "{finished:?}");
    }
}

#[actix_web::test]
async fn the_variables_of_a_robot_are_set_once() {
    let vault = Vault::new().await;
    let options = ["exec", "--robocorp", "default", "--env", "RC_API_SECRET_TOKEN=erp-batch", "--", "true"];
    expect_complaint(&vault.run(&options), 125, "set twice");
}
