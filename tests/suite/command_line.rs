//! The program as its users meet it: what it prints, how it ends, and how soon a running server hears of a change.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Credentials, Finished, Program, Serving, TestClient, contents, device, finish, program};

/// Comes back once `seen` says yes, which has to be within the second that is promised.
async fn within_a_second(what: &str, seen: impl AsyncFn() -> bool) {
    let since = Instant::now();
    while !seen().await {
        assert!(since.elapsed() < Duration::from_secs(1), "{what}: not noticed after {:?}", since.elapsed());
    }
}

/// The command failed with this code, and said why in one sentence that holds no secret.
#[track_caller]
fn expect_complaint(finished: &Finished, code: i32, part: &str) {
    assert_eq!(finished.code, code, "{finished:?}");
    assert_eq!((finished.stdout.as_str(), finished.stderr.lines().count()), ("", 1), "{finished:?}");
    assert!(finished.stderr.starts_with("chaveiro: ") && finished.stderr.contains(part), "{finished:?}");
    assert!(!finished.stderr.contains("hunter2"), "{finished:?}");
}

async fn status(client: &TestClient, path: &str) -> u16 {
    client.get(path).await.status.as_u16()
}

/// Whether these are let in at the token endpoint.
async fn may_have_token(server: &Serving, id: &str, secret: &str) -> bool {
    let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    server.anonymous().post_form("/iso/oauth2/token", &form).await.status.is_success()
}

/// A server with a client.
async fn serving() -> (Program, Serving, Credentials, TestClient) {
    let program = Program::new();
    let credentials = program.create_client("erp");
    let server = program.serve();
    let client = server.client(&credentials).await;
    (program, server, credentials, client)
}

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
    let browse = server.stdout.wait_for("The API to browse: ", Duration::from_secs(60));
    assert_eq!(browse, Some(format!("http://{}/docs/", server.address)));
    let printed = server.stdout.text();
    let calls = &printed[printed.find("# 1.").unwrap()..printed.find("The API to browse").unwrap()];
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
    assert!(stopped.stdout.contains("is kept as it is"), "{}", stopped.stdout);
    assert!(!stopped.stdout.contains("chv_") && !stopped.stderr.contains("chv_"));
    let key = here.database.dir.path().join("chaveiro-data/root.key");
    assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o7777, 0o600);
}

#[actix_web::test]
async fn a_new_client_is_let_in_within_a_second_and_its_secret_is_not_shown_again() {
    let (program, server, ..) = serving().await;
    let made = program.done(&[
        "authorization",
        "create",
        "--application",
        "erp",
        "--resource",
        "pam-core",
        "--access",
        "read-only",
    ]);
    let field = |name: &str| made.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_string();
    let (id, secret) = (field("client_id"), field("client_secret"));
    within_a_second("a new client", async || may_have_token(&server, &id, &secret).await).await;

    let listed = program.json(&["authorization", "list"]);
    let row = listed.as_array().unwrap().iter().find(|row| row["client_id"] == *id).unwrap();
    let expected = json!({
        "client_id": id, "application": "erp", "resources": "pam-core", "access": "read-only", "allowed_ips": "*",
        "expires": null, "active": true, "secrets": 1
    });
    assert_eq!(*row, expected);
    let table = program.done(&["authorization", "list"]);
    assert!(table.contains(&id) && table.starts_with("CLIENT_ID"), "{table}");
    for shown in [listed.to_string(), table, program.json(&["audit", "tail"]).to_string()] {
        assert!(!shown.contains("chv_") && !shown.contains(&secret), "{shown}");
    }
}

#[actix_web::test]
async fn a_disabled_client_is_nobody_within_a_second() {
    let (program, server, credentials, client) = serving().await;
    let sibling = program.create_authorization("erp");
    within_a_second("a new client", async || may_have_token(&server, &sibling.id, &sibling.secret).await).await;
    let other = server.client(&sibling).await;
    assert_eq!(status(&client, "/iso/pam/device").await, 200);
    program.done(&["authorization", "disable", "--client-id", &credentials.id]);
    within_a_second("the token", async || status(&client, "/iso/pam/device").await == 401).await;
    assert!(!may_have_token(&server, &credentials.id, &credentials.secret).await);
    assert_eq!(status(&other, "/iso/pam/device").await, 200);
}

