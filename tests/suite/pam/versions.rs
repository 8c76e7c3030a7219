//! History and undo of passwords, information and SSH keys.

use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient};

async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    for content in ["one", "two", "three"] {
        client.save_credential(&credential(json!({ "content": content }))).await;
        client.post("/iso/pam/info", &json!({ "identifier": "i", "content": content })).await.expect(201);
    }
    (app, client)
}

fn credential(more: Value) -> Value {
    let mut credential = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i" });
    credential.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    credential
}

async fn restore(client: &TestClient, path: &str) -> Answer {
    client.post(path, &json!({})).await
}

#[actix_web::test]
async fn versions_are_listed_read_and_restored() {
    let (_app, client) = vault().await;
    insta::assert_json_snapshot!("versions", client.get("/iso/pam/credential/i/versions").await.expect(200));
    for family in ["credential", "info"] {
        let path = format!("/api/pam/{family}/i/versions");
        let read = client.get(&format!("{path}/1")).await.expect(200);
        assert_eq!(read["version"], json!({ "id": "1", "version": 1, "content": "one" }));
        restore(&client, &format!("{path}/1/restore")).await.expect(201);
        let versions = client.get(&path).await.expect(200)["versions"].clone();
        assert_eq!((versions.as_array().unwrap().len(), &versions[0]["version"]), (4, &json!(4)));
        for missing in ["0", "5", "-1", "x", "99999999999"] {
            client.get(&format!("{path}/{missing}")).await.expect_refusal(400, "Version not found");
            restore(&client, &format!("{path}/{missing}/restore")).await.expect_refusal(400, "Version not found");
        }
    }
    assert_eq!(client.password("i").await, "one");
    assert_eq!(client.get("/iso/pam/info/i").await.expect(200)["info"]["content"], "one");
}

#[actix_web::test]
async fn a_private_key_has_a_history_too() {
    let (_app, client) = vault().await;
    let (first, second) = (include_str!("../fixtures/ssh/ed25519"), include_str!("../fixtures/ssh/ecdsa"));
    for private in [first, second] {
        let sent = json!({ "hostname": "a", "ip": "10.0.0.1", "identifier": "k", "private_key": private });
        client.post("/iso/pam/key", &sent).await.expect(201);
    }
    restore(&client, "/iso/pam/key/k/versions/1/restore").await.expect(201);
    let key = client.get("/iso/pam/key/k").await.expect(200)["key"].clone();
    assert_eq!((&key["private_key"], &key["algorithm"]), (&json!(first), &json!("ssh-ed25519")));
}

/// A version from the time when nothing was checked.
#[actix_web::test]
async fn a_private_key_is_checked_when_it_is_restored_too() {
    let app = TestApp::start_with(|settings| settings.ssh_keys.check = false).await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    let (private, public) = (include_str!("../fixtures/ssh/rsa"), include_str!("../fixtures/ssh/rsa.pub"));
    for private in ["anything", private] {
        let sent = json!({ "hostname": "a", "ip": "10.0.0.1", "identifier": "k", "private_key": private,
                           "public_key": public });
        client.post("/iso/pam/key", &sent).await.expect(201);
    }
    let app = app.restart().await;
    let client = client.at(app.address);
    let answer = restore(&client, "/iso/pam/key/k/versions/1/restore").await;
    answer.expect_refusal(400, "private_key: is not a private key");
    assert_eq!(client.get("/iso/pam/key/k").await.expect(200)["key"]["private_key"], private);
}

#[actix_web::test]
async fn a_read_of_a_version_takes_custody_and_restoring_is_a_write() {
    let (app, client) = vault().await;
    client.get("/iso/pam/credential/i/versions").await.expect(200);
    client.delete("/iso/pam/credential/custody/i").await.expect_number(1018);
    client.get("/iso/pam/credential/i/versions/2").await.expect(200);
    client.delete("/iso/pam/credential/custody/i").await.expect(200);
    let reader = app.read_only_client().await;
    for family in ["credential", "info"] {
        restore(&reader, &format!("/iso/pam/{family}/i/versions/1/restore")).await.expect_number(1039);
    }
}

#[actix_web::test]
async fn a_stranger_gets_what_a_read_would_say() {
    let (app, _client) = vault().await;
    let stranger = app.client().await;
    for (family, number) in [("credential", 1009), ("info", 1023)] {
        for path in ["versions", "versions/1"] {
            stranger.get(&format!("/iso/pam/{family}/i/{path}")).await.expect_number(number);
        }
        restore(&stranger, &format!("/iso/pam/{family}/i/versions/1/restore")).await.expect_number(number);
    }
    // What it does not see and is of another kind is not there, or it could change what is answered about its own.
    stranger.get("/iso/pam/key/i/versions").await.expect_number(1015);
}

