//! Roles written in version 1, as the role and identity resources of Terraform do: permissions by name, identities in the role.

use reqwest::Method;
use serde_json::{Value, json};

use super::{administrator, call, call_in, client_holding, delete, get, post, put};
use crate::support::{TestApp, TestClient};

const ROLES: &str = "/Security/Roles";
const GLOBAL: &str = "099c05f0-deba-4562-a5b1-f491e19c0749";

/// The accounts of a role.
async fn accounts(client: &TestClient, path: &str) -> Vec<String> {
    let role = get(client, path).await.expect(200);
    let identities = role["Identities"].as_array().unwrap();
    identities.iter().map(|identity| identity["AccountName"].as_str().unwrap().into()).collect()
}

async fn create_identities(client: &TestClient, names: &[&str]) {
    for name in names {
        post(client, "/Security/Identities", &json!({ "AccountName": name })).await.expect(200);
    }
}

/// Terraform refuses an answer whose permissions are not those of its plan.
#[actix_web::test]
async fn a_role_goes_round_with_the_names_that_it_was_sent_with() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let names = [
        "API:Read",
        "AdminPortal:Read",
        "CertificateEnrollment:EnrollPFX",
        "Certificates:EditMetadata",
        "PrivilegedAccessManagement:Modify:5",
        "PrivilegedAccessManagement:Read",
        "SecuritySettings:Read",
    ];
    let sent = json!({ "Name": "terraform", "Description": "by Terraform", "Permissions": names });
    let mut made = post(&client, ROLES, &sent).await.expect(200);
    made["Permissions"].as_array_mut().unwrap().sort_by_key(|name| name.as_str().unwrap().to_string());
    let expected = json!({ "Id": 2, "Description": "by Terraform", "EmailAddress": null, "Enabled": true,
        "Immutable": false, "Valid": null, "Private": false, "PermissionSetId": GLOBAL, "Identities": [],
        "Name": "terraform", "Permissions": names });
    assert_eq!(made, expected);
    let second = call_in(&client, "2", Method::GET, "/Security/Roles/2", None).await.expect(200);
    assert!(second["Permissions"].as_array().unwrap().contains(&json!("/pam/modify/5/")), "{second}");

    let changed = json!({ "Id": 2, "Name": "terraform", "Description": "changed", "Enabled": true, "Private": false,
        "Permissions": ["certificates:read", "Certificates:Read"] });
    let answer = put(&client, ROLES, &changed).await.expect(200);
    assert_eq!((&answer["Permissions"], &answer["Description"]), (&json!(["Certificates:Read"]), &json!("changed")));
    // Without a header it is version 1.
    let request = client.request(Method::POST, "/KeyfactorAPI/Security/Roles").json(&json!({ "Name": "r" }));
    assert_eq!(client.send(request).await.expect(200)["Enabled"], true);
    assert_eq!(delete(&client, "/Security/Roles/2").await.status, 204);
}

#[actix_web::test]
async fn a_name_grants_what_its_string_grants_and_one_of_another_area_nothing() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let sent = json!({ "Name": "r", "Permissions": ["SecuritySettings:Read", "Certificates:Read"] });
    post(&client, ROLES, &sent).await.expect(200);
    let holder = super::client_with_roles(&app, &["r"]).await;
    get(&holder, ROLES).await.expect(200);
    get(&holder, "/PamProviders/Types").await.expect_error(403, "permission");
    get(&holder, "/Security/Identities").await.expect_error(403, "permission");
}

