//! Devices (contract, section 4).

use std::time::Duration;

use chaveiro::vault::operation::Action;
use serde_json::json;

use crate::support::{TestApp, device};

#[actix_web::test]
async fn a_device_is_created_read_and_listed_as_documented() {
    let app = TestApp::start().await;
    let client = app.client().await;
    app.vault.add_domain(app.operator(Action::DOMAIN_ADD).await, "corp.example", Some("CORP")).await.unwrap();
    app.vault.add_domain(app.operator(Action::DOMAIN_ADD).await, "lab.example", None).await.unwrap();
    let sent = json!({
        "hostname": "erp-01", "ip": "10.20.30.50", "type": "Server", "vendor": "Red Hat", "model": "RHEL 9",
        "site": "Lisbon", "device_domain": "corp, lab.example", "device_tags": "erp, prod",
        "connectivities": "SSH:22, HTTPS:443", "session_remote_config": "SSH:EXPECT:FILL"
    });
    insta::assert_json_snapshot!("device_created", client.post("/iso/pam/device", &sent).await.expect(201));
    insta::assert_json_snapshot!("device_iso", client.get("/iso/pam/device/1").await.expect(200));
    insta::assert_json_snapshot!("device_api", client.get("/api/pam/device/1").await.expect(200));
    insta::assert_json_snapshot!("devices", client.get("/iso/pam/device").await.expect(200));
}

#[actix_web::test]
async fn the_paths_are_one_in_singular_and_plural_with_and_without_a_slash() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.post("/iso/pam/devices", &device("erp-01", "10.0.0.1")).await.expect(201);
    for path in ["/iso/pam/devices/1", "/iso/pam/device/1/", "/api/pam/devices/erp-01", "/api/pam/device/ERP-01"] {
        assert_eq!(client.get(path).await.expect(200)["device"]["hostname"], "erp-01", "{path}");
    }
    for path in ["/iso/pam/devices", "/iso/pam/devices/", "/api/pam/device/"] {
        assert_eq!(client.get(path).await.expect(200)["devices"].as_array().unwrap().len(), 1, "{path}");
    }
}

#[actix_web::test]
async fn a_known_hostname_is_updated_whatever_its_case() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("erp-01", "10.0.0.1").await;
    let mut again = device("ERP-01", "10.0.0.2");
    again["device_tags"] = json!("a,b");
    let body = client.post("/iso/pam/device", &again).await.expect(201);
    assert_eq!(body["response"]["message"], "Device updated successfully!");
    assert_eq!((&body["device"]["id"], &body["device"]["ip"]), (&json!("1"), &json!("10.0.0.2")));

    // What is not sent stays; what is sent empty is cleared.
    let body = client.post("/iso/pam/device", &device("erp-01", "10.0.0.2")).await.expect(201);
    assert_eq!(body["device"]["device_tags"], "a,b");
    again["device_tags"] = json!("");
    let body = client.post("/iso/pam/device", &again).await.expect(201);
    assert_eq!(body["device"]["device_tags"], "");
}

#[actix_web::test]
async fn a_save_of_what_a_device_has_already_does_not_write_it() {
    let app = TestApp::start().await;
    let client = app.client().await;
    app.vault.add_domain(app.operator(Action::DOMAIN_ADD).await, "corp.example", Some("CORP")).await.unwrap();
    let with = |more: serde_json::Value| {
        let mut sent = device("erp-01", "10.0.0.1");
        sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        sent
    };
    let own = json!({ "device_domain": "corp", "device_tags": "a, b", "connectivities": "SSH:22" });
    let saved = client.post("/iso/pam/device", &with(own.clone())).await.expect(201)["device"].clone();
    let written = || app.database.texts("SELECT CAST(changed_at AS TEXT) FROM device").remove(0);
    let at_first = written();

    app.clock.advance(Duration::from_secs(1));
    for same in [json!({}), own, json!({ "vendor": "DEBIAN", "device_domain": "CORP.example", "device_tags": "a,b" })] {
        assert_eq!(client.post("/iso/pam/device", &with(same.clone())).await.expect(201)["device"], saved, "{same}");
        let mut credential = with(same);
        credential["username"] = json!("root");
        client.post("/iso/pam/credential", &credential).await.expect(201);
    }
    assert_eq!(written(), at_first);
    for other in [json!({ "ip": "10.0.0.2" }), json!({ "ip": "10.0.0.2", "vendor": "HPE" })] {
        let before = written();
        app.clock.advance(Duration::from_secs(1));
        client.post("/iso/pam/device", &with(other)).await.expect(201);
        assert_ne!(written(), before);
    }
}

#[actix_web::test]
async fn lookup_values_keep_their_first_spelling() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    let mut other = device("b", "10.0.0.2");
    other["vendor"] = json!("DEBIAN");
    let body = client.post("/iso/pam/device", &other).await.expect(201);
    assert_eq!(body["device"]["vendor"], "Debian");
}

