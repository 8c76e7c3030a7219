//! Roles and permission sets (contract, section 7).

use chaveiro::vault::operation::Action;
use reqwest::Method;
use serde_json::{Value, json};

use super::{administrator, call_in, client_with_roles, create_local_provider, get};
use crate::support::{Answer, TestApp, TestClient};

const ROLES: &str = "/Security/Roles";
const VERSION: &str = "x-keyfactor-api-version";
const GLOBAL: &str = "099c05f0-deba-4562-a5b1-f491e19c0749";

async fn second(client: &TestClient, method: Method, path: &str, body: Option<&Value>) -> Answer {
    call_in(client, "2", method, path, body).await
}

#[actix_web::test]
async fn roles_go_round_in_version_2() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let listed = second(&client, Method::GET, ROLES, None).await;
    let built_in = json!({ "Id": 1, "Name": "Administrator", "EmailAddress": null, "Immutable": true,
        "PermissionSetId": GLOBAL, "ClaimsCount": 0 });
    assert_eq!((listed.expect(200), listed.header("x-total-count")), (json!([built_in]), Some("1")));
    assert_eq!(listed.header("api-supported-versions"), Some("1.0, 2"));
    get(&client, ROLES).await.expect(200);

    let sent = json!({ "name": "types", "description": "reads types", "emailAddress": "a@b.c", "permissionSetId": GLOBAL,
        "permissions": ["/metadata/types/read/", "/PAM/Read"], "claims": [] });
    let made = second(&client, Method::POST, ROLES, Some(&sent)).await.expect(200);
    let mut expected = json!({ "Id": 2, "Name": "types", "Description": "reads types", "EmailAddress": "a@b.c",
        "Immutable": false, "PermissionSetId": GLOBAL, "Permissions": ["/metadata/types/read/", "/pam/read/"], "Claims": [] });
    assert_eq!(made, expected);
    assert_eq!(second(&client, Method::GET, "/Security/Roles/2", None).await.expect(200), expected);
    let found = second(&client, Method::GET, "/security/roles?pq.queryString=name%20-eq%20%22TYPES%22", None).await;
    let row = json!({ "Id": 2, "Name": "types", "EmailAddress": "a@b.c", "Immutable": false, "PermissionSetId": GLOBAL,
        "ClaimsCount": 0 });
    assert_eq!((found.expect(200), found.header("x-total-count")), (json!([row]), Some("1")));
    let with_claims = json!({ "Name": "r", "Claims": [{ "ClaimType": "x" }] });
    second(&client, Method::POST, ROLES, Some(&with_claims)).await.expect_error(400, "Claims");

    let cleared = second(&client, Method::PUT, ROLES, Some(&json!({ "Id": 2, "Name": "Types" }))).await.expect(200);
    for (name, value) in [
        ("Name", json!("Types")),
        ("Description", json!("")),
        ("EmailAddress", json!(null)),
        ("Permissions", json!([])),
    ] {
        expected[name] = value;
    }
    assert_eq!(cleared, expected);
    let gone = second(&client, Method::DELETE, "/Security/Roles/2", None).await;
    assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""));
    second(&client, Method::GET, "/Security/Roles/2", None).await.expect_error(404, "role");
}

/// Published clients create roles in version 2 and delete them in version 1, most of them without a header.
#[actix_web::test]
async fn a_role_is_deleted_in_every_version() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    for version in [Some("1"), Some("1.0"), None, Some("2"), Some("2.0")] {
        let made = second(&client, Method::POST, ROLES, Some(&json!({ "Name": "r" }))).await.expect(200);
        let path = format!("/KeyfactorAPI/Security/Roles/{}", made["Id"]);
        let request = client.request(Method::DELETE, &path);
        let request = version.into_iter().fold(request, |request, version| request.header(VERSION, version));
        let gone = client.send(request).await;
        assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""), "{version:?}");
        assert_eq!(gone.header("api-supported-versions"), Some("1.0, 2"));
    }
    let third = client.request(Method::DELETE, "/KeyfactorAPI/Security/Roles/1").header(VERSION, "3");
    client.send(third).await.expect_error(400, "x-keyfactor-api-version");
}

