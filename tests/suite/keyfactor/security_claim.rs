//! Claims, as SDK 25 and the claim, role and association resources of Terraform read and write them.

use chaveiro::vault::access::Resource;
use reqwest::Method;
use serde_json::{Value, json};

use super::{administrator, call_in, client_holding, delete, get, post, put};
use crate::support::{Answer, TestApp, TestClient};

const CLAIMS: &str = "/Security/Claims";
const ROLES: &str = "/Security/Roles";

fn claim(kind: i32, value: &str, scheme: &str) -> Value {
    json!({ "ClaimType": kind, "ClaimValue": value, "ProviderAuthenticationScheme": scheme, "Description": "a claim" })
}

/// A call in version 2.
async fn second(client: &TestClient, method: Method, path: &str, body: &Value) -> Answer {
    call_in(client, "2", method, path, (!body.is_null()).then_some(body)).await
}

#[actix_web::test]
async fn a_claim_goes_round_as_it_does_for_terraform() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let answer = post(&client, CLAIMS, &claim(5, "tf-claim", "System")).await;
    let made = answer.expect(200);
    assert_eq!(answer.header("api-supported-versions"), Some("1.0"));
    let provider = &made["Provider"];
    assert_eq!((&provider["AuthenticationScheme"], &provider["DisplayName"]), (&json!("System"), &json!("System")));
    assert_eq!(provider["Id"].as_str().unwrap().len(), 36);
    assert_eq!(
        made,
        json!({ "Id": 1, "Description": "a claim", "ClaimType": "OAuthSubject", "ClaimValue": "tf-claim",
                             "Provider": provider })
    );
    assert_eq!(get(&client, "/Security/Claims/1").await.expect(200), made);
    let changed = put(&client, CLAIMS, &json!({ "Id": 1, "Description": "changed" })).await.expect(200);
    assert_eq!((&changed["Description"], &changed["ClaimValue"]), (&json!("changed"), &json!("tf-claim")));
    // As the data source asks.
    let query = "QueryString=%28%28ClaimValue+-eq+%22tf-claim%22+and+ClaimType+-eq+5%29%29";
    post(&client, CLAIMS, &claim(6, "tf-claim", "Okta")).await.expect(200);
    let found = get(&client, &format!("{CLAIMS}?{query}")).await;
    assert_eq!((found.expect(200), found.header("x-total-count")), (json!([changed]), Some("1")));
    let sorted = get(&client, &format!("{CLAIMS}?SortField=ClaimType&SortAscending=1&ReturnLimit=1")).await;
    assert_eq!(
        (&sorted.expect(200)[0]["ClaimType"], sorted.header("x-total-count")),
        (&json!("OAuthClientId"), Some("2"))
    );
    assert_eq!(delete(&client, "/Security/Claims/1").await.status, 204);
    get(&client, "/Security/Claims/1").await.expect_error(404, "claim");
    let records = app.database.texts("SELECT object FROM audit_record WHERE action LIKE 'claim.%' AND object <> ''");
    assert_eq!(records.iter().filter(|object| *object == "claim:1").count(), 4, "{records:?}");
}

#[actix_web::test]
async fn what_is_no_claim_is_refused_by_name() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    post(&client, CLAIMS, &claim(6, "Taken", "System")).await.expect(200);
    post(&client, CLAIMS, &claim(6, "taken", "SYSTEM")).await.expect_error(409, "ClaimValue");
    let without = |name: &str| {
        let mut sent = claim(6, "x", "System");
        sent.as_object_mut().unwrap().remove(name);
        sent
    };
    let mut long = claim(6, "x", "System");
    long["ClaimValue"] = json!("x".repeat(513));
    for (sent, name) in [
        (without("ClaimType"), "ClaimType"),
        (without("ClaimValue"), "ClaimValue"),
        (without("ProviderAuthenticationScheme"), "ProviderAuthenticationScheme"),
        (claim(7, "x", "System"), "ClaimType"),
        (claim(6, " ", "System"), "ClaimValue"),
        (claim(6, "a\nb", "System"), "ClaimValue"),
        (long, "ClaimValue"),
    ] {
        post(&client, CLAIMS, &sent).await.expect_error(400, name);
    }
    put(&client, CLAIMS, &json!({ "Description": "x" })).await.expect_error(400, "Id");
    put(&client, CLAIMS, &json!({ "Id": 9, "Description": "x" })).await.expect_error(404, "claim");
    delete(&client, "/Security/Claims/9").await.expect_error(404, "claim");
    get(&client, "/Security/Claims/x").await.expect_error(400, "id");
    get(&client, &format!("{CLAIMS}?SortField=Provider")).await.expect_error(400, "SortField");
    get(&client, &format!("{CLAIMS}?QueryString=Provider+-eq+1")).await.expect_error(400, "QueryString");
    get(&client, "/Security/Claims/Roles?ClaimType=6").await.expect_error(400, "ClaimValue");
    get(&client, "/Security/Claims/Roles?ClaimType=9&ClaimValue=x").await.expect_error(400, "ClaimType");
}