#[actix_web::test]
async fn missing_fields_are_named_in_the_order_of_their_numbers() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let mut sent = json!({});
    for (field, number) in
        [("hostname", 1004), ("ip", 1005), ("site", 1019), ("model", 1020), ("vendor", 1021), ("type", 1022)]
    {
        client.post("/iso/pam/device", &sent).await.expect_number(number);
        sent[field] = json!("");
        client.post("/api/pam/device", &sent).await.expect_number(number);
        sent[field] = json!("value");
    }
    client.post("/iso/pam/device", &sent).await.expect(201);
}

#[actix_web::test]
async fn only_registered_domains_are_taken() {
    let app = TestApp::start().await;
    let client = app.client().await;
    app.vault.add_domain(app.operator(Action::DOMAIN_ADD).await, "corp.example", Some("CORP")).await.unwrap();
    let mut sent = device("a", "10.0.0.1");
    for (domains, shown) in [("corp", "corp.example"), ("CORP.EXAMPLE", "corp.example")] {
        sent["device_domain"] = json!(domains);
        let body = client.post("/iso/pam/device", &sent).await.expect(201);
        assert_eq!(body["device"]["device_domain"], shown);
    }
    sent["device_domain"] = json!("corp, other.example");
    client.post("/iso/pam/device", &sent).await.expect_number(1029);
}

#[actix_web::test]
async fn a_deactivated_device_takes_its_credentials_with_it_and_gives_none_back() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("erp-01", "10.0.0.1").await;
    let credential = json!({"hostname": "erp-01", "ip": "10.0.0.1", "username": "u", "content": "p"});
    let id = client.save_credential(&credential).await;
    assert_eq!(client.password(&id).await, "p");

    let body = client.delete("/iso/pam/device/erp-01").await.expect(200);
    assert_eq!(body["response"]["message"], "Device successfully deactivated");
    client.get(&format!("/iso/pam/credential/{id}")).await.expect_number(1008);
    assert_eq!(client.get("/iso/pam/credential").await.expect(200)["credentials"], json!([]));
    assert_eq!(client.get("/iso/pam/device").await.expect(200)["devices"], json!([]));
    // Still to be found by whoever wants to activate it.
    client.get("/iso/pam/device/1").await.expect(200);
    client.delete("/iso/pam/device/1").await.expect_number(1012);
    // No active credential on an inactive device.
    client.put(&format!("/iso/pam/credential/{id}")).await.expect_number(1011);
    let other = json!({"hostname": "erp-01", "ip": "10.0.0.1", "username": "other"});
    client.post("/iso/pam/credential", &other).await.expect_number(1012);
    // Saving it again does not revive it.
    client.post("/iso/pam/device", &device("erp-01", "10.0.0.1")).await.expect(201);
    client.delete("/iso/pam/device/1").await.expect_number(1012);

    let body = client.put("/iso/pam/device/1").await.expect(200);
    assert_eq!(body["response"]["message"], "Device successfully activated");
    client.put("/iso/pam/device/1").await.expect_number(1044);
    client.get(&format!("/iso/pam/credential/{id}")).await.expect_number(1008);
    client.put(&format!("/iso/pam/credential/{id}")).await.expect(200);
    assert_eq!(client.password(&id).await, "p");
}

#[actix_web::test]
async fn a_device_that_is_not_there_is_1011_for_every_method() {
    let app = TestApp::start().await;
    let client = app.client().await;
    for key in ["1", "%2B1", "nowhere", "99999999999999999999", "a%2Fb"] {
        let path = format!("/iso/pam/device/{key}");
        client.get(&path).await.expect_number(1011);
        client.delete(&path).await.expect_number(1011);
        client.put(&path).await.expect_number(1011);
    }
}

#[actix_web::test]
async fn a_hostname_of_digits_is_found_when_no_number_is() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("12345", "10.0.0.1").await;
    assert_eq!(client.get("/iso/pam/device/12345").await.expect(200)["device"]["id"], "1");
    assert_eq!(client.get("/iso/pam/device/1").await.expect(200)["device"]["hostname"], "12345");
}

#[actix_web::test]
async fn connectivities_have_protocols_and_ports() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let mut sent = device("a", "10.0.0.1");
    sent["connectivities"] = json!("SSH:99999");
    client.post("/iso/pam/device", &sent).await.expect_refusal(400, "connectivities");
}

#[actix_web::test]
async fn of_many_that_deactivate_a_device_at_once_one_does() {
    let app = TestApp::start().await;
    let client = app.client().await;
    for round in 0..4 {
        let hostname = format!("host-{round}");
        client.create_device(&hostname, "10.0.0.1").await;
        let path = format!("/iso/pam/device/{hostname}");
        let answers = futures_util::future::join_all((0..8).map(|_| client.delete(&path))).await;
        let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!((done.len(), refused.len()), (1, 7));
        assert!(refused.iter().all(|answer| answer.status == 400));
    }
}