/// Terraform looks a role up by its name in version 1.
#[actix_web::test]
async fn roles_are_listed_and_read_in_version_1() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let sent = json!({ "Name": "readers", "Description": "d", "Permissions": ["/pam/read/"] });
    second(&client, Method::POST, ROLES, Some(&sent)).await.expect(200);
    let expected = json!({ "Id": 2, "Description": "d", "EmailAddress": null, "Enabled": true, "Immutable": false,
        "Valid": null, "Private": false, "PermissionSetId": GLOBAL, "Identities": [], "Name": "readers",
        "Permissions": ["PrivilegedAccessManagement:Read"] });
    let found = get(&client, "/Security/Roles?pq.queryString=Name%20-eq%20%22readers%22").await;
    assert_eq!((found.expect(200), found.header("x-total-count")), (json!([expected]), Some("1")));
    assert_eq!(get(&client, "/Security/Roles/2").await.expect(200), expected);
}

#[actix_web::test]
async fn malformed_claims_of_a_role_are_refused_and_nothing_is_changed() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let made = second(&client, Method::POST, ROLES, Some(&json!({ "Name": "r" }))).await.expect(200);
    for claims in [json!([{ "ClaimType": "OAuthRoles", "ClaimValue": "ops" }]), json!(["x"]), json!("x"), json!({})] {
        for name in ["Claims", "claims"] {
            let sent = json!({ "Id": 2, "Name": "changed", name: claims });
            second(&client, Method::PUT, ROLES, Some(&sent)).await.expect_error(400, "Claims");
        }
    }
    assert_eq!(second(&client, Method::GET, "/Security/Roles/2", None).await.expect(200), made);
}

#[actix_web::test]
async fn what_makes_no_role_is_refused_by_name() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    for (sent, status, field) in [
        (json!({}), 400, "Name"),
        (json!({ "Name": "ADMINISTRATOR" }), 409, "Name"),
        (json!({ "Name": "r", "Permissions": "/" }), 400, "Permissions"),
        (json!({ "Name": "r", "Permissions": [1] }), 400, "Permissions"),
        (json!({ "Name": "r", "Permissions": ["pam"] }), 400, "Permissions"),
        (json!({ "Name": "r", "Permissions": ["/pam/modify/#/"] }), 400, "Permissions"),
        (json!({ "Name": "r", "PermissionSetId": "x" }), 400, "PermissionSetId"),
        (json!({ "Name": "r", "PermissionSetId": LOCAL }), 400, "PermissionSetId"),
        (json!({ "Name": "r", "Description": "x".repeat(1025) }), 400, "Description"),
    ] {
        second(&client, Method::POST, ROLES, Some(&sent)).await.expect_error(status, field);
    }
    app.database.run("INSERT INTO permission_set (id, name, name_key, permissions) VALUES ('bd1762ce-3ea5-41fb-bfb4-1b6de6393fa3', 'P', 'p', '/pam/read/')");
    let within = |permission: &str| json!({ "Name": "r", "PermissionSetId": "bd1762ce-3ea5-41fb-bfb4-1b6de6393fa3", "Permissions": [permission] });
    second(&client, Method::POST, ROLES, Some(&within("/pam/"))).await.expect_error(400, "Permissions");
    second(&client, Method::POST, ROLES, Some(&within("/pam/read/5/"))).await.expect(200);
    for (method, path, body) in
        [(Method::PUT, ROLES, Some(json!({ "Id": 1, "Name": "x" }))), (Method::DELETE, "/Security/Roles/1", None)]
    {
        second(&client, method, path, body.as_ref()).await.expect_error(409, "immutable");
    }
    second(&client, Method::PUT, ROLES, Some(&json!({ "Name": "x" }))).await.expect_error(400, "Id");
    second(&client, Method::PUT, ROLES, Some(&json!({ "Id": 9, "Name": "x" }))).await.expect_error(404, "role");
}

