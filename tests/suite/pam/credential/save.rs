//! Creating and updating credentials (contract, section 5.3), beyond the examples of the seed.

use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::operation::Action;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient};

async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    client.create_device("b", "10.0.0.2").await;
    (app, client)
}

fn credential(username: &str, more: Value) -> Value {
    let mut credential = json!({ "hostname": "a", "ip": "10.0.0.1", "username": username });
    credential.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    credential
}

#[actix_web::test]
async fn required_parameters_are_named_in_the_order_of_their_numbers() {
    let (_app, client) = vault().await;
    client.post("/iso/pam/credential", &json!({})).await.expect_number(1004);
    client.post("/iso/pam/credential", &json!({ "hostname": "a" })).await.expect_number(1005);
    client.post("/iso/pam/credential", &json!({ "hostname": "a", "ip": "" })).await.expect_number(1005);
    let unnamed = json!({ "hostname": "a", "ip": "10.0.0.1" });
    client.post("/api/pam/credential", &unnamed).await.expect_number(1042);
    // The legacy dialect has a default instead.
    client.post("/iso/pam/credential", &unnamed).await.expect(201);
    assert_eq!(client.get("/iso/pam/credential/usr@a").await.expect(200)["credential"]["id"], "1");
    // An empty one is the default in both.
    client.post("/api/pam/credential", &credential("", json!({}))).await.expect(201);
    assert_eq!(client.get("/iso/pam/credential").await.expect(200)["credentials"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn the_device_has_to_exist_at_that_address() {
    let (_app, client) = vault().await;
    for (hostname, ip) in [("nowhere", "10.0.0.1"), ("a", "10.0.0.2")] {
        let sent = json!({ "hostname": hostname, "ip": ip, "username": "u" });
        client.post("/iso/pam/credential", &sent).await.expect_number(1011);
    }
    let sent = json!({ "hostname": "A", "ip": "10.0.0.1", "username": "u" });
    client.post("/iso/pam/credential", &sent).await.expect(201);
}

#[actix_web::test]
async fn an_identifier_outranks_the_username_and_can_move_a_credential() {
    let (_app, client) = vault().await;
    let id = client.save_credential(&credential("u", json!({ "identifier": "i", "content": "p" }))).await;
    let moved = json!({ "hostname": "b", "ip": "10.0.0.2", "username": "renamed", "identifier": "i" });
    assert_eq!(client.save_credential(&moved).await, id);
    let read = client.get("/iso/pam/credential/renamed@b").await.expect(200)["credential"].clone();
    assert_eq!((&read["id"], &read["password"]), (&json!(id), &json!("p")));
    client.get("/iso/pam/credential/u@a").await.expect_number(1007);
}

#[actix_web::test]
async fn an_unknown_identifier_is_given_to_the_credential_of_that_username() {
    let (_app, client) = vault().await;
    let id = client.save_credential(&credential("u", json!({ "identifier": "old" }))).await;
    assert_eq!(client.save_credential(&credential("u", json!({ "identifier": "new" }))).await, id);
    client.get("/iso/pam/credential/new").await.expect(200);
    client.get("/iso/pam/credential/old").await.expect_number(1007);
}

#[actix_web::test]
async fn what_is_not_sent_stays_and_what_is_sent_empty_is_cleared() {
    let (_app, client) = vault().await;
    let all = json!({ "identifier": "i", "content": "p", "additional": "text", "tags": "x" });
    client.save_credential(&credential("u", all)).await;
    client.save_credential(&credential("u", json!({}))).await;
    let read = client.get("/iso/pam/credential/i").await.expect(200)["credential"].clone();
    assert_eq!((&read["password"], &read["additional"]), (&json!("p"), &json!("text")));
    let nothing = json!({ "identifier": "", "content": "", "additional": "", "content_": null });
    client.save_credential(&credential("u", nothing)).await;
    let read = client.get("/iso/pam/credential/i").await.expect(200)["credential"].clone();
    // The password and the identifier cannot be cleared; the other texts can.
    assert_eq!((&read["password"], &read["additional"]), (&json!("p"), &json!("")));
}

#[actix_web::test]
async fn names_that_another_credential_has_are_refused_and_nothing_changes() {
    let (_app, client) = vault().await;
    client.save_credential(&credential("u", json!({ "identifier": "i", "content": "one" }))).await;
    client.save_credential(&credential("v", json!({ "identifier": "j", "content": "two" }))).await;
    let taken = credential("v", json!({ "identifier": "i", "content": "three" }));
    client.post("/iso/pam/credential", &taken).await.expect_refusal(400, "username");
    let taken = credential("v", json!({ "additional_settings": { "identifier": "i" }, "content": "three" }));
    client.post("/iso/pam/credential", &taken).await.expect_refusal(400, "identifier");
    assert_eq!((client.password("i").await, client.password("j").await), (json!("one"), json!("two")));
}

#[actix_web::test]
async fn the_nested_identifier_renames_what_the_outer_one_finds() {
    let (_app, client) = vault().await;
    let id = client.save_credential(&credential("u", json!({ "identifier": "outer" }))).await;
    let sent = credential("u", json!({ "identifier": "outer", "additional_settings": { "identifier": "inner" } }));
    assert_eq!(client.save_credential(&sent).await, id);
    client.get("/iso/pam/credential/inner").await.expect(200);
    client.get("/iso/pam/credential/outer").await.expect_number(1007);
}

#[actix_web::test]
async fn the_modern_dialect_answers_with_the_identifier_given_or_generated() {
    let (_app, client) = vault().await;
    let given = credential("u", json!({ "identifier": "erp-1.a_b" }));
    let body = client.post("/api/pam/credential", &given).await.expect(201);
    assert_eq!((&body["credential"]["identifier"], &body["tenant"]), (&json!("erp-1.a_b"), &json!("default")));
    assert_eq!(body["credential"].get("tag"), None);
    let body = client.post("/api/pam/credential", &credential("v", json!({}))).await.expect(201);
    let generated = body["credential"]["identifier"].as_str().unwrap().to_string();
    assert_eq!(generated.len(), 36);
    assert_eq!(client.get(&format!("/api/pam/credential/{generated}")).await.expect(200)["credential"]["id"], "2");
    let wrong = credential("w", json!({ "identifier": "with space" }));
    client.post("/api/pam/credential", &wrong).await.expect_number(1053);
    client.post("/iso/pam/credential", &wrong).await.expect(201);
    let slash = credential("x", json!({ "identifier": "a/b" }));
    client.post("/iso/pam/credential", &slash).await.expect_refusal(400, "identifier");
}

#[actix_web::test]
async fn just_in_time_access_wants_plugins_and_templates_under_the_modern_dialect() {
    let (_app, client) = vault().await;
    let mut jit = json!({ "jit": true, "credential_creation_and_deletion": true });
    let sent = |jit: &Value| credential("u", json!({ "jit_settings": jit }));
    client.post("/api/pam/credential", &sent(&jit)).await.expect_number(1046);
    for step in ["creation", "deletion"] {
        jit[format!("credential_{step}_plugin")] = json!("Windows RM");
    }
    client.post("/api/pam/credential", &sent(&jit)).await.expect_number(1047);
    client.post("/iso/pam/credential", &sent(&jit)).await.expect(201);
}

#[actix_web::test]
async fn credentials_that_are_named_have_to_exist() {
    let (_app, client) = vault().await;
    let nobody =
        json!({ "authentication_credential": "x", "authentication_hostname": "a", "authentication_ip": "10.0.0.1" });
    for group in ["execution_settings", "session_settings", "jit_settings"] {
        client.post("/iso/pam/credential", &credential("u", json!({ group: nobody }))).await.expect_number(1007);
    }
    client.post("/iso/pam/credential", &credential("u", json!({ "parent_password": 99 }))).await.expect_number(1007);
    assert_eq!(client.get("/iso/pam/credential").await.expect(200)["credentials"], json!([]));
}

#[actix_web::test]
async fn a_child_shares_the_password_of_its_parent_now_and_after_each_change() {
    let (_app, client) = vault().await;
    let parent = client.save_credential(&credential("parent", json!({ "content": "one" }))).await;
    let child = credential("child", json!({ "identifier": "child", "parent_password": parent }));
    client.save_credential(&child).await;
    assert_eq!(client.password("child").await, "one");
    client.save_credential(&credential("parent", json!({ "content": "two" }))).await;
    assert_eq!(client.password("child").await, "two");
    // A grandchild too.
    let grandchild = credential("grandchild", json!({ "identifier": "g", "parent_password": "2" }));
    client.save_credential(&grandchild).await;
    assert_eq!(client.password("g").await, "two");

    // A password of its own would not be the one that it reads.
    let own = credential("child", json!({ "content": "own" }));
    client.post("/iso/pam/credential", &own).await.expect_refusal(400, "content");
    client.save_credential(&credential("child", json!({ "content": "two" }))).await;

    // No circles.
    for (username, parent) in [("parent", "2"), ("parent", "3"), ("child", "2")] {
        let circle = credential(username, json!({ "parent_password": parent }));
        client.post("/iso/pam/credential", &circle).await.expect_refusal(400, "parent_password");
    }

    // Taken from its parent, it keeps what they shared.
    client.save_credential(&credential("child", json!({ "parent_password": 0 }))).await;
    client.save_credential(&credential("parent", json!({ "content": "three" }))).await;
    assert_eq!((client.password("child").await, client.password("g").await), (json!("two"), json!("two")));
}

#[actix_web::test]
async fn the_parameters_of_the_device_update_it_and_one_clients_type_does_not() {
    let (_app, client) = vault().await;
    let sent = credential("u", json!({ "vendor": "HPE", "type": "", "connectivities": "SSH:2222" }));
    client.save_credential(&sent).await;
    let device = client.get("/iso/pam/device/a").await.expect(200)["device"].clone();
    assert_eq!((&device["vendor"], &device["type"]), (&json!("HPE"), &json!("Server")));
    assert_eq!(client.get("/iso/pam/credential/u@a").await.expect(200)["credential"]["port"], "2222");
    // A known credential type in `type`, with no `credential_type` beside it, is the credential's.
    client.save_credential(&credential("u", json!({ "type": "local administrator" }))).await;
    assert_eq!(client.get("/iso/pam/device/a").await.expect(200)["device"]["type"], "Server");
    let listed = client.get("/iso/pam/credential").await.expect(200)["credentials"][0].clone();
    assert_eq!((&listed["type"], &listed["device_type"]), (&json!("Local administrator"), &json!("Server")));
}

#[actix_web::test]
async fn a_client_that_does_not_see_the_device_neither_changes_nor_learns_what_it_is() {
    let (app, client) = vault().await;
    client.save_credential(&credential("u", json!({ "identifier": "i" }))).await;
    let (holder, other) = (app.client().await, app.client().await);
    app.link(&holder, LinkTarget::Tag("held".into())).await;
    app.link(&other, LinkTarget::Credential("i".into())).await;
    app.link(&holder, LinkTarget::Device("a".into())).await;
    holder.save_credential(&credential("u", json!({ "device_tags": "held" }))).await;
    for more in [
        json!({ "vendor": "Debian" }),
        json!({ "vendor": "HPE" }),
        json!({ "device_tags": "held" }),
        json!({ "device_tags": "other" }),
        json!({ "connectivities": "SSH:0" }),
        json!({ "type": "Server" }),
        json!({ "type": "Switch" }),
        json!({ "type": "Server", "credential_type": "Domain User" }),
    ] {
        for _ in 0..2 {
            other.post("/iso/pam/credential", &credential("u", more.clone())).await.expect_number(1011);
        }
    }
    for more in [json!({}), json!({ "type": "domain user", "vendor": "" })] {
        other.save_credential(&credential("u", more)).await;
    }
    assert_eq!(client.get("/iso/pam/device/a").await.expect(200)["device"]["vendor"], "Debian");
}

#[actix_web::test]
async fn domains_have_to_be_registered() {
    let (app, client) = vault().await;
    client.post("/iso/pam/credential", &credential("u", json!({ "domain": "CORP" }))).await.expect_number(1029);
    app.vault.add_domain(app.operator(Action::DOMAIN_ADD).await, "corp.example", Some("CORP")).await.unwrap();
    client.save_credential(&credential("u", json!({ "domain": "corp" }))).await;
    assert_eq!(client.get("/iso/pam/credential/u@a").await.expect(200)["credential"]["domain"], "corp.example");
}

#[actix_web::test]
async fn an_inactive_credential_is_updated_and_not_doubled_nor_revived() {
    let (_app, client) = vault().await;
    let id = client.save_credential(&credential("u", json!({ "content": "one" }))).await;
    client.delete("/iso/pam/credential/u@a").await.expect(200);
    assert_eq!(client.save_credential(&credential("u", json!({ "content": "two" }))).await, id);
    client.get(&format!("/iso/pam/credential/{id}")).await.expect_number(1008);
    client.put(&format!("/iso/pam/credential/{id}")).await.expect(200);
    assert_eq!(client.password(&id).await, "two");
}

#[actix_web::test]
async fn a_changed_password_keeps_the_one_before_and_the_same_one_makes_no_version() {
    let app = TestApp::start_with(|settings| settings.history.versions = 3).await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    for content in ["one", "one", "two", "three", "four"] {
        client.save_credential(&credential("u", json!({ "content": content }))).await;
    }
    assert_eq!(client.password("1").await, "four");
    let versions = app.database.numbers("SELECT version FROM secret WHERE kind = 'credential.password' ORDER BY 1");
    assert_eq!(versions, [2, 3, 4]);
}