#[actix_web::test]
async fn a_disabled_application_takes_its_clients_with_it_within_a_second() {
    let (program, server, credentials, client) = serving().await;
    let sibling = program.create_authorization("erp");
    within_a_second("a new client", async || may_have_token(&server, &sibling.id, &sibling.secret).await).await;
    program.done(&["application", "disable", "--name", "erp"]);
    within_a_second("the token", async || status(&client, "/iso/pam/device").await == 401).await;
    for Credentials { id, secret } in [credentials, sibling] {
        assert!(!may_have_token(&server, &id, &secret).await);
    }
    let expected = json!([{ "name": "erp", "active": false, "authorizations": 2 }]);
    assert_eq!(program.json(&["application", "list"]), expected);
}

#[actix_web::test]
async fn after_a_rotation_two_secrets_work_and_never_three() {
    let (program, server, Credentials { id, secret: first }, client) = serving().await;
    let rotate = || {
        let made = program.json(&["authorization", "rotate-secret", "--client-id", &id]);
        assert_eq!(made["client_id"], *id);
        made["client_secret"].as_str().unwrap().to_string()
    };
    let second = rotate();
    within_a_second("the new secret", async || may_have_token(&server, &id, &second).await).await;
    assert!(may_have_token(&server, &id, &first).await);
    assert_eq!(status(&client, "/iso/pam/device").await, 200, "a token of before");

    let third = rotate();
    within_a_second("the oldest secret", async || !may_have_token(&server, &id, &first).await).await;
    assert!(may_have_token(&server, &id, &second).await && may_have_token(&server, &id, &third).await);
}

#[actix_web::test]
async fn a_link_shows_a_device_or_a_credential_to_another_client_within_a_second() {
    let (program, server, _, client) = serving().await;
    client.create_device("a", "10.0.0.1").await;
    let credential = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": "p" });
    client.save_credential(&credential).await;
    let (by_device, by_credential) = (program.create_authorization("erp"), program.create_authorization("erp"));
    for other in [&by_device, &by_credential] {
        within_a_second("a new client", async || may_have_token(&server, &other.id, &other.secret).await).await;
    }
    let (sees_device, sees_credential) = (server.client(&by_device).await, server.client(&by_credential).await);
    sees_device.get("/iso/pam/device/a").await.expect_number(1011);
    sees_credential.get("/iso/pam/credential/i").await.expect_number(1009);

    program.done(&["authorization", "link", "--client-id", &by_device.id, "--device", "a"]);
    within_a_second("the device", async || status(&sees_device, "/iso/pam/device/a").await == 200).await;
    assert_eq!(sees_device.password("i").await, "p");
    program.done(&["authorization", "link", "--client-id", &by_credential.id, "--credential", "i"]);
    within_a_second("the credential", async || status(&sees_credential, "/iso/pam/credential/i").await == 200).await;
    sees_credential.get("/iso/pam/device/a").await.expect_number(1011);
}

#[actix_web::test]
async fn a_domain_may_be_named_within_a_second_of_its_registration() {
    let (program, _server, _, client) = serving().await;
    let mut sent = device("a", "10.0.0.1");
    sent["device_domain"] = json!("corp");
    client.post("/iso/pam/device", &sent).await.expect_number(1029);
    program.done(&["domain", "add", "--name", "corp.example", "--short-name", "CORP"]);
    within_a_second("the domain", async || client.post("/iso/pam/device", &sent).await.status.as_u16() == 201).await;
    let expected = json!([{ "name": "corp.example", "short_name": "CORP" }]);
    assert_eq!(program.json(&["domain", "list"]), expected);
    assert!(program.done(&["domain", "list"]).contains("corp.example"));
}

#[actix_web::test]
async fn the_tail_of_the_audit_log_shows_who_did_what() {
    let (program, server, credentials, client) = serving().await;
    let answer = client.get("/iso/pam/device").await;
    let tail = program.json(&["audit", "tail", "-n", "1"]);
    assert_eq!(tail.as_array().unwrap().len(), 1);
    let last = &tail[0];
    assert_eq!((&last["actor"], &last["action"]), (&json!(credentials.id), &json!("device.list")));
    assert_eq!((&last["outcome"], &last["source"]), (&json!("ok"), &json!("127.0.0.1")));
    assert_eq!(last["request_id"].as_str(), answer.header("x-request-id"));
    drop(server);
    let all = program.json(&["audit", "tail"]);
    let actions: Vec<_> = all.as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["application.create", "authorization.create", "token.issue", "device.list"]);
    assert!(program.done(&["audit", "tail"]).starts_with("AT"));
}

