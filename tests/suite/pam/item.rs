//! Items: a secret of any kind by its name, without custody.

use chaveiro::vault::access::link::LinkTarget;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient};

const PRIVATE_KEY: &str = include_str!("../fixtures/ssh/ed25519");

/// One item of each kind, and the client that made them.
async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("erp-01", "10.0.0.1").await;
    let mut sent =
        json!({ "hostname": "erp-01", "ip": "10.0.0.1", "username": "svc", "identifier": "erp", "content": "pw" });
    client.save_credential(&sent).await;
    client
        .save_credential(&json!({ "hostname": "erp-01", "ip": "10.0.0.1", "username": "root", "content": "r" }))
        .await;
    sent = json!({ "hostname": "erp-01", "ip": "10.0.0.1", "username": "git", "identifier": "key", "private_key": PRIVATE_KEY });
    client.post("/iso/pam/key", &sent).await.expect(201);
    client
        .post("/iso/pam/info", &json!({ "identifier": "lic", "name": "Licence", "content": "L-1" }))
        .await
        .expect(201);
    (app, client)
}

async fn fields(client: &TestClient, name: &str) -> Value {
    client.get(&format!("/iso/pam/item/{name}")).await.expect(200)["item"]["fields"].clone()
}

#[actix_web::test]
async fn an_item_of_any_kind_is_read_by_its_name_without_custody() {
    let (app, client) = vault().await;
    let password =
        json!({ "username": "svc", "password": "pw", "hostname": "erp-01", "address": "10.0.0.1", "port": "" });
    assert_eq!(fields(&client, "erp").await, password);
    assert_eq!(fields(&client, "erp-01%2Froot").await["password"], "r");
    assert_eq!(fields(&client, "key").await["private_key"], PRIVATE_KEY);
    assert_eq!(fields(&client, "lic").await, json!({ "name": "Licence", "text": "L-1" }));
    let body = client.get("/api/pam/item/erp").await.expect(200);
    assert_eq!((&body["item"]["name"], &body["item"]["version"]), (&json!("erp"), &json!(1)));
    assert_eq!(app.database.numbers("SELECT credential_id FROM custody"), Vec::<i32>::new());
    let records = app.database.texts("SELECT action FROM audit_record WHERE action = 'item.read'");
    assert_eq!(records.len(), 5);
}

#[actix_web::test]
async fn what_is_missing_inactive_or_not_linked_is_not_found() {
    let (app, client) = vault().await;
    client.delete("/iso/pam/credential/erp").await.expect(200);
    for name in ["erp", "nothing", "1", "svc@erp-01", "%00", "ERP"] {
        client.get(&format!("/iso/pam/item/{name}")).await.expect_refusal(400, "Item not found");
    }
    let reader = app.read_only_client().await;
    reader.get("/iso/pam/item/lic").await.expect_refusal(400, "Item not found");
    app.link(&reader, LinkTarget::Information("lic".into())).await;
    assert_eq!(fields(&reader, "lic").await["text"], "L-1");
}

#[actix_web::test]
async fn a_password_in_exclusive_custody_is_refused_and_two_items_of_one_name_are_a_conflict() {
    let (_app, client) = vault().await;
    let exclusive = json!({ "hostname": "erp-01", "ip": "10.0.0.1", "username": "svc", "exclusive_custody": true });
    client.save_credential(&exclusive).await;
    client.get("/iso/pam/item/erp").await.expect_number(1009);
    client.post("/iso/pam/info", &json!({ "identifier": "key", "content": "x" })).await.expect(201);
    let body = client.get("/iso/pam/item/key").await.expect(409);
    assert_eq!(body["candidates"], json!([]));
}
