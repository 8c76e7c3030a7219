//! Who holds a role, and its permissions on single providers.

use reqwest::Method;
use serde_json::{Value, json};

use super::{administrator, call_in, client_holding, create_local_provider, get, post, put};
use crate::support::TestApp;

const ROLES: &str = "/Security/Roles";
const IDENTITIES: &str = "/Security/Roles/2/Identities";
const PROVIDERS: &str = "/Security/Roles/2/Permissions/PamProviders";

#[actix_web::test]
async fn the_identities_of_a_role_are_replaced_by_their_ids() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    for name in [r"CORP\ana", r"CORP\jo"] {
        post(&client, "/Security/Identities", &json!({ "AccountName": name })).await.expect(200);
    }
    post(&client, ROLES, &json!({ "Name": "r" })).await.expect(200);
    let ana = json!({ "Id": 1, "Name": r"CORP\ana" });
    let jo = json!({ "Id": 2, "Name": r"CORP\jo" });
    for (ids, held) in [(json!([2, 1, 2]), json!([ana, jo])), (json!([2]), json!([jo])), (json!([]), json!([]))] {
        assert_eq!(put(&client, IDENTITIES, &json!({ "Ids": ids })).await.expect(200), held);
        assert_eq!(get(&client, IDENTITIES).await.expect(200), held);
    }
    put(&client, IDENTITIES, &json!({ "Ids": [1] })).await.expect(200);
    for (sent, name) in [
        (json!({}), "Ids"),
        (json!({ "Ids": [1, 9] }), "Ids"),
        (json!({ "Ids": ["1"] }), "Ids"),
        (json!({ "Ids": 1 }), "Ids"),
    ] {
        put(&client, IDENTITIES, &sent).await.expect_error(400, name);
    }
    assert_eq!(get(&client, IDENTITIES).await.expect(200), json!([ana]), "a refused write changes nothing");
    assert_eq!(get(&client, "/Security/Identities").await.expect(200)[0]["Valid"], true);
    put(&client, "/Security/Roles/9/Identities", &json!({ "Ids": [] })).await.expect_error(404, "role");
    get(&client, "/Security/Roles/9/Identities").await.expect_error(404, "role");
    // An immutable role has holders, too.
    put(&client, "/Security/Roles/1/Identities", &json!({ "Ids": [2] })).await.expect(200);
    let reader = client_holding(&app, "/security/read/").await;
    get(&reader, IDENTITIES).await.expect_error(403, "permission");
    put(&reader, IDENTITIES, &json!({ "Ids": [] })).await.expect_error(403, "permission");
    let written =
        "SELECT object FROM audit_record WHERE action = 'role.set-holders' AND outcome = 'ok' ORDER BY object";
    assert_eq!(app.database.texts(written), ["role:1", "role:2", "role:2", "role:2", "role:2"]);
}

#[actix_web::test]
async fn an_identity_that_was_changed_from_outside_gets_no_role() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    post(&client, "/Security/Identities", &json!({ "AccountName": r"CORP\ana" })).await.expect(200);
    post(&client, ROLES, &json!({ "Name": "r" })).await.expect(200);
    app.database.run("UPDATE identity SET identity_type = 'Group'");
    put(&client, IDENTITIES, &json!({ "Ids": [1] })).await.expect_error(400, "");
    assert_eq!(get(&client, IDENTITIES).await.expect(200), json!([]));
}

