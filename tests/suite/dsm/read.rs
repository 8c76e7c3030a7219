//! What a read has, and what it leaves behind.

use serde_json::{Value, json};

use super::{APPLICATION, SECRETS, app, credential, expect_failure, identities, parse, reader};
use crate::support::TestApp;

#[actix_web::test]
async fn every_credential_is_a_secret_of_strings() {
    let (app, _maker) = app().await;
    let client = reader(&app).await;
    let answer = client.get(APPLICATION).await;
    answer.expect(200);
    let read = parse(&answer);
    assert!(!read.response.error && read.response.status == 200 && read.error.is_empty());
    let application = read.application.unwrap();
    assert_eq!((application.name.as_str(), read.response.message.as_str()), ("tests", "Application tests"));
    let [erp, ana] = application.secrets.as_slice() else { panic!("{}", answer.text) };
    assert_eq!((erp.identity.as_str(), erp.secret_name.as_str(), erp.version.as_str()), ("erp", "erp", "2"));
    assert_eq!((erp.expiration_date.as_str(), erp.engine.as_str()), ("", "Generic"));
    assert_ne!(erp.secret_id, ana.secret_id);
    assert_eq!((ana.identity.as_str(), ana.version.as_str()), ("srv/corp/ana", "1"));
    let data = json!({ "username": "batch", "password": "second", "hostname": "srv", "ip": "10.0.0.1",
                       "port": erp.data[0]["port"] });
    assert_eq!(json!(erp.data), json!([data]));
    assert!(erp.data.iter().flat_map(|object| object.values()).all(Value::is_string));
}

#[actix_web::test]
async fn the_flat_list_has_the_same_rows_in_the_same_order() {
    let (app, _maker) = app().await;
    let client = reader(&app).await;
    let whole = client.get(APPLICATION).await.expect(200);
    let flat = client.get(SECRETS).await;
    assert_eq!(flat.expect(200)["secrets"], whole["application"]["secrets"]);
    assert_eq!(parse(&flat).response.message, "2 secrets found");
    assert_eq!(flat.text, client.get(SECRETS).await.text);
}

#[actix_web::test]
async fn the_case_of_the_path_does_not_matter() {
    let (app, _maker) = app().await;
    let client = reader(&app).await;
    for path in ["/iso/dapp/Application", "/ISO/Dapp/APPLICATION", "/iso//dapp/application", "/iso/dapp/application/"] {
        client.get(path).await.expect(200);
    }
}

#[actix_web::test]
async fn one_record_names_every_secret_and_no_custody_is_taken() {
    let (app, _maker) = app().await;
    let client = reader(&app).await;
    client.get(APPLICATION).await.expect(200);
    assert_eq!(app.database.numbers("SELECT credential_id FROM custody"), [0; 0]);
    let records = app.records().await;
    let reads: Vec<_> = records.iter().filter(|record| record.action == "application.read").collect();
    let [read] = reads.as_slice() else { panic!("{} records", reads.len()) };
    assert_eq!(
        (read.family.as_str(), read.object.as_str(), read.outcome.as_str()),
        ("dsm", r#"secrets:["erp","srv/corp/ana"]"#, "ok")
    );
    assert!(app.verify_audit().await.broken.is_none());
}

#[actix_web::test]
async fn exclusive_custody_and_inactive_credentials_are_left_out() {
    let (app, maker) = app().await;
    let client = reader(&app).await;
    let exclusive = json!({ "identifier": "erp", "exclusive_custody": "yes" });
    maker.save_credential(&credential("batch", exclusive)).await;
    assert_eq!(identities(&client).await, ["srv/corp/ana"]);
    maker.save_credential(&credential("batch", json!({ "identifier": "erp", "exclusive_custody": "no" }))).await;
    assert_eq!(identities(&client).await, ["erp", "srv/corp/ana"]);
    maker.delete("/iso/pam/credential/erp").await.expect(200);
    assert_eq!(identities(&client).await, ["srv/corp/ana"]);
}

#[actix_web::test]
async fn a_shared_password_is_read_as_that_of_the_parent_and_never_out_of_exclusive_custody() {
    let (app, maker) = app().await;
    let client = reader(&app).await;
    let parent = app.database.numbers("SELECT id FROM credential WHERE identifier = 'erp'")[0];
    for (child, parent) in [("child", parent.to_string()), ("grandchild", (parent + 2).to_string())] {
        let more = json!({ "identifier": child, "parent_password": parent });
        maker.save_credential(&credential(child, more)).await;
    }
    let read = parse(&client.get(APPLICATION).await).application.unwrap();
    let passwords: Vec<_> = read.secrets.iter().map(|secret| secret.data[0]["password"].as_str().unwrap()).collect();
    assert_eq!(passwords, ["second", "ana's", "second", "second"]);
    maker.save_credential(&credential("batch", json!({ "identifier": "erp", "exclusive_custody": "yes" }))).await;
    assert_eq!(identities(&client).await, ["srv/corp/ana"]);
    // The child alone is enough: its password is that of the others.
    for (username, identifier, exclusive) in [("batch", "erp", false), ("child", "child", true)] {
        let more = json!({ "identifier": identifier, "exclusive_custody": exclusive });
        maker.save_credential(&credential(username, more)).await;
    }
    assert_eq!(identities(&client).await, ["srv/corp/ana"]);
}

#[actix_web::test]
async fn an_ssh_key_has_its_parts_and_needs_an_identifier() {
    let (app, maker) = app().await;
    let client = reader(&app).await;
    let private_key = include_str!("../fixtures/ssh/ed25519");
    for identifier in [json!("key"), json!(null)] {
        let username = format!("user-{identifier}");
        let key = json!({ "hostname": "srv", "ip": "10.0.0.1", "username": username, "identifier": identifier,
                          "private_key": private_key });
        maker.post("/iso/pam/key", &key).await.expect(201);
    }
    let read = parse(&client.get(APPLICATION).await).application.unwrap();
    let [_, _, key] = read.secrets.as_slice() else { panic!() };
    assert_eq!(key.identity, "key");
    assert_eq!(key.data[0]["private_key"], private_key);
    assert!(key.data[0]["public_key"].as_str().unwrap().starts_with("ssh-ed25519 "));
    assert!(!key.data[0].contains_key("passphrase") && !key.data[0].contains_key("password"));
}

#[actix_web::test]
async fn a_name_of_two_credentials_is_left_out() {
    let (app, _maker) = app().await;
    let client = reader(&app).await;
    app.database.run("UPDATE credential SET identifier = 'srv/corp/ana' WHERE identifier = 'erp'");
    assert_eq!(identities(&client).await, [""; 0]);
}

#[actix_web::test]
async fn a_secret_that_was_changed_outside_the_vault_fails_the_read() {
    let (app, _maker) = app().await;
    let client = reader(&app).await;
    app.database.run("UPDATE secret_head SET current_version = 1 WHERE highest_version = 2");
    expect_failure(&client.get(APPLICATION).await, 500, "Internal error");
    app.database.run("DELETE FROM secret_head");
    expect_failure(&client.get(APPLICATION).await, 500, "Internal error");
}

#[actix_web::test]
async fn without_the_setting_the_paths_are_unknown() {
    let app = TestApp::start().await;
    app.client().await.get(APPLICATION).await.expect(404);
}