/// The association of Terraform reads a role, adds a claim and writes the role back.
#[actix_web::test]
async fn a_role_of_version_2_has_claims_and_keeps_those_that_are_not_sent() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let mut role = json!({ "Name": "r", "Description": "", "Permissions": ["/pam/read/"] });
    role["Id"] = second(&client, Method::POST, ROLES, &role).await.expect(200)["Id"].clone();
    post(&client, CLAIMS, &claim(6, "first", "System")).await.expect(200);
    role["Claims"] = json!([claim(6, "first", "System"), claim(4, "operators", "Okta"), claim(6, "FIRST", "system")]);
    let written = second(&client, Method::PUT, ROLES, &role).await.expect(200);
    assert_eq!(written["Claims"].as_array().unwrap().len(), 2, "{written}");
    assert_eq!(written["Claims"][1]["ClaimType"], "OAuthRole");
    let path = format!("{ROLES}/{}", role["Id"]);
    assert_eq!(second(&client, Method::GET, &path, &Value::Null).await.expect(200), written);
    let listed = second(&client, Method::GET, ROLES, &Value::Null).await.expect(200);
    assert_eq!((&listed[0]["ClaimsCount"], &listed[1]["ClaimsCount"]), (&json!(0), &json!(2)), "{listed}");
    let of_claim = "ClaimType=OAuthRole&ClaimValue=operators&ProviderAuthenticationScheme=okta";
    let roles = get(&client, &format!("/Security/Claims/Roles?{of_claim}")).await.expect(200);
    assert_eq!(
        roles,
        json!([{ "Id": role["Id"], "Name": "r", "Description": "",
                               "PermissionSetId": written["PermissionSetId"] }])
    );
    let unknown = "ClaimType=0&ClaimValue=nobody&ProviderAuthenticationScheme=okta";
    assert_eq!(get(&client, &format!("/Security/Claims/Roles?{unknown}")).await.expect(200), json!([]));
    // Neither the role resource, which sends no claims, nor version 1 takes them away.
    role.as_object_mut().unwrap().remove("Claims");
    assert_eq!(second(&client, Method::PUT, ROLES, &role).await.expect(200)["Claims"].as_array().unwrap().len(), 2);
    put(&client, ROLES, &json!({ "Id": role["Id"], "Name": "r", "Permissions": [] })).await.expect(200);
    delete(&client, "/Security/Claims/1").await;
    let left = second(&client, Method::GET, &path, &Value::Null).await.expect(200);
    assert_eq!(left["Claims"].as_array().unwrap().len(), 1, "{left}");
    role["Claims"] = json!([]);
    assert_eq!(second(&client, Method::PUT, ROLES, &role).await.expect(200)["Claims"], json!([]));
    role["Claims"] = json!([{ "ClaimValue": "x" }]);
    second(&client, Method::PUT, ROLES, &role).await.expect_error(400, "ClaimType");
    role["Claims"] = json!([claim(6, "new", "System")]);
    second(&client, Method::PUT, ROLES, &role).await.expect(200);
    assert_eq!(delete(&client, &path).await.status, 204);
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM security_claim_role"), [0]);
}

