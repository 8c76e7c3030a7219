//! `chaveiro get` and `chaveiro totp`.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::{PASSWORD, SEED, Vault, expect_complaint};
use crate::support::{finish, finish_with_input};

#[actix_web::test]
async fn a_value_is_printed_as_it_is() {
    let vault = Vault::new().await;
    for (arguments, expected) in [
        (&["get", "erp-batch"][..], PASSWORD),
        (&["get", "erp-batch#username"], "svc_erp"),
        (&["get", "erp-batch", "--field", "hostname"], "erp-01"),
        (&["get", "chaveiro://erp-01/root"], "hunter2-root"),
        (&["get", "licence"], "hunter2\nsecond line\n"),
        (&["get", "licence#name"], "Licence"),
        (&["get", "deploy"], include_str!("../../fixtures/ssh/ed25519")),
    ] {
        assert_eq!(vault.prints(arguments), expected, "{arguments:?}");
    }
    let item: Value = serde_json::from_str(&vault.prints(&["get", "erp-batch", "--json"])).unwrap();
    assert_eq!((&item["password"], &item["username"]), (&json!(PASSWORD), &json!("svc_erp")));
    for (arguments, part) in [
        (&["get", "nothing"][..], "no value for nothing (Item not found)"),
        (&["get", "licence#password"], "no value for licence#password (not set)"),
        (&["get", "erp-batch#username", "--field", "port"], "set twice"),
        (&["get", "erp-batch#username", "--json"], "without a field"),
    ] {
        expect_complaint(&vault.run(arguments), 1, part);
    }
    for wrong in [&["get"][..], &["get", "a#b"], &["get", "a", "--template", "-"], &["get", "a", "--field", "x"]] {
        assert_eq!(vault.run(wrong).code, 2, "{wrong:?}");
    }
}

#[actix_web::test]
async fn a_password_in_exclusive_custody_is_read_only_by_taking_it() {
    let vault = Vault::new().await;
    let exclusive = json!({ "hostname": "erp-01", "ip": "10.0.0.1", "username": "svc_erp", "exclusive_custody": true });
    vault.client.save_credential(&exclusive).await;
    expect_complaint(&vault.run(&["get", "erp-batch"]), 1, "No access to credential");
    let held = || vault.program.database.numbers("SELECT credential_id FROM custody").len();
    assert_eq!(held(), 0);
    assert_eq!(vault.prints(&["get", "erp-batch", "--take-custody"]), PASSWORD);
    assert_eq!(held(), 1);
    assert_eq!(vault.prints(&["get", "erp-batch#address", "--take-custody"]), "10.0.0.1");
}

#[actix_web::test]
async fn a_template_is_filled_in_or_refused_as_a_whole() {
    let vault = Vault::new().await;
    let template = vault.write("app.conf.tmpl", "user={{ erp-batch#username }}\npassword={{ erp-batch | json }}\n");
    let expected = format!("user=svc_erp\npassword={}\n", json!(PASSWORD));
    assert_eq!(vault.prints(&["get", "--template", &template]), expected);
    let piped = finish_with_input(vault.command(&["get", "--template", "-"]), b"{{ licence#name }}!");
    assert_eq!(piped.stdout, "Licence!");

    let output = vault.write("app.conf", "old");
    assert_eq!(vault.prints(&["get", "--template", &template, "--output", &output]), "");
    assert_eq!(std::fs::read_to_string(&output).unwrap(), expected);
    assert_eq!(std::fs::metadata(&output).unwrap().permissions().mode() & 0o7777, 0o600);
    for (text, part) in [
        ("{{ nothing }}{{ licence#port }}", "nothing (Item not found), licence#port (not set)"),
        ("\n{{ erp-batch#pin }}", "line 2: unknown field"),
        ("{{ erp-batch", "line 1: expected }}"),
    ] {
        let template = vault.write("wrong.tmpl", text);
        expect_complaint(&vault.run(&["get", "--template", &template, "--output", &output]), 1, part);
    }
    assert_eq!(std::fs::read_to_string(&output).unwrap(), expected, "a refused template writes nothing");
    let nowhere = vault.run(&["get", "erp-batch", "--output", "/nowhere/secret"]);
    expect_complaint(&nowhere, 1, "cannot write /nowhere/secret");
}

#[actix_web::test]
async fn a_one_time_code_is_that_of_the_moment() {
    let vault = Vault::new().await;
    let code = async || {
        let body = vault.client.get("/iso/pam/credential/erp-batch/totp").await.expect(200);
        body["totp"]["code"].as_str().unwrap().to_string()
    };
    let before = code().await;
    let printed = vault.prints(&["totp", "erp-batch"]);
    assert!(printed == before || printed == code().await, "{printed}");
    let json: Value = serde_json::from_str(&vault.prints(&["totp", "svc_erp@erp-01", "--json"])).unwrap();
    assert!(json["code"].as_str().unwrap().len() == 6 && json["seconds_left"].as_u64().unwrap() <= 30, "{json}");
    assert_eq!(vault.prints(&["get", "erp-batch#totp"]).len(), 6);
    assert_eq!(vault.records("credential.totp").len(), 5 - usize::from(printed == before));
    expect_complaint(&vault.run(&["totp", "root@erp-01"]), 1, "no TOTP secret_key");
    expect_complaint(&vault.run(&["totp", "nothing"]), 1, "no value for nothing");
    assert!(!vault.server.stop().stderr.contains(SEED));
}

#[actix_web::test]
async fn the_log_of_the_http_client_shows_no_secret() {
    let vault = Vault::new().await;
    let mut command = vault.command(&["get", "erp-batch"]);
    command.env("RUST_LOG", "trace");
    let finished = finish(command);
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), (PASSWORD, ""));
}
