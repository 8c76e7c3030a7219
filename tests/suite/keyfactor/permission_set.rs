//! Permission sets are written, and bound their roles from the answer on (contract, section 7).

use reqwest::Method;
use serde_json::{Value, json};

use super::{administrator, call_in, client_with_roles, create_local_provider, delete, get, post, put};
use crate::support::{TestApp, TestClient};

const SETS: &str = "/PermissionSets";
const GLOBAL: &str = "099c05f0-deba-4562-a5b1-f491e19c0749";

/// Creates a set and returns its GUID.
async fn create(client: &TestClient, name: &str, permissions: &Value) -> String {
    let sent = json!({ "Name": name, "Permissions": permissions });
    post(client, SETS, &sent).await.expect(200)["Id"].as_str().unwrap().into()
}

#[actix_web::test]
async fn a_set_goes_round() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let id = create(&client, " PAM ", &json!(["/PAM/Read"])).await;
    let made = json!({ "Id": id, "Name": "PAM", "Permissions": ["/pam/read/"] });
    assert_eq!(get(&client, &format!("{SETS}/{id}")).await.expect(200), made);
    assert_eq!(get(&client, SETS).await.expect(200).as_array().unwrap().len(), 2);
    let changed = json!({ "Id": id.to_uppercase(), "name": "pam", "permissions": ["/pam/", "/security/read/"] });
    let answer = put(&client, SETS, &changed).await.expect(200);
    assert_eq!(answer, json!({ "Id": id, "Name": "pam", "Permissions": ["/pam/", "/security/read/"] }));
    let cleared = put(&client, SETS, &json!({ "Id": id, "Name": "pam" })).await.expect(200);
    assert_eq!(cleared["Permissions"], json!([]));
    let gone = delete(&client, &format!("{SETS}/{id}")).await;
    assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""));
    for answer in [
        get(&client, &format!("{SETS}/{id}")).await,
        put(&client, SETS, &changed).await,
        delete(&client, &format!("{SETS}/{id}")).await,
    ] {
        answer.expect_error(404, "permission set");
    }
    let objects = app.database.texts(
        "SELECT DISTINCT object FROM audit_record WHERE action LIKE 'permission-set.%' AND object != '' ORDER BY 1",
    );
    assert_eq!(objects, [format!("permission-set:{id}")]);
}

#[actix_web::test]
async fn what_makes_no_set_is_refused_by_name() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    create(&client, "one", &json!([])).await;
    let two = create(&client, "two", &json!([])).await;
    for (sent, status, field) in [
        (json!({}), 400, "Name"),
        (json!({ "Name": " " }), 400, "Name"),
        (json!({ "Name": "ONE" }), 409, "Name"),
        (json!({ "Name": "global" }), 409, "Name"),
        (json!({ "Name": "x", "Permissions": "/" }), 400, "Permissions"),
        (json!({ "Name": "x", "Permissions": ["pam"] }), 400, "Permissions"),
    ] {
        post(&client, SETS, &sent).await.expect_error(status, field);
    }
    put(&client, SETS, &json!({ "Name": "x" })).await.expect_error(400, "Id");
    put(&client, SETS, &json!({ "Id": "x", "Name": "x" })).await.expect_error(400, "Id");
    put(&client, SETS, &json!({ "Id": two, "Name": "One" })).await.expect_error(409, "Name");
    put(&client, SETS, &json!({ "Id": GLOBAL, "Name": "x" })).await.expect_error(409, "built in");
    delete(&client, &format!("{SETS}/{GLOBAL}")).await.expect_error(409, "built in");
    delete(&client, &format!("{SETS}/x")).await.expect_error(400, "id");
}

#[actix_web::test]
async fn a_set_bounds_the_holders_of_its_roles_at_once() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    create_local_provider(&client, "p").await;
    let id = create(&client, "readers", &json!(["/pam/read/"])).await;
    let role = json!({ "Name": "r", "PermissionSetId": id, "Permissions": ["/pam/read/1/"] });
    call_in(&client, "2", Method::POST, "/Security/Roles", Some(&role)).await.expect(200);
    let holder = client_with_roles(&app, &["r"]).await;
    get(&holder, "/PamProviders/1").await.expect(200);
    delete(&client, &format!("{SETS}/{id}")).await.expect_error(409, "in use");

    let narrow = |permissions: Value| json!({ "Id": id, "Name": "readers", "Permissions": permissions });
    put(&client, SETS, &narrow(json!(["/pam/read/2/"]))).await.expect(200);
    get(&holder, "/PamProviders/1").await.expect_error(403, "permission");
    put(&client, SETS, &narrow(json!(["/"]))).await.expect(200);
    get(&holder, "/PamProviders/1").await.expect(200);
    // A role that may write sets, and is not in the global one, cannot widen its own.
    let role = json!({ "Id": 2, "Name": "r", "PermissionSetId": id, "Permissions": ["/"] });
    call_in(&client, "2", Method::PUT, "/Security/Roles", Some(&role)).await.expect(200);
    put(&holder, SETS, &narrow(json!(["/"]))).await.expect_error(403, "permission");
    post(&holder, SETS, &json!({ "Name": "x" })).await.expect_error(403, "permission");

    call_in(&client, "2", Method::DELETE, "/Security/Roles/2", None).await;
    assert_eq!(delete(&client, &format!("{SETS}/{id}")).await.status, 204);
}