#[actix_web::test]
async fn a_child_restores_nothing_that_its_parent_does_not_have() {
    let (_app, client) = vault().await;
    let parent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "parent", "content": "shared" });
    let parent = client.save_credential(&parent).await;
    client.save_credential(&credential(json!({ "parent_password": parent }))).await;
    restore(&client, "/iso/pam/credential/i/versions/1/restore").await.expect_refusal(400, "parent");
    assert_eq!(client.password("i").await, "shared");
}

#[actix_web::test]
async fn a_newest_version_that_was_deleted_in_the_database_is_an_error_and_never_the_one_before() {
    let (app, client) = vault().await;
    assert_eq!(client.password("i").await, "three");
    app.database.run("DELETE FROM secret WHERE version = 3");
    for path in ["/iso/pam/credential/i", "/api/pam/credential/i", "/iso/pam/info/i", "/api/pam/info/i"] {
        let answer = client.get(path).await;
        assert_eq!(answer.status.as_u16(), 500, "{path}");
        assert!(!answer.text.contains("two") && !answer.text.contains("three"), "{path}");
    }
    let records = app.records().await;
    assert_eq!(records.iter().filter(|record| record.outcome == "seal-failed").count(), 4);
}

#[actix_web::test]
async fn an_older_version_that_was_made_current_in_the_database_is_an_error() {
    let (app, client) = vault().await;
    app.database.run("UPDATE secret SET state = 'previous' WHERE version = 3");
    app.database.run("UPDATE secret SET state = 'current' WHERE version = 2");
    assert_eq!(client.get("/iso/pam/credential/i").await.status.as_u16(), 500);
    client.post("/iso/pam/credential", &credential(json!({ "content": "four" }))).await.expect(500);
}

#[actix_web::test]
async fn a_version_that_was_added_as_current_in_the_database_is_none() {
    let (app, client) = vault().await;
    app.database.run(
        "INSERT INTO secret (kind, owner_id, version, state, sealed, data_key_id, created_at)
         SELECT kind, owner_id, 4, 'current', sealed, data_key_id, created_at FROM secret WHERE version = 3",
    );
    for family in ["credential", "info"] {
        let versions = client.get(&format!("/api/pam/{family}/i/versions")).await.expect(200);
        let versions = versions["versions"].as_array().unwrap().iter();
        let current: Vec<_> =
            versions.filter(|version| version["current"] == true).map(|row| &row["version"]).collect();
        assert_eq!(current, [3], "{family}");
        let read = client.get(&format!("/iso/pam/{family}/i")).await.expect(200);
        assert!(read.to_string().contains("three"), "{family}");
    }
}

#[actix_web::test]
async fn a_version_that_never_was_in_force_is_not_shown() {
    let (app, client) = vault().await;
    app.database.run(
        "INSERT INTO secret (kind, owner_id, version, state, sealed, data_key_id, created_at)
         SELECT kind, owner_id, 4, 'candidate', sealed, data_key_id, created_at FROM secret WHERE version = 3",
    );
    for family in ["credential", "info"] {
        let path = format!("/api/pam/{family}/i/versions");
        assert_eq!(client.get(&path).await.expect(200)["versions"].as_array().unwrap().len(), 3);
        client.get(&format!("{path}/4")).await.expect_refusal(400, "Version not found");
    }
}

#[actix_web::test]
async fn what_is_restored_is_judged_and_recorded_as_a_restoration_whatever_its_version() {
    let (app, client) = vault().await;
    let reader = app.read_only_client().await;
    for version in ["99", "x", "01", "99999999999", "1"] {
        for family in ["credential", "info"] {
            let path = format!("/iso/pam/{family}/i/versions/{version}/restore");
            restore(&reader, &path).await.expect_number(1039);
            if version != "1" {
                restore(&client, &path).await.expect_refusal(400, "Version not found");
            }
        }
    }
    let records = app.records().await;
    let refused = records.iter().filter(|record| record.action.starts_with("history."));
    let refused: Vec<_> = refused.map(|record| (record.action.as_str(), record.outcome.as_str())).collect();
    let of = |outcome: &str| refused.iter().filter(|row| **row == ("history.restore", outcome)).count();
    assert_eq!((of("read-only"), of("version-not-found"), refused.len()), (10, 8, 18), "{refused:?}");
}

#[actix_web::test]
async fn an_escaped_family_is_the_family_that_it_spells() {
    let (_app, client) = vault().await;
    client.post("/iso/pam/info", &json!({ "identifier": "i", "content": "of the information" })).await.expect(201);
    for path in
        ["/iso/pam/%69nfo/i/versions/4", "/iso/p%61m/inf%6F/i/versions/4", "/%69so/pam/%69%6e%66%6f/1/versions/4"]
    {
        assert_eq!(client.get(path).await.expect(200)["version"]["content"], "of the information", "{path}");
    }
    client.get("/iso/pam/%63redential/i/versions/4").await.expect_refusal(400, "Version not found");
    assert_eq!(client.get("/iso/pam/%63redential/i/versions/3").await.expect(200)["version"]["content"], "three");
}