const LOCAL: &str = "54ebf9ac-a1e4-48ae-b16e-1bfb9755465c";

#[actix_web::test]
async fn a_role_counts_from_the_answer_on_and_until_the_answer() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    for number in 1..=10 {
        create_local_provider(&client, &format!("p{number}")).await;
    }
    let sent = json!({ "Name": "one", "Permissions": ["/pam/read/1/"] });
    second(&client, Method::POST, ROLES, Some(&sent)).await.expect(200);
    let holder = client_with_roles(&app, &["one"]).await;
    get(&holder, "/PamProviders/1").await.expect(200);
    get(&holder, "/PamProviders/10").await.expect_error(403, "permission");
    let sent = json!({ "Id": 2, "Name": "one", "Permissions": ["/pam/read/10/"] });
    second(&client, Method::PUT, ROLES, Some(&sent)).await.expect(200);
    get(&holder, "/PamProviders/1").await.expect_error(403, "permission");
    get(&holder, "/PamProviders/10").await.expect(200);
    // Another node hears of it by the mark.
    let node = app.second_node();
    assert_eq!(second(&client, Method::DELETE, "/Security/Roles/2", None).await.status, 204);
    node.refresh().await.unwrap();
    get(&holder, "/PamProviders/10").await.expect_error(403, "permission");
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM authorization_role WHERE role_id = 2"), [0]);
    node.close();
}

#[actix_web::test]
async fn a_role_that_is_deleted_leaves_its_holders_valid() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    second(&client, Method::POST, ROLES, Some(&json!({ "Name": "r" }))).await.expect(200);
    for account in [r"CORP\jo", r"CORP\al"] {
        app.vault.create_identity(app.operator(Action::IDENTITY_CREATE).await, account).await.unwrap();
        app.vault.grant_identity_role(app.operator(Action::IDENTITY_GRANT_ROLE).await, account, "r").await.unwrap();
    }
    app.database.run("UPDATE identity SET identity_type = 'Group' WHERE id = 2");
    assert_eq!(second(&client, Method::DELETE, "/Security/Roles/2", None).await.status, 204);
    let listed = get(&client, "/Security/Identities").await.expect(200);
    assert_eq!((&listed[0]["Valid"], &listed[1]["Valid"]), (&json!(true), &json!(false)), "{listed}");
    assert_eq!(listed[0]["Roles"], json!([]));
}

#[actix_web::test]
async fn one_permission_set_is_there_from_the_beginning() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let global = json!({ "Id": GLOBAL, "Name": "Global", "Permissions": ["/"] });
    let listed = get(&client, "/permissionsets").await;
    assert_eq!((listed.expect(200), listed.header("x-total-count")), (json!([global]), Some("1")));
    for (query, total) in [("Name%20-eq%20global", "1"), ("Name%20-ne%20global", "0"), ("name%20-startswith%20x", "0")]
    {
        let found = get(&client, &format!("/PermissionSets?SortField=Name&SortAscending=1&QueryString={query}")).await;
        assert_eq!((found.status.as_u16(), found.header("x-total-count")), (200, Some(total)), "{query}");
    }
    get(&client, "/PermissionSets?QueryString=Permissions%20-eq%20x").await.expect_error(400, "QueryString");
    assert_eq!(get(&client, "/PermissionSets?PageReturned=2").await.expect(200), json!([]));
    assert_eq!(get(&client, &format!("/PermissionSets/{GLOBAL}")).await.expect(200), global);
    get(&client, &format!("/PermissionSets/{LOCAL}")).await.expect_error(404, "permission set");
}