/// A client of version 1 does not see a permission without a name, so it cannot mean to take it away.
#[actix_web::test]
async fn an_update_keeps_permissions_without_a_name_and_takes_away_those_with_one() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let sent = json!({ "Name": "r", "Permissions": ["/metadata/types/read/", "/pam/", "/security/read/"] });
    call_in(&client, "2", Method::POST, ROLES, Some(&sent)).await.expect(200);
    let read = get(&client, "/Security/Roles/2").await.expect(200);
    let mut names = read["Permissions"].clone();
    names.as_array_mut().unwrap().retain(|name| name != "SecuritySettings:Read");
    let changed = json!({ "Id": 2, "Name": "r", "Permissions": names });
    put(&client, ROLES, &changed).await.expect(200);
    let second = call_in(&client, "2", Method::GET, "/Security/Roles/2", None).await.expect(200);
    assert_eq!(second["Permissions"], json!(["/pam/modify/", "/pam/read/", "/metadata/types/read/"]));
}

#[actix_web::test]
async fn an_update_keeps_what_version_1_does_not_know() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let set = post(&client, "/PermissionSets", &json!({ "Name": "s", "Permissions": ["/pam/"] })).await.expect(200);
    let sent = json!({ "Name": "r", "EmailAddress": "a@b.c", "PermissionSetId": set["Id"], "Permissions": [] });
    call_in(&client, "2", Method::POST, ROLES, Some(&sent)).await.expect(200);
    let wide = json!({ "Id": 2, "Name": "r", "Permissions": ["SecuritySettings:Read"] });
    put(&client, ROLES, &wide).await.expect_error(400, "Permissions");
    let within = json!({ "Id": 2, "Name": "r", "Permissions": ["PrivilegedAccessManagement:Read"] });
    let answer = put(&client, ROLES, &within).await.expect(200);
    assert_eq!((&answer["EmailAddress"], &answer["PermissionSetId"]), (&json!("a@b.c"), &set["Id"]));
    let moved = json!({ "Id": 2, "Name": "r", "PermissionSetId": GLOBAL, "Permissions": ["SecuritySettings:Read"] });
    assert_eq!(put(&client, ROLES, &moved).await.expect(200)["PermissionSetId"], GLOBAL);
}

#[actix_web::test]
async fn what_makes_no_role_is_refused_by_name_and_nothing_is_changed() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    create_identities(&client, &[r"CORP\ana"]).await;
    let made =
        post(&client, ROLES, &json!({ "Name": "r", "Identities": [{ "AccountName": r"CORP\ana" }] })).await.expect(200);
    for (more, field) in [
        (json!({ "Permissions": ["/pam/read/"] }), "Permissions"),
        (json!({ "Permissions": ["Canary:Read"] }), "Permissions"),
        (json!({ "Permissions": ["PrivilegedAccessManagement:Delete"] }), "Permissions"),
        (json!({ "Enabled": false }), "Enabled"),
        (json!({ "Private": true }), "Private"),
        (json!({ "Claims": [{}] }), "Claims"),
        (json!({ "Identities": [{}] }), "Identities.AccountName"),
        (json!({ "Identities": [r"CORP\ana"] }), "Identities"),
        (json!({ "Identities": [{ "AccountName": r"CORP\ana" }, { "AccountName": r"CORP\canary" }] }), "AccountName"),
    ] {
        let mut sent = json!({ "Id": 2, "Name": "changed" });
        sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        for method in [Method::POST, Method::PUT] {
            let answer = call(&client, method, ROLES, Some(&sent)).await;
            answer.expect_error(400, field);
            assert!(!answer.text.to_lowercase().contains("canary"), "{}", answer.text);
        }
    }
    assert_eq!(get(&client, "/Security/Roles/2").await.expect(200), made);
    put(&client, ROLES, &json!({ "Id": 1, "Name": "x" })).await.expect_error(409, "immutable");
}

