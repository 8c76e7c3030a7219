//! `chaveiro device transfer`: the operator moves an object to another client, and the audit log shows who had it.

use serde_json::{Value, json};

use super::changes::may_have_token;
use super::{expect_complaint, last_record, serving};
use crate::support::{Program, Serving, TestClient, noticed};

/// A further client, which the server knows.
async fn client(program: &Program, server: &Serving) -> TestClient {
    let credentials = program.create_authorization("erp");
    let is_known = async || may_have_token(server, &credentials.id, &credentials.secret).await;
    noticed("a new client", is_known).await;
    server.client(&credentials).await
}

fn transfer(from: &TestClient, to: &TestClient, object: [&str; 2]) -> Vec<String> {
    let fixed = ["device", "transfer", "--from", &from.client_id, "--to", &to.client_id];
    fixed.iter().chain(&object).map(ToString::to_string).collect()
}

fn run(program: &Program, arguments: &[String]) -> crate::support::Finished {
    program.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn records(program: &Program, subject: &str) -> Vec<(Value, Value)> {
    let shown = program.json(&["audit", "show", "--subject", subject]);
    shown.as_array().unwrap().iter().map(|row| (row["action"].clone(), row["actor"].clone())).collect()
}

#[actix_web::test]
async fn a_device_moves_with_its_credentials_and_the_log_shows_who_registered_it() {
    let (program, server, _, squatter) = serving().await;
    let owner = client(&program, &server).await;
    squatter.create_device("erp-02", "10.0.0.2").await;
    let credential = |username: &str| json!({ "hostname": "erp-02", "ip": "10.0.0.2", "username": username, "identifier": username, "content": "p" });
    squatter.save_credential(&credential("planted")).await;
    owner.get("/iso/pam/device/erp-02").await.expect_number(1011);

    let arguments = transfer(&squatter, &owner, ["--device", "erp-02"]);
    assert_eq!(run(&program, &arguments).code, 0);
    let sees = async || owner.get("/iso/pam/device/erp-02").await.status == 200;
    noticed("the device", sees).await;
    assert_eq!(owner.password("planted").await, "p");
    squatter.get("/iso/pam/device/erp-02").await.expect_number(1011);
    squatter.get("/iso/pam/credential/planted").await.expect_number(1009);

    let registered = (json!("device.save"), json!(squatter.client_id));
    let transferred = (json!("device.transfer"), json!("command-line"));
    let seen = records(&program, "device:1");
    assert_eq!((seen.first(), seen.contains(&transferred)), (Some(&registered), true), "{seen:?}");
    assert!(records(&program, "device:2").is_empty());

    // It has moved, so the same again is refused.
    expect_complaint(&run(&program, &arguments), 1, "there is no such link");
    let record = last_record(&program);
    assert_eq!((&record["object"], &record["outcome"]), (&json!("device:1"), &json!("link-not-found")));
}

#[actix_web::test]
async fn a_credential_and_a_record_of_protected_information_move_alone() {
    let (program, server, _, from) = serving().await;
    let to = client(&program, &server).await;
    from.create_device("a", "10.0.0.1").await;
    for username in ["u", "stays"] {
        let sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": username, "identifier": username,
                           "content": username });
        from.save_credential(&sent).await;
    }
    from.post("/iso/pam/info", &json!({ "identifier": "n", "content": "text" })).await.expect(201);
    for object in [["--credential", "u"], ["--information", "n"]] {
        assert_eq!(run(&program, &transfer(&from, &to, object)).code, 0);
    }
    let sees = async || to.get("/iso/pam/credential/u").await.status == 200;
    noticed("the credential", sees).await;
    to.get("/iso/pam/info/n").await.expect(200);
    from.get("/iso/pam/info/n").await.expect_number(1023);
    // By the link of its device, the first client goes on seeing the credential.
    from.get("/iso/pam/credential/u").await.expect(200);
    to.get("/iso/pam/credential/stays").await.expect_number(1009);
    to.get("/iso/pam/device/a").await.expect_number(1011);
}
