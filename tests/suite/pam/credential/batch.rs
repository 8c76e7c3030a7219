//! Batches: many reads and upserts in one call, each with an answer of its own.

use chaveiro::vault::access::Resource;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::use_credential::{vault, vault_in};
use crate::support::{TestApp, TestClient};

const PATH: &str = "/iso/pam/credential/batch";

fn save(username: &str, content: &str) -> Value {
    json!({ "save": { "hostname": "erp-01", "ip": "10.0.0.1", "username": username, "identifier": username, "content": content } })
}

async fn batch(client: &TestClient, items: Vec<Value>) -> Vec<Value> {
    let body = client.post(PATH, &json!({ "items": items })).await.expect(200);
    assert_eq!(body["response"]["message"], format!("{} items", items.len()));
    body["items"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn each_item_answers_as_the_call_that_it_stands_for() {
    let (_app, client) = vault().await;
    let unknown = json!({ "save": { "hostname": "nowhere", "ip": "x", "username": "u" } });
    let answers = batch(
        &client,
        vec![
            save("new", "first"),
            json!({ "read": "new" }),
            save("new", "second"),
            json!({ "read": "new" }),
            json!({ "read": "nobody" }),
            unknown.clone(),
            json!({ "read": "admin@erp-01" }),
        ],
    )
    .await;
    for (index, status) in [201, 200, 201, 200, 400, 400, 200].into_iter().enumerate() {
        assert_eq!(answers[index]["code"], status, "{}", answers[index]);
    }
    // In their order: a read shows what the item before it has saved.
    assert_eq!(answers[1]["credential"]["password"], "first");
    assert_eq!(answers[3]["credential"]["password"], "second");
    // Word for word what the single calls say.
    assert_eq!(answers[3], client.get("/iso/pam/credential/new").await.expect(200));
    assert_eq!(answers[4], client.get("/iso/pam/credential/nobody").await.expect(400));
    assert_eq!(answers[5], client.post("/iso/pam/credential", &unknown["save"]).await.expect(400));
    assert_eq!(answers[2], client.post("/iso/pam/credential", &save("new", "second")["save"]).await.expect(201));
}

#[actix_web::test]
async fn each_item_is_recorded_by_itself() {
    let (app, client) = vault().await;
    let items = json!({ "items": [save("new", "p"), { "read": "new" }, { "read": "nobody" }, { "write": 1 }] });
    let answer = client.post(PATH, &items).await;
    answer.expect(200);
    // All bear the id of the request.
    let id = answer.header("X-Request-Id").unwrap();
    let query = "SELECT action || ' ' || object || ' ' || outcome FROM audit_record";
    assert_eq!(
        app.database.texts(&format!("{query} WHERE request_id = '{id}' ORDER BY seq")),
        [
            "credential.save credential:4 ok",
            "credential.read credential:4 ok",
            "credential.read  credential-not-found",
            "credential.batch  invalid-input",
        ]
    );
}

#[actix_web::test]
async fn a_refused_item_takes_nothing_back_but_itself() {
    let (app, client) = vault().await;
    // The second one fails late, after it has changed the device.
    let late = json!({ "save": { "hostname": "erp-01", "ip": "10.0.0.1", "username": "late", "vendor": "Changed", "domain": "nowhere.example" } });
    let answers = batch(&client, vec![save("one", "p"), late, save("two", "p")]).await;
    assert_eq!(answers[1]["exception"]["code"], 1029);
    assert_eq!((client.password("one").await, client.password("two").await), (json!("p"), json!("p")));
    assert_eq!(app.database.texts("SELECT vendor FROM device WHERE id = 1"), ["Debian"]);
    client.get("/iso/pam/credential/late@erp-01").await.expect_number(1007);
}

#[actix_web::test]
async fn who_may_only_read_reads_and_saves_nothing() {
    let (app, owner) = vault().await;
    let reader = app.read_only_client().await;
    app.link(&reader, chaveiro::vault::access::link::LinkTarget::Device("erp-01".into())).await;
    let answers = batch(&reader, vec![json!({ "read": "erp-batch" }), save("erp-batch", "stolen")]).await;
    assert_eq!(answers[0]["credential"]["password"], "batch@erp-01");
    assert_eq!(answers[1]["exception"]["code"], 1039);
    assert_eq!(owner.password("erp-batch").await, "batch@erp-01");
}

#[actix_web::test]
async fn who_may_not_call_at_all_is_refused_as_a_whole() {
    let (app, _client) = vault().await;
    let other = app.client_with(|request| request.resources = vec![Resource::WebProxySession]).await;
    let body = json!({ "items": [{ "read": "erp-batch" }, save("new", "p")] });
    other.post(PATH, &body).await.expect_refusal(403, "not authorized");
    let query =
        format!("SELECT action FROM audit_record WHERE actor = '{}' AND action <> 'token.issue'", other.client_id);
    assert_eq!(app.database.texts(&query), ["credential.batch"]);
}

#[actix_web::test]
async fn a_batch_of_nothing_of_too_much_or_of_nonsense_is_refused() {
    let (_app, client) = vault().await;
    let read = json!({ "read": "erp-batch" });
    for items in [json!([]), json!(vec![&read; 501]), json!("x"), json!([1]), Value::Null] {
        client.post(PATH, &json!({ "items": items })).await.expect_refusal(400, "Invalid parameter items");
    }
    let answers =
        batch(&client, vec![json!({}), json!({ "read": "a", "save": {"x": 1} }), json!({ "read": [] })]).await;
    assert!(answers.iter().all(|answer| answer["code"] == 400), "{answers:?}");
    assert_eq!(batch(&client, vec![read; 500]).await.len(), 500);
    let conditional =
        client.request(Method::POST, PATH).header("If-Match", "*").json(&json!({ "items": [{ "read": "1" }] }));
    client.send(conditional).await.expect_refusal(400, "Invalid header");
}

#[actix_web::test]
async fn under_a_key_what_succeeded_is_not_done_again() {
    let (app, client) = vault().await;
    let items = json!({ "items": [save("new", "first"), { "read": "new" }, { "read": "later" }] });
    let once = |body: &Value| client.request(Method::POST, PATH).header("Idempotency-Key", "k").json(body);
    let first = client.send(once(&items)).await;
    client.save_credential(&save("new", "changed")["save"]).await;
    let again = client.send(once(&items)).await;
    assert_eq!(again.text, first.text);
    assert_eq!(client.password("new").await, "changed");
    // What was refused may succeed now; what succeeded stays as it was.
    client.save_credential(&save("later", "p")["save"]).await;
    let third = client.send(once(&items)).await.expect(200);
    assert_eq!(third["items"][2]["credential"]["password"], "p");
    assert_eq!(third["items"][1], first.json()["items"][1]);
    let other = json!({ "items": [save("new", "other")] });
    client.send(once(&other)).await.expect_refusal(409, "idempotency key");
    assert_eq!(client.password("new").await, "changed");
    assert!(app.database.texts("SELECT result FROM idempotency").iter().all(|done| !done.contains("first")));
}

#[actix_web::test]
async fn a_batch_under_a_used_key_leaves_the_audit_log_whole() {
    let (app, client) = vault().await;
    let once = |items: Value| client.request(Method::POST, PATH).header("Idempotency-Key", "k").json(&items);
    let first = json!({ "items": [{ "read": "nobody" }, { "read": "erp-batch" }] });
    client.send(once(first)).await.expect(200);
    // The first item is refused and recorded before the second one shows what the key was used for.
    let other = json!({ "items": [{ "read": "nobody else" }, { "read": "admin@erp-01" }] });
    client.send(once(other)).await.expect_refusal(409, "idempotency key");
    client.get("/iso/pam/credential/erp-batch").await.expect(200);
    let found = app.verify_audit().await;
    assert_eq!(found.broken.map(|broken| broken.to_string()), None);
}

#[actix_web::test]
async fn batches_with_items_in_common_in_another_order_all_go_through() {
    let (app, client) = vault_in(TestApp::start_with(|settings| settings.store.writers = 8).await).await;
    let batches = (0..8).map(|number| {
        let mut items: Vec<Value> = (0..60).map(|item| save(&format!("common-{item}"), &format!("{number}"))).collect();
        items.rotate_left(number * 7);
        if number % 2 == 1 {
            items.reverse();
        }
        let client = client.clone();
        async move { batch(&client, items).await }
    });
    for answers in join_all(batches).await {
        assert!(answers.iter().all(|answer| answer["code"] == 201), "{answers:?}");
    }
    assert_eq!(app.database.texts("SELECT username FROM credential WHERE username LIKE 'common-%'").len(), 60);
}

#[actix_web::test]
async fn a_credential_by_the_name_of_the_route_is_still_one() {
    let (_app, client) = vault().await;
    client.save_credential(&save("batch-account", "p")["save"]).await;
    let named =
        json!({ "hostname": "erp-01", "ip": "10.0.0.1", "username": "x", "identifier": "batch", "content": "q" });
    client.save_credential(&named).await;
    assert_eq!(client.password("batch").await, "q");
    client.delete("/iso/pam/credential/batch").await.expect(200);
    client.put("/iso/pam/credential/batch").await.expect(200);
}
