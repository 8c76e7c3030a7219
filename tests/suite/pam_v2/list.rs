//! Filters and pages of the list.

use chaveiro::vault::operation::Action;
use serde_json::json;

use super::{expect_headers, ids, list, save, vault};

#[actix_web::test]
async fn a_row_has_the_minimum_fields() {
    let (_app, client) = vault().await;
    let answer = list(&client, "per_page=1").await;
    expect_headers(&answer);
    let row = json!({
        "id": 1,
        "credential": { "username": "batch", "active": true, "password_type": "Local User" },
        "device": { "id": 1, "name": "erp", "domain_name": null },
    });
    let body = json!({ "data": [row], "pagination": { "page": 1, "per_page": 1, "has_more": true } });
    assert_eq!(answer.expect(200), body);
}

#[actix_web::test]
async fn every_filter_selects() {
    let (app, client) = vault().await;
    app.vault.add_user(app.operator(Action::USER_ADD).await, "ana").await.unwrap();
    for much in [false, true] {
        if much {
            app.swell();
        }
        for (query, selected) in [
            ("", &[1, 2, 3, 4, 5][..]),
            ("credential.username=root", &[2, 3]),
            ("credential.username=Root", &[]),
            ("credential.username=roo", &[]),
            ("credential.active=true", &[1, 2, 3, 4]),
            ("credential.active=false", &[5]),
            ("device_id=1", &[1, 2]),
            ("device_id=2147483647", &[]),
            ("device.name=ERP", &[1, 2]),
            ("device.name=er", &[]),
            ("credential.tags=prod&credential.tags=linux", &[1]),
            ("credential.tags=prod,linux", &[1, 2, 3]),
            ("credential.tags=PROD,nothing", &[1, 2]),
            ("credential.tags=prod,linux&credential.tags=linux,nothing", &[1, 3]),
            ("credential.tags=prod&credential.tags=nothing", &[]),
            ("credential.criticality=high", &[1]),
            ("credential.criticality=low", &[3]),
            ("credential.criticality=medium", &[2, 5]),
            ("credential.criticality=critical", &[]),
            ("credential.user_credential_owner=ana", &[1]),
            ("credential.user_credential_owner=1", &[1]),
            ("credential.user_credential_owner=2", &[]),
            ("credential.user_credential_owner=an", &[]),
            ("credential.user_credential_owner=%25", &[]),
            ("reconciliation.credential_enabled=true", &[2]),
            ("reconciliation.credential_enabled=false", &[1, 3, 4, 5]),
            ("jit.credential_enabled=true", &[]),
            ("jit.credential_enabled=false", &[1, 2, 3, 4, 5]),
            ("credential.username=root&device.name=erp&credential.active=true", &[2]),
            ("credential.username=root&credential.tags=linux", &[3]),
        ] {
            assert_eq!(ids(&client, query).await, selected, "{query}");
        }
    }
}

#[actix_web::test]
async fn settings_are_compared_as_values() {
    let (_app, client) = vault().await;
    let owner = r#"x","criticality":"Medium"#;
    let settings = |owner: &str| json!({ "additional_settings": { "user_credential_owner": owner } });
    let id: i64 = save(&client, "erp", "sly", settings(owner)).await.parse().unwrap();
    let accented: i64 = save(&client, "erp", "accented", settings("João \\ \"Zé\"")).await.parse().unwrap();
    // The sly one is of medium criticality, like every password for which none was saved.
    let low = json!({ "additional_settings": { "user_credential_owner": owner, "criticality": "Low" } });
    assert_eq!(ids(&client, "credential.criticality=medium").await, [2, 5, id, accented]);
    save(&client, "erp", "sly", low).await;
    assert_eq!(ids(&client, "credential.criticality=medium").await, [2, 5, accented]);
    assert_eq!(ids(&client, "credential.criticality=low").await, [3, id]);
    assert_eq!(ids(&client, "credential.user_credential_owner=x").await, [0; 0]);
    let query = |owner: &str| {
        form_urlencoded::Serializer::new(String::new()).append_pair("credential.user_credential_owner", owner).finish()
    };
    assert_eq!(ids(&client, &query(owner)).await, [id]);
    assert_eq!(ids(&client, &query("João \\ \"Zé\"")).await, [accented]);
}

#[actix_web::test]
async fn just_in_time_access_and_domains_are_filters() {
    let (app, client) = vault().await;
    for (name, short) in [("corp.example", "corp"), ("lab.example", "lab"), ("example", "example-short")] {
        app.vault.add_domain(app.operator(Action::DOMAIN_ADD).await, name, Some(short)).await.unwrap();
    }
    let jit = json!({ "jit_settings": { "jit": true } });
    save(&client, "erp", "batch", jit).await;
    assert_eq!(ids(&client, "jit.credential_enabled=true").await, [1]);
    assert_eq!(ids(&client, "jit.credential_enabled=false").await, [2, 3, 4, 5]);
    for (hostname, ip, domains) in [("erp", "10.0.0.1", "corp.example,lab"), ("web", "10.0.0.2", "lab.example")] {
        let mut device = crate::support::device(hostname, ip);
        device["device_domain"] = json!(domains);
        client.post("/iso/pam/device", &device).await.expect(201);
    }
    let first = list(&client, "device.name=erp&per_page=1").await.expect(200);
    assert_eq!(first["data"][0]["device"]["domain_name"], "corp.example,lab.example");
    for (domain, selected) in [
        ("corp.example", &[1, 2][..]),
        ("CORP", &[1, 2]),
        ("lab.example", &[1, 2, 3, 4, 5]),
        ("example", &[]),
        ("nowhere", &[]),
    ] {
        assert_eq!(ids(&client, &format!("device.domain_name={domain}")).await, selected, "{domain}");
    }
}

#[actix_web::test]
async fn the_pages_are_the_list() {
    let (_app, client) = vault().await;
    for (query, selected, has_more) in [
        ("page=1&per_page=2", &[1, 2][..], true),
        ("page=3&per_page=2", &[5], false),
        ("page=4&per_page=2", &[], false),
        ("per_page=5", &[1, 2, 3, 4, 5], false),
        ("limit=2&offset=1", &[2, 3], true),
        ("limit=4&offset=1", &[2, 3, 4, 5], false),
        ("offset=4", &[5], false),
        ("limit=2&credential.username=root", &[2, 3], false),
    ] {
        assert_eq!(ids(&client, query).await, selected, "{query}");
        assert_eq!(list(&client, query).await.expect(200)["pagination"]["has_more"], has_more, "{query}");
    }
    let pagination = list(&client, "offset=4").await.expect(200)["pagination"].clone();
    assert_eq!(pagination, json!({ "limit": 50, "offset": 4, "has_more": false }));
}