#[actix_web::test]
async fn a_record_changed_behind_the_vaults_back_ends_verify_with_5_and_is_named() {
    let (program, server, ..) = serving().await;
    assert!(program.done(&["audit", "verify"]).contains("chain node-1-command-line/0: 2 records verify"));
    let record = "chain = 'node-1-command-line/0' AND seq = 2";
    program.database.run(&format!("UPDATE audit_record SET actor = 'somebody else' WHERE {record}"));
    let complaint = "chain node-1-command-line/0: record 2 was changed";
    expect_complaint(&program.run(&["audit", "verify"]), 5, complaint);
    let as_json = program.run(&["audit", "verify", "--json"]);
    assert_eq!(as_json.code, 5);
    let found: Value = serde_json::from_str(&as_json.stdout).unwrap();
    assert_eq!(found["verified"], false);
    assert!(found["broken"].as_str().unwrap().starts_with(complaint), "{found}");
    drop(server);
}

#[actix_web::test]
async fn a_tail_that_was_cut_off_ends_verify_with_5_by_the_signed_heads() {
    let (program, server, ..) = serving().await;
    assert_eq!(server.stop().code, 0, "a stop writes the heads");
    let heads = program.database.dir.path().join("audit-heads.jsonl");
    let elsewhere = program.database.dir.path().join("a-copy");
    std::fs::copy(&heads, &elsewhere).unwrap();
    program.done(&["audit", "verify"]);
    // Whoever did this knows the tables, and turned the chain's own head back as well.
    let chain = "chain = 'node-1-command-line/0'";
    program.database.run(&format!("DELETE FROM audit_record WHERE {chain} AND seq = 2"));
    program.database.run(&format!(
        "UPDATE audit_chain SET last_seq = 1, last_mac = (SELECT mac FROM audit_record WHERE {chain} AND seq = 1)
         WHERE name = 'node-1-command-line/0'"
    ));
    let complaint = "chain node-1-command-line/0: it ends at record 1, and record 2 is known to have been there";
    expect_complaint(&program.run(&["audit", "verify"]), 5, complaint);
    // Without the heads nothing shows; a copy kept elsewhere does.
    std::fs::remove_file(&heads).unwrap();
    program.done(&["audit", "verify"]);
    expect_complaint(&program.run(&["audit", "verify", "--heads", elsewhere.to_str().unwrap()]), 5, complaint);
}

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
fn what_cannot_be_done_ends_with_1_and_says_why() {
    let program = Program::new();
    program.create_client("erp");
    expect_complaint(&program.run(&["application", "create", "--name", "erp"]), 1, "erp exists already");
    expect_complaint(&program.run(&["application", "disable", "--name", "nobody"]), 1, "no application nobody");
    expect_complaint(&program.run(&["authorization", "disable", "--client-id", "x"]), 1, "no authorization x");
    expect_complaint(&program.run(&["domain", "add", "--name", "a,b"]), 1, "comma");
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
fn arguments_that_make_no_sense_end_with_2() {
    let wrong: [&[&str]; 6] = [
        &[],
        &["nothing"],
        &["application", "create"],
        &["serve", "--listen", "somewhere"],
        &["authorization", "create", "--application", "a", "--resource", "everything", "--access", "read-only"],
        &["authorization", "link", "--client-id", "x"],
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
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let urls = [
        (format!("postgres://u:hunter2@{nobody}/x"), "PostgreSQL does not accept the connection"),
        ("mysql://u:hunter2@127.0.0.1/x".into(), "unknown scheme"),
        ("hunter2".into(), "unknown scheme"),
        ("sqlite:/nowhere/hunter2.sqlite".into(), "cannot be made or written"),
    ];
    for (url, part) in &urls {
        let commands: [&[&str]; 3] =
            [&["serve", "--listen", "127.0.0.1:0"], &["application", "list"], &["audit", "verify"]];
        for arguments in commands {
            let mut by_flag = program(arguments);
            by_flag.arg("--data-dir").arg(dir.path()).args(["--database-url", url]);
            expect_complaint(&finish(by_flag), 4, part);
            let mut by_variable = program(arguments);
            by_variable.arg("--data-dir").arg(dir.path()).env("CHAVEIRO_DATABASE_URL", url);
            expect_complaint(&finish(by_variable), 4, part);
        }
    }
    let mut check = program(&["database", "check", "--database-url", &urls[0].0]);
    check.arg("--data-dir").arg(dir.path());
    expect_complaint(&finish(check), 4, urls[0].1);
}