#[actix_web::test]
async fn a_claim_of_this_vault_grants_its_roles_to_the_client_that_it_names_and_others_grant_nothing() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    for (kind, scheme, granted) in [(6, "System", true), (5, "system", true), (6, "Okta", false), (4, "System", false)]
    {
        let client = app.client_with(|request| request.resources = vec![Resource::Administration]).await;
        let name = format!("{kind} {scheme}");
        let role = json!({ "Name": name, "Description": "", "Permissions": ["/pam/read/"],
                           "Claims": [claim(kind, &client.client_id, scheme)] });
        get(&client, "/PamProviders").await.expect_error(403, "permission");
        let id = second(&admin, Method::POST, ROLES, &role).await.expect(200)["Id"].clone();
        let status = if granted { 200 } else { 403 };
        assert_eq!(get(&client, "/PamProviders").await.status, status, "{name}");
        post(&client, "/PamProviders/Types", &json!({ "Name": "t" })).await.expect_error(403, "permission");
        // Only who holds a role in a set is told of it.
        let sets = get(&client, "/PermissionSets/My").await.expect(200).as_array().unwrap().len();
        assert_eq!(sets, usize::from(granted), "{name}");
        assert_eq!(delete(&admin, &format!("{ROLES}/{id}")).await.status, 204);
        get(&client, "/PamProviders").await.expect_error(403, "permission");
    }
}

#[actix_web::test]
async fn a_client_is_named_in_any_case_and_the_operator_sees_what_a_claim_grants() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let client = app.client_with(|request| request.resources = vec![Resource::Administration]).await;
    let role = json!({ "Name": "by claim", "Description": "", "Permissions": ["/pam/read/"],
                       "Claims": [claim(6, &client.client_id.to_uppercase(), "System")] });
    second(&admin, Method::POST, ROLES, &role).await.expect(200);
    get(&client, "/PamProviders").await.expect(200);
    let permit = app.operator(chaveiro::vault::operation::Action::AUTHORIZATION_LIST).await;
    let listed = app.vault.authorizations(permit).await.unwrap();
    let row = listed.iter().find(|row| row.client_id == client.client_id).unwrap();
    assert_eq!(row.roles, ["by claim"]);
}

#[actix_web::test]
async fn a_role_is_sent_with_at_most_1000_claims() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let claims: Vec<Value> = (0..1001).map(|number| claim(6, &number.to_string(), "Okta")).collect();
    let role = json!({ "Name": "r", "Description": "", "Permissions": ["/pam/read/"], "Claims": claims });
    second(&admin, Method::POST, ROLES, &role).await.expect_error(400, "1000 claims");
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM security_claim"), [0]);
}

#[actix_web::test]
async fn claims_are_read_by_a_reader_and_written_through_the_global_set() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    post(&admin, CLAIMS, &claim(6, "x", "System")).await.expect(200);
    let (reader, writer) =
        (client_holding(&app, "/security/read/").await, client_holding(&app, "/security/modify/").await);
    get(&reader, CLAIMS).await.expect(200);
    get(&writer, CLAIMS).await.expect_error(403, "permission");
    post(&reader, CLAIMS, &claim(6, "y", "System")).await.expect_error(403, "permission");
    post(&writer, CLAIMS, &claim(6, "y", "System")).await.expect(200);
    let set = json!({ "Name": "narrow", "Permissions": ["/security/"] });
    let set = post(&admin, "/PermissionSets", &set).await.expect(200)["Id"].clone();
    let role = json!({ "Name": "outside", "Description": "", "PermissionSetId": set, "Permissions": ["/security/"] });
    second(&admin, Method::POST, ROLES, &role).await.expect(200);
    let outside = super::client_with_roles(&app, &["outside"]).await;
    get(&outside, CLAIMS).await.expect(200);
    post(&outside, CLAIMS, &claim(6, "z", "System")).await.expect_error(403, "permission");
    delete(&outside, "/Security/Claims/1").await.expect_error(403, "permission");
    assert_eq!(get(&outside, "/PermissionSets/My").await.expect(200)[0]["Name"], "narrow");
}