/// Terraform reads a role, adds an identity to those that it found, and sends the role back.
#[actix_web::test]
async fn the_identities_of_a_role_are_those_that_are_sent() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    create_identities(&client, &[r"CORP\ana", r"CORP\bo", r"CORP\cy"]).await;
    let with = |identities: Value| json!({ "Id": 2, "Name": "r", "Description": "d", "Identities": identities });
    let named = |name: &str| json!({ "AccountName": name, "SID": "S-1-5" });
    post(&client, ROLES, &with(json!([named(r"corp\BO"), named(r"CORP\ana")]))).await.expect(200);
    assert_eq!(accounts(&client, "/Security/Roles/2").await, [r"CORP\ana", r"CORP\bo"]);
    let answer =
        put(&client, ROLES, &with(json!([named(r"CORP\cy"), named(r"CORP\bo"), named(r"CORP\cy")]))).await.expect(200);
    let identity = json!({ "Id": 2, "AccountName": r"CORP\bo", "IdentityType": "User", "SID": null });
    assert_eq!(answer["Identities"][0], identity);
    assert_eq!(accounts(&client, "/Security/Roles/2").await, [r"CORP\bo", r"CORP\cy"]);
    // What is not sent stays, in both versions; an empty list revokes the role from all.
    put(&client, ROLES, &json!({ "Id": 2, "Name": "r" })).await.expect(200);
    call_in(&client, "2", Method::PUT, ROLES, Some(&json!({ "Id": 2, "Name": "r" }))).await.expect(200);
    let listed = get(&client, "/Security/Roles?QueryString=Name%20-eq%20%22r%22").await.expect(200);
    assert_eq!(listed[0]["Identities"].as_array().unwrap().len(), 2);
    let identities = get(&client, "/Security/Identities").await.expect(200);
    assert!(identities.as_array().unwrap().iter().all(|identity| identity["Valid"] == true), "{identities}");
    put(&client, ROLES, &with(json!([]))).await.expect(200);
    assert_eq!(accounts(&client, "/Security/Roles/2").await, [""; 0]);
}

#[actix_web::test]
async fn who_may_not_list_identities_sees_none_in_a_role() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    create_identities(&client, &[r"CORP\ana"]).await;
    post(&client, ROLES, &json!({ "Name": "r", "Identities": [{ "AccountName": r"CORP\ana" }] })).await.expect(200);
    let reader = client_holding(&app, "/security/read/").await;
    assert_eq!(accounts(&reader, "/Security/Roles/2").await, [""; 0]);
    assert!(!get(&reader, ROLES).await.text.contains("CORP"));
}

#[actix_web::test]
async fn an_identity_that_was_modified_outside_gets_no_role() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    create_identities(&client, &[r"CORP\ana"]).await;
    post(&client, ROLES, &json!({ "Name": "r" })).await.expect(200);
    app.database.run("UPDATE identity SET identity_type = 'Group'");
    let sent = json!({ "Id": 2, "Name": "r", "Identities": [{ "AccountName": r"CORP\ana" }] });
    put(&client, ROLES, &sent).await.expect_error(400, "AccountName");
    assert_eq!(accounts(&client, "/Security/Roles/2").await, [""; 0]);
}

/// Each identity is looked up in the only writer, while all other clients wait.
#[actix_web::test]
async fn a_role_is_sent_with_at_most_1000_identities() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    create_identities(&client, &[r"CORP\ana", r"CORP\bo"]).await;
    let named = |name: &str| json!({ "AccountName": name });
    let sent = |identities: Vec<Value>| json!({ "Id": 2, "Name": "r", "Identities": identities });
    let mut identities = vec![named(r" corp\ANA "); 999];
    identities.push(named(r"CORP\bo"));
    post(&client, ROLES, &sent(identities.clone())).await.expect(200);
    assert_eq!(accounts(&client, "/Security/Roles/2").await, [r"CORP\ana", r"CORP\bo"]);
    identities.push(named(r"CORP\canary"));
    let answer = put(&client, ROLES, &sent(identities)).await;
    answer.expect_error(400, "AccountName");
    assert!(answer.text.contains("1000") && !answer.text.contains("canary"), "{}", answer.text);
    assert_eq!(accounts(&client, "/Security/Roles/2").await, [r"CORP\ana", r"CORP\bo"]);
}