#[actix_web::test]
async fn the_permissions_on_single_providers_are_replaced_and_the_others_stay() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    for name in ["p1", "p2"] {
        create_local_provider(&client, name).await;
    }
    let role =
        json!({ "Name": "r", "Description": "", "Permissions": ["/security/read/", "/pam/read/1/", "/pam/read/99/"] });
    call_in(&client, "2", Method::POST, ROLES, Some(&role)).await.expect(200);
    assert_eq!(
        get(&client, PROVIDERS).await.expect(200),
        json!([{ "PamProviderId": 1, "Name": "p1", "Permissions": ["Read"] }]),
        "no provider has the number 99"
    );
    let sent = json!([{ "PamProviderId": 2, "Permissions": ["modify", "Read"] }, { "pamProviderId": 1 }]);
    let expected = json!([{ "PamProviderId": 2, "Name": "p2", "Permissions": ["Read", "Modify"] }]);
    assert_eq!(put(&client, PROVIDERS, &sent).await.expect(200), expected);
    assert_eq!(get(&client, PROVIDERS).await.expect(200), expected);
    let permissions = async || {
        let role = call_in(&client, "2", Method::GET, "/Security/Roles/2", None).await.expect(200);
        role["Permissions"].clone()
    };
    assert_eq!(permissions().await, json!(["/security/read/", "/pam/read/2/", "/pam/modify/2/"]));
    let holder = super::client_with_roles(&app, &["r"]).await;
    get(&holder, "/PamProviders/2").await.expect(200);
    get(&holder, "/PamProviders/1").await.expect_error(403, "permission");
    // A name is for who may read the provider.
    let security = client_holding(&app, "/security/read/").await;
    assert_eq!(get(&security, PROVIDERS).await.expect(200)[0]["Name"], Value::Null);
    assert_eq!(put(&client, PROVIDERS, &json!([])).await.expect(200), json!([]));
    assert_eq!(permissions().await, json!(["/security/read/"]));
}

#[actix_web::test]
async fn permissions_on_providers_that_make_no_sense_are_refused_by_name() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    create_local_provider(&client, "p1").await;
    let set =
        post(&client, "/PermissionSets", &json!({ "Name": "s", "Permissions": ["/security/"] })).await.expect(200);
    let role = json!({ "Name": "r", "Description": "", "PermissionSetId": set["Id"], "Permissions": [] });
    call_in(&client, "2", Method::POST, ROLES, Some(&role)).await.expect(200);
    let read = json!(["Read"]);
    for (sent, name) in [
        (json!([{ "Permissions": read }]), "PamProviderId"),
        (json!([{ "PamProviderId": 9, "Permissions": read }]), "PamProviderId"),
        (json!([{ "PamProviderId": 1 }, { "PamProviderId": 1 }]), "PamProviderId"),
        (json!([{ "PamProviderId": "1" }]), "PamProviderId"),
        (json!([{ "PamProviderId": 1, "Permissions": ["Modify"] }]), "Permissions"),
        (json!([{ "PamProviderId": 1, "Permissions": ["Delete"] }]), "Permissions"),
        (json!([{ "PamProviderId": 1, "Permissions": "Read" }]), "Permissions"),
        (json!([{ "PamProviderId": 1, "Permissions": read }]), "permission set"),
        (json!({ "PamProviderId": 1 }), "array"),
        (json!([1]), "array"),
    ] {
        put(&client, PROVIDERS, &sent).await.expect_error(400, name);
    }
    put(&client, "/Security/Roles/1/Permissions/PamProviders", &json!([])).await.expect_error(409, "immutable");
    put(&client, "/Security/Roles/9/Permissions/PamProviders", &json!([])).await.expect_error(404, "role");
    get(&client, "/Security/Roles/9/Permissions/PamProviders").await.expect_error(404, "role");
    let repeated = client.request(Method::PUT, &format!("/KeyfactorAPI{PROVIDERS}"));
    let repeated =
        repeated.header("Content-Type", "application/json").body(r#"[{"PamProviderId":1,"pamproviderid":1}]"#);
    client.send(repeated).await.expect_error(400, "PamProviderId");
    let writer = client_holding(&app, "/security/modify/").await;
    get(&writer, PROVIDERS).await.expect_error(403, "permission");
}

#[actix_web::test]
async fn everybody_hears_of_the_permission_sets_of_the_own_roles() {
    let app = TestApp::start().await;
    let client = client_holding(&app, "/pam/read/1/").await;
    let sets = get(&client, "/PermissionSets/My").await.expect(200);
    assert_eq!((sets.as_array().unwrap().len(), &sets[0]["Name"]), (1, &json!("Global")));
    let none = super::client_with_roles(&app, &[]).await;
    assert_eq!(get(&none, "/PermissionSets/My").await.expect(200), json!([]));
    assert_eq!(get(&none, "/permissionsets/my").await.expect(200), json!([]));
}
