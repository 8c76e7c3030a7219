//! Protected information (contract, section 7).

use chaveiro::vault::access::link::LinkTarget;
use serde_json::json;

use crate::support::{TestApp, TestClient};

async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    let sent = json!({
        "name": "vpn-doc", "content": "user: vpn1 / pass: x", "identifier": "VPNDOC1", "type": "access credential",
        "users_allowed": "ana, rui", "service": null, "url": null
    });
    client.post("/iso/pam/info", &sent).await.expect(201);
    (app, client)
}

#[actix_web::test]
async fn an_information_is_created_read_and_listed_as_documented() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let sent = json!({ "name": "vpn-doc", "content": "user: vpn1 / pass: x", "identifier": "VPNDOC1",
                       "type": "access credential" });
    insta::assert_json_snapshot!("information_created", client.post("/iso/pam/info", &sent).await.expect(201));
    insta::assert_json_snapshot!("information", client.get("/iso/pam/info/1").await.expect(200));
    insta::assert_json_snapshot!("information_list", client.get("/api/pam/info").await.expect(200));
}

#[actix_web::test]
async fn it_is_found_by_number_and_identifier() {
    let (_app, client) = vault().await;
    for path in ["/iso/pam/info/1", "/iso/pam/info/VPNDOC1", "/api/pam/info/VPNDOC1/"] {
        assert_eq!(client.get(path).await.expect(200)["info"]["content"], "user: vpn1 / pass: x", "{path}");
    }
    for path in ["/iso/pam/info/2", "/iso/pam/info/vpndoc1", "/api/pam/info/%00"] {
        client.get(path).await.expect_number(1023);
        client.delete(path).await.expect_number(1023);
        client.put(path).await.expect_number(1023);
    }
}

#[actix_web::test]
async fn the_text_has_to_be_there() {
    let (_app, client) = vault().await;
    for sent in [json!({}), json!({ "content": "" }), json!({ "content": null, "identifier": "VPNDOC1" })] {
        client.post("/iso/pam/info", &sent).await.expect_number(1026);
    }
    client.post("/api/pam/info", &json!({ "content": "c", "identifier": "a b" })).await.expect_number(1053);
}

#[actix_web::test]
async fn a_repeated_identifier_updates_and_keeps_the_text_before() {
    let (app, client) = vault().await;
    let body = client.post("/iso/pam/info", &json!({ "content": "new", "identifier": "VPNDOC1" })).await.expect(201);
    assert_eq!(body["response"]["message"], "Information updated successfully!");
    assert_eq!((&body["info"]["id"], &body["info"]["name"]), (&json!("1"), &json!("vpn-doc")));
    assert_eq!(body["info"]["users_allowed"], "ana,rui");
    assert_eq!(client.get("/iso/pam/info/1").await.expect(200)["info"]["content"], "new");
    let versions = app.database.numbers("SELECT version FROM secret WHERE kind = 'information.content' ORDER BY 1");
    assert_eq!(versions, [1, 2]);
    // Without an identifier each is new.
    let body = client.post("/iso/pam/info", &json!({ "content": "c" })).await.expect(201);
    assert_eq!((&body["info"]["id"], &body["info"]["identifier"]), (&json!("2"), &json!(null)));
}

#[actix_web::test]
async fn switching_off_and_on() {
    let (_app, client) = vault().await;
    client.put("/iso/pam/info/1").await.expect_refusal(400, "already activated");
    let body = client.delete("/iso/pam/info/1").await.expect(200);
    assert_eq!(body["response"]["message"], "Information successfully disabled");
    client.get("/iso/pam/info/1").await.expect_number(1024);
    client.delete("/iso/pam/info/1").await.expect_number(1024);
    assert_eq!(client.get("/iso/pam/info").await.expect(200)["infos"], json!([]));
    client.put("/iso/pam/info/VPNDOC1").await.expect(200);
    client.get("/iso/pam/info/1").await.expect(200);
}

#[actix_web::test]
async fn it_is_seen_by_its_maker_and_by_whom_it_is_linked_to() {
    let (app, client) = vault().await;
    let other = app.read_only_client().await;
    for path in ["/iso/pam/info/1", "/iso/pam/info/VPNDOC1"] {
        other.get(path).await.expect_number(1023);
    }
    assert_eq!(other.get("/iso/pam/info").await.expect(200)["infos"], json!([]));
    other.post("/iso/pam/info", &json!({})).await.expect_number(1039);
    other.delete("/iso/pam/info/1").await.expect_number(1039);
    other.put("/iso/pam/info/1").await.expect_number(1039);
    let stranger = app.client().await;
    let taken = json!({ "content": "stolen", "identifier": "VPNDOC1" });
    stranger.post("/iso/pam/info", &taken).await.expect_number(1023);
    assert_eq!(client.get("/iso/pam/info/1").await.expect(200)["info"]["content"], "user: vpn1 / pass: x");

    app.link(&other, LinkTarget::Information("VPNDOC1".into())).await;
    other.get("/iso/pam/info/1").await.expect(200);
    assert_eq!(other.get("/iso/pam/info").await.expect(200)["infos"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn the_same_new_identifier_from_many_tasks_is_one_information() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let sent = json!({ "content": "c", "identifier": "same" });
    let answers = futures_util::future::join_all((0..64).map(|_| client.post("/iso/pam/info", &sent))).await;
    answers.iter().for_each(|answer| assert_eq!(answer.expect(201)["info"]["id"], "1"));
}
