//! Types of PAM providers (contract, section 4).

use serde_json::{Value, json};

use super::{LOCAL_TYPE, administrator, call_in, create_local_provider, create_type, delete, get, post, put};
use crate::support::TestApp;

#[actix_web::test]
async fn the_built_in_types_have_the_ids_that_clients_know() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let answer = get(&client, "/PamProviders/Types").await;
    insta::assert_json_snapshot!("types", answer.expect(200));
    assert_eq!(answer.header("x-total-count"), None, "this list has no parts");
    let one = get(&client, &format!("/PamProviders/Types/{LOCAL_TYPE}")).await.expect(200);
    assert_eq!(one, answer.json()[0]);
    let upper = get(&client, &format!("/PamProviders/Types/{}", LOCAL_TYPE.to_uppercase())).await.expect(200);
    assert_eq!(upper, one);
}

#[actix_web::test]
async fn a_type_is_created_read_and_deleted() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    // In the case of one published client, with members that mean nothing here.
    let sent = json!({ "name": "my-type", "parameters": [
        { "name": "Host", "displayName": "The host", "dataType": 1, "instanceLevel": false, "Description": "ignored" },
        { "Name": "Password", "DataType": 2, "InstanceLevel": true },
        { "Name": "Bare" }
    ] });
    let made = post(&client, "/PamProviders/Types", &sent).await.expect(200);
    let id = made["Id"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().to_string(), id);
    let expected = json!({ "Id": id, "Name": "my-type", "Parameters": [
        { "Id": 10, "Name": "Host", "DisplayName": "The host", "DataType": 1, "InstanceLevel": false },
        { "Id": 11, "Name": "Password", "DisplayName": null, "DataType": 2, "InstanceLevel": true },
        { "Id": 12, "Name": "Bare", "DisplayName": null, "DataType": 1, "InstanceLevel": false }
    ] });
    assert_eq!(made, expected);
    let path = format!("/PamProviders/Types/{id}");
    assert_eq!(get(&client, &path).await.expect(200), expected);
    let gone = delete(&client, &path).await;
    assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""));
    get(&client, &path).await.expect_error(404, "provider type");
    delete(&client, &path).await.expect_error(404, "provider type");
    // Both versions know types alike, and a type needs no parameter.
    let bare =
        call_in(&client, "2", reqwest::Method::POST, "/PamProviders/Types", Some(&json!({ "Name": "bare" }))).await;
    assert_eq!(bare.expect(200)["Parameters"], json!([]));
    put(&client, "/PamProviders/Types", &sent).await.expect_error(405, "method");
}

#[actix_web::test]
async fn what_makes_no_type_is_refused_by_name() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let with = |parameter: Value| json!({ "Name": "t", "Parameters": [parameter] });
    for (sent, field) in [
        (json!({}), "Name"),
        (json!({ "Name": "  " }), "Name"),
        (json!({ "Name": 7 }), "Name"),
        (json!({ "Name": "x".repeat(257) }), "Name"),
        (json!({ "Name": "a\nb" }), "Name"),
        (json!({ "Name": "t", "Parameters": {} }), "Parameters"),
        (json!({ "Name": "t", "Parameters": ["Host"] }), "Parameters"),
        (with(json!({})), "Parameters.Name"),
        (with(json!({ "Name": "a", "DataType": 3 })), "Parameters.DataType"),
        (with(json!({ "Name": "a", "DataType": "1" })), "Parameters.DataType"),
        (with(json!({ "Name": "a", "InstanceLevel": "no" })), "Parameters.InstanceLevel"),
        (with(json!({ "Name": "a", "DisplayName": "x".repeat(1025) })), "Parameters.DisplayName"),
        (json!({ "Name": "t", "Parameters": [{ "Name": "a" }, { "Name": "A" }] }), "Parameters.Name"),
    ] {
        post(&client, "/PamProviders/Types", &sent).await.expect_error(400, &format!("parameter {field}:"));
    }
    for name in ["cyberark", "COMMAND secret Provider"] {
        post(&client, "/PamProviders/Types", &json!({ "Name": name })).await.expect_error(409, "Name");
    }
    get(&client, "/PamProviders/Types/not-a-guid").await.expect_error(400, "id");
    delete(&client, "/PamProviders/Types/7").await.expect_error(400, "id");
    assert_eq!(get(&client, "/PamProviders/Types").await.expect(200).as_array().unwrap().len(), 3);
}

#[actix_web::test]
async fn a_type_that_is_built_in_or_in_use_stays() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    delete(&client, &format!("/PamProviders/Types/{LOCAL_TYPE}")).await.expect_error(409, "built in");
    let (id, ..) = create_type(&client, "mine").await;
    let sent = json!({ "Name": "p", "ProviderType": { "Id": id }, "Remote": true });
    let provider = post(&client, "/PamProviders", &sent).await.expect(200)["Id"].clone();
    delete(&client, &format!("/PamProviders/Types/{id}")).await.expect_error(409, "in use");
    create_local_provider(&client, "other").await;
    delete(&client, &format!("/PamProviders/{provider}")).await;
    assert_eq!(delete(&client, &format!("/PamProviders/Types/{id}")).await.status, 204);
}

#[actix_web::test]
async fn the_same_name_from_many_tasks_is_one_type() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let sent = json!({ "Name": "same", "Parameters": [{ "Name": "a" }, { "Name": "b" }] });
    let answers = futures_util::future::join_all((0..32).map(|_| post(&client, "/PamProviders/Types", &sent))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    answers.iter().filter(|answer| answer.status != 200).for_each(|answer| answer.expect_error(409, "Name"));
    assert_eq!(app.database.numbers("SELECT id FROM provider_type_parameter WHERE id > 9 ORDER BY 1").len(), 2);
}
