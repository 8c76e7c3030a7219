//! From an empty directory to a vault that answers.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Credentials, Program, Serving, finish, program};

/// `chaveiro quickstart` in this program's directory, with nothing else said.
fn quickstart(here: &Program) -> Serving {
    let mut command = program(&["quickstart", "--listen", "127.0.0.1:0"]);
    if here.database.is_postgresql() {
        command.env("CHAVEIRO_DATABASE_URL", &here.database.url);
    }
    command.current_dir(here.database.dir.path());
    Serving::start(command)
}

/// The JSON that a shell prints in which `calls` were pasted.
fn paste(calls: &str) -> Vec<Value> {
    let mut bash = std::process::Command::new("bash");
    bash.args(["-c", calls]).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    let pasted = finish(bash);
    assert_eq!((pasted.code, pasted.stderr.as_str()), (0, ""));
    let answers = serde_json::Deserializer::from_str(&pasted.stdout).into_iter();
    answers.collect::<Result<_, _>>().unwrap_or_else(|_| panic!("{}", pasted.stdout))
}

#[actix_web::test]
async fn quickstart_prints_calls_that_work_when_they_are_pasted_and_prints_them_once() {
    let here = Program::new();
    let server = quickstart(&here);
    let browse = server.stdout.wait_for("Browse the API: ", Duration::from_secs(60));
    assert_eq!(browse, Some(format!("http://{}/docs/", server.address)));
    let printed = server.stdout.text();
    let calls = &printed[printed.find("# 1.").unwrap()..printed.find("Browse the API").unwrap()];
    let answers = paste(calls);
    let codes: Vec<_> = answers.iter().map(|answer| answer["code"].clone()).collect();
    assert_eq!(codes, [201, 201, 200], "{answers:?}");
    assert_eq!(answers[2]["credential"]["password"], "Pa55-w0rd");
    let stopped = server.stop();
    assert_eq!(stopped.code, 0);
    assert!(!stopped.stderr.contains("chv_"), "a secret in the log");

    let word = |name: &str| calls.split(name).nth(1).unwrap().split_whitespace().next().unwrap().to_string();
    let credentials = Credentials { id: word("client_id="), secret: word("client_secret=") };
    let server = quickstart(&here);
    let client = server.client(&credentials).await;
    assert_eq!(client.password("erp-batch").await, "Pa55-w0rd", "all is kept");
    let stopped = server.stop();
    assert!(stopped.stdout.contains("stays as it is"), "{}", stopped.stdout);
    assert!(!stopped.stdout.contains("chv_") && !stopped.stderr.contains("chv_"));
    let key = here.database.dir.path().join("chaveiro-data/root.key");
    assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o7777, 0o600);
}
