//! PAM providers (contract, section 3), and the page on PUT among the documents.

use reqwest::Method;
use serde_json::{Value, json};

use super::{LOCAL_TYPE, administrator, call_in, create_local_provider, create_type, delete, get, post, put};
use crate::support::{TestApp, TestClient};

async fn put_in(client: &TestClient, version: &str, body: &Value) -> crate::support::Answer {
    call_in(client, version, Method::PUT, "/PamProviders", Some(body)).await
}

/// The versions that are kept of provider secrets.
fn versions(app: &TestApp) -> Vec<i32> {
    app.database.numbers("SELECT version FROM secret WHERE kind = 'provider.parameter' ORDER BY owner_id, version")
}

/// A provider with a host and a token.
async fn provider(client: &TestClient) -> (Value, String, i64, i64) {
    let (id, host, token) = create_type(client, "my-type").await;
    let sent = json!({ "Name": "vault-a", "ProviderType": { "Id": id }, "ProviderTypeParamValues": [
        { "Value": "https://a", "ProviderTypeParam": { "Id": host } },
        { "Value": "T0ken-of-a", "ProviderTypeParam": { "Id": token } }
    ] });
    (post(client, "/PamProviders", &sent).await.expect(200), id, host, token)
}

#[actix_web::test]
async fn the_printed_example_creates_a_provider_and_is_answered_as_the_tables_say() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    // Numbers 10 to 18, so that the printed 19, 20 and 21 are those of the printed parameters.
    let filler: Vec<Value> = (10..19).map(|number| json!({ "Name": format!("p{number}") })).collect();
    post(&client, "/PamProviders/Types", &json!({ "Name": "filler", "Parameters": filler })).await.expect(200);
    let delinea = json!({ "Name": "Delinea", "Parameters": [
        { "Name": "Host", "DisplayName":"Secret Server URL", "InstanceLevel":false, "DataType": 1 },
        { "Name":"Username", "DisplayName":"Secret Server Username", "InstanceLevel":false, "DataType": 2 },
        { "Name":"Password", "DisplayName":"Secret Server Password", "InstanceLevel":false, "DataType": 2 },
        { "Name":"SecretId", "DisplayName":"Secret Server Secret ID", "InstanceLevel":true, "DataType": 1 },
        { "Name":"SecretFieldName", "DisplayName":"Secret Field Name", "InstanceLevel":true, "DataType": 1 }
    ] });
    let id = post(&client, "/PamProviders/Types", &delinea).await.expect(200)["Id"].clone();
    let mut printed = json!({ "name": "PAMProviders.Delinea.PAMProvider",
        "providerType": { "id": "bd1762ce-3ea5-41fb-bfb4-1b6de6393fa3" },
        "providerTypeParamValues": [
            { "providerTypeParam": { "Id": 19 }, "Value": "https://MyDelineaURL" },
            { "providerTypeParam": { "Id": 20 }, "Value": "MyDelineaServiceAccountUser" },
            { "providerTypeParam": { "Id": 21 }, "Value": "MySuperSecretPasswordtoAccessDelinea" } ] });
    post(&client, "/PamProviders", &printed).await.expect_error(400, "ProviderType.Id");
    printed["providerType"]["id"] = id;
    let made = post(&client, "/PamProviders", &printed).await.expect(200);
    let redacted = |body: &Value| {
        let mut body = body.clone();
        body["ProviderType"]["Id"] = "[guid of the type]".into();
        for place in [1, 2] {
            let value = &mut body["ProviderTypeParamValues"][place];
            assert_eq!(value["Value"], value["InstanceGuid"]);
            assert!(uuid::Uuid::parse_str(value["Value"].as_str().unwrap()).is_ok());
            value["Value"] = "[reference]".into();
            value["InstanceGuid"] = "[reference]".into();
        }
        body
    };
    insta::assert_json_snapshot!("provider_version_1", redacted(&made));

    // The same page's PUT: the example again, with the number.
    printed["id"] = made["Id"].clone();
    printed["Remote"] = true.into();
    let first = put_in(&client, "1", &printed).await.expect(200);
    let second = put_in(&client, "2", &printed).await.expect(200);
    insta::assert_json_snapshot!("provider_version_2", redacted(&second));
    for (name, value) in second.as_object().unwrap() {
        assert_eq!(value, &first[name], "{name}");
    }
    assert_eq!((&first["Area"], &first["SecuredAreaId"]), (&json!(1), &json!(null)));
    assert_eq!((second.get("Area"), second.get("SecuredAreaId")), (None, None));
    for answer in [&made, &first, &second] {
        assert!(!answer.to_string().contains("MySuperSecret") && !answer.to_string().contains("MyDelineaService"));
    }
}

#[actix_web::test]
async fn a_provider_goes_round_as_recorded_clients_send_it() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let (type_id, host, token) = create_type(&client, "my-type").await;
    // PascalCase, with the parameter's number as the element's own, which does not count.
    let sent = json!({ "Name": "vault-a", "Remote": false, "Area": 0, "ProviderType": { "Id": type_id, "Name": "my-type" },
        "ProviderTypeParamValues": [
            { "Id": host, "Value": "https://a", "ProviderTypeParam": { "Id": host, "Name": "Host", "DataType": 1 } },
            { "Id": token, "Value": "s3cret", "ProviderTypeParam": { "Id": token, "Name": "Token", "DataType": 2 } }
        ] });
    let made = post(&client, "/PamProviders", &sent).await.expect(200);
    assert_eq!((&made["Id"], &made["Area"]), (&json!(1), &json!(0)));
    let ids: Vec<_> = made["ProviderTypeParamValues"].as_array().unwrap().iter().map(|value| &value["Id"]).collect();
    assert_eq!(ids, [&json!(1), &json!(2)]);
    assert_eq!(get(&client, "/PamProviders/1").await.expect(200), made);
    let listed = get(&client, "/PamProviders").await;
    assert_eq!((listed.expect(200), listed.header("x-total-count")), (json!([made]), Some("1")));

    let mut changed = sent.clone();
    changed["Id"] = made["Id"].clone();
    changed["Name"] = "vault-b".into();
    changed["ProviderTypeParamValues"][1]["Value"] = "another".into();
    let updated = put(&client, "/PamProviders", &changed).await.expect(200);
    let mut expected = made.clone();
    expected["Name"] = "vault-b".into();
    assert_eq!(updated, expected, "numbers and references stay");
    assert_eq!(versions(&app), [1, 2]);

    let gone = delete(&client, "/PamProviders/1").await;
    assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""));
    get(&client, "/PamProviders/1").await.expect_error(404, "PAM provider");
    delete(&client, "/PamProviders/1").await.expect_error(404, "PAM provider");
    put(&client, "/PamProviders", &changed).await.expect_error(404, "PAM provider");
    assert_eq!(versions(&app), [0; 0], "the secrets went with it");
    // Numbers are not used again.
    assert_eq!(post(&client, "/PamProviders", &sent).await.expect(200)["Id"], 2);
}

#[actix_web::test]
async fn what_was_read_can_be_sent_back_and_changes_nothing() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let (made, ..) = provider(&client).await;
    for version in ["1", "2"] {
        let read = call_in(&client, version, Method::GET, "/PamProviders/1", None).await.expect(200);
        assert_eq!(put_in(&client, version, &read).await.expect(200), read);
        assert_eq!(get(&client, "/PamProviders/1").await.expect(200), made);
    }
    assert_eq!(versions(&app), [1], "the secret is the one that was sent first");
}

#[actix_web::test]
async fn the_reference_of_a_secret_or_nothing_keeps_it_and_anything_else_replaces_it() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let (made, ..) = provider(&client).await;
    let reference = made["ProviderTypeParamValues"][1]["Value"].as_str().unwrap().to_string();
    let mut sent = made.clone();
    let mut stored = 1;
    for (value, replaces) in [
        (json!(reference.to_uppercase()), false),
        (json!(null), false),
        (json!("********************"), true),
        (json!(uuid::Uuid::new_v4().to_string()), true),
        (json!(" "), true),
        (json!(format!("{reference} ")), true),
    ] {
        sent["ProviderTypeParamValues"][1]["Value"] = value;
        // A reference of the client's own is not taken for ours.
        sent["ProviderTypeParamValues"][1]["InstanceGuid"] = json!(uuid::Uuid::new_v4().to_string());
        let answer = put(&client, "/PamProviders", &sent).await.expect(200);
        assert_eq!(answer, made);
        stored += i32::from(replaces);
        assert_eq!(versions(&app).len(), usize::try_from(stored).unwrap());
    }
    sent["ProviderTypeParamValues"][1]["Value"] = "".into();
    put(&client, "/PamProviders", &sent).await.expect_error(400, "ProviderTypeParamValues.Value");
    sent["ProviderTypeParamValues"][1].as_object_mut().unwrap().remove("Value");
    assert_eq!(put(&client, "/PamProviders", &sent).await.expect(200), made);
}

/// A client that copies a provider sends the references of its secrets, believing that they stand for them.
#[actix_web::test]
async fn the_reference_of_another_secret_is_refused_and_nothing_is_changed() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let (made, _, host, token) = provider(&client).await;
    let reference = made["ProviderTypeParamValues"][1]["Value"].as_str().unwrap().to_string();
    let copy = |name: &str, token_value: Value| {
        json!({ "Name": name, "ProviderType": { "Id": made["ProviderType"]["Id"] }, "ProviderTypeParamValues": [
            { "Value": "https://b", "InstanceGuid": "bd1762ce-3ea5-41fb-bfb4-1b6de6393fa3", "ProviderTypeParam": { "Id": host } },
            { "Value": token_value, "ProviderTypeParam": { "Id": token } } ] })
    };
    for sent in [reference.clone(), reference.to_uppercase(), format!(" {reference}\n"), format!("{{{reference}}}")] {
        let answer = post(&client, "/PamProviders", &copy("vault-b", json!(sent))).await;
        answer.expect_error(400, "ProviderTypeParamValues.Value");
        assert!(!answer.text.contains(&reference), "{}", answer.text);
    }
    // A GUID of the client's own beside a text value is no reference, nor is one of a secret that is gone.
    let other = post(&client, "/PamProviders", &copy("vault-b", json!("bd1762ce-3ea5-41fb-bfb4-1b6de6393fa3"))).await;
    let mut other = other.expect(200);
    let before = versions(&app);
    other["ProviderTypeParamValues"][1]["Value"] = json!(reference);
    put(&client, "/PamProviders", &other).await.expect_error(400, "ProviderTypeParamValues.Value");
    assert_eq!(versions(&app), before);
    assert_eq!(delete(&client, "/PamProviders/1").await.status, 204);
    put(&client, "/PamProviders", &other).await.expect(200);
}

#[actix_web::test]
async fn what_is_not_sent_is_cleared() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let (type_id, host, token) = create_type(&client, "my-type").await;
    let full = json!({ "Id": 1, "Name": "p", "Area": 3, "SecuredAreaId": 4, "Remote": true, "ProviderType": { "Id": type_id },
        "ProviderTypeParamValues": [
            { "Value": "h", "InstanceId": 5, "InstanceGuid": "BD1762CE-3EA5-41FB-BFB4-1B6DE6393FA3",
              "ProviderTypeParam": { "Id": host } },
            { "Value": "t", "InstanceId": 6, "ProviderTypeParam": { "name": "token" } }
        ] });
    let made = post(&client, "/PamProviders", &full).await.expect(200);
    let values = &made["ProviderTypeParamValues"];
    assert_eq!((&made["Area"], &made["SecuredAreaId"], &made["Remote"]), (&json!(3), &json!(4), &json!(true)));
    assert_eq!(values[0]["InstanceGuid"], "bd1762ce-3ea5-41fb-bfb4-1b6de6393fa3");
    assert_eq!((&values[0]["InstanceId"], &values[1]["InstanceId"]), (&json!(5), &json!(6)));
    assert_eq!(values[1]["ProviderTypeParam"]["Id"], json!(token));

    // Version 2 does not know areas and leaves them alone; a value that is not listed goes, with its secret.
    let bare = json!({ "Id": 1, "Name": "p", "Remote": true,
        "ProviderTypeParamValues": [{ "Value": "h2", "ProviderTypeParam": { "Id": host } }] });
    put_in(&client, "2", &bare).await.expect(200);
    let read = get(&client, "/PamProviders/1").await.expect(200);
    assert_eq!((&read["Area"], &read["SecuredAreaId"], &read["Remote"]), (&json!(3), &json!(4), &json!(true)));
    let left = read["ProviderTypeParamValues"].as_array().unwrap();
    assert_eq!((left.len(), &left[0]["Value"], &left[0]["InstanceId"]), (1, &json!("h2"), &json!(null)));
    assert_eq!(left[0]["InstanceGuid"], json!(null));
    assert_eq!(versions(&app), [0; 0]);

    // Version 1 clears areas. Remote becomes false, so the values are required again.
    let mut first = json!({ "Id": 1, "Name": "p", "ProviderType": { "Id": type_id } });
    put(&client, "/PamProviders", &first).await.expect_error(400, "Host");
    first["Remote"] = true.into();
    let cleared = put(&client, "/PamProviders", &first).await.expect(200);
    assert_eq!((&cleared["Area"], &cleared["SecuredAreaId"]), (&json!(1), &json!(null)));
    assert_eq!(cleared["ProviderTypeParamValues"], json!([]));
}

#[actix_web::test]
async fn what_makes_no_provider_is_refused_by_name_and_changes_nothing() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let (made, type_id, host, token) = provider(&client).await;
    create_local_provider(&client, "taken").await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut sent = made.clone();
        change(&mut sent);
        sent
    };
    let value = |value: Value, parameter: Value| json!({ "Value": value, "ProviderTypeParam": parameter });
    let instance = host + 2;
    let refused: Vec<(Value, u16, &str)> = vec![
        (with(&|sent| sent["Name"] = json!("")), 400, "Name"),
        (with(&|sent| sent["Name"] = json!(null)), 400, "Name"),
        (with(&|sent| sent["Name"] = json!(" TAKEN ")), 409, "Name"),
        (with(&|sent| sent["Remote"] = json!("false")), 400, "Remote"),
        (with(&|sent| sent["Area"] = json!("x")), 400, "Area"),
        (with(&|sent| sent["SecuredAreaId"] = json!(1.5)), 400, "SecuredAreaId"),
        (with(&|sent| sent["ProviderType"] = json!(type_id)), 400, "ProviderType"),
        (with(&|sent| sent["ProviderType"]["Id"] = json!("x")), 400, "ProviderType.Id"),
        (with(&|sent| sent["ProviderType"]["Id"] = json!(null)), 400, "ProviderType.Id"),
        (with(&|sent| sent["ProviderType"]["Id"] = json!(uuid::Uuid::new_v4().to_string())), 400, "ProviderType.Id"),
        (with(&|sent| sent["ProviderTypeParamValues"] = json!([])), 400, "ProviderTypeParamValues"),
        (with(&|sent| sent["ProviderTypeParamValues"] = json!({})), 400, "ProviderTypeParamValues"),
        (with(&|sent| sent["ProviderTypeParamValues"][1] = json!("x")), 400, "ProviderTypeParamValues"),
        (with(&|sent| sent["ProviderTypeParamValues"][0]["Value"] = json!("")), 400, "ProviderTypeParamValues.Value"),
        (with(&|sent| sent["ProviderTypeParamValues"][0]["Value"] = json!(null)), 400, "ProviderTypeParamValues.Value"),
        (with(&|sent| sent["ProviderTypeParamValues"][0]["Value"] = json!(1)), 400, "ProviderTypeParamValues.Value"),
        (with(&|sent| sent["ProviderTypeParamValues"][0]["Value"] = json!("x".repeat(65537))), 400, "Value"),
        (with(&|sent| sent["ProviderTypeParamValues"][0]["InstanceGuid"] = json!("x")), 400, "InstanceGuid"),
        (
            with(&|sent| sent["ProviderTypeParamValues"][0]["ProviderTypeParam"] = json!({})),
            400,
            "ProviderTypeParam.Id",
        ),
        (
            with(&|sent| sent["ProviderTypeParamValues"][0] = value(json!("x"), json!({ "Id": 1 }))),
            400,
            "ProviderTypeParam.Id",
        ),
        (
            with(&|sent| sent["ProviderTypeParamValues"][0] = value(json!("x"), json!({ "Id": token }))),
            400,
            "ProviderTypeParam.Id",
        ),
        (
            with(&|sent| {
                sent["ProviderTypeParamValues"]
                    .as_array_mut()
                    .unwrap()
                    .push(value(json!("x"), json!({ "Id": instance })))
            }),
            400,
            "ProviderTypeParam.Id",
        ),
    ];
    let before = app.database.texts("SELECT name || type_id || changed_at FROM provider ORDER BY id");
    for (mut sent, status, field) in refused {
        // The secret beside what is wrong would have been replaced first.
        if sent["ProviderTypeParamValues"][1].is_object() {
            sent["ProviderTypeParamValues"][1]["Value"] = "must-not-be-kept".into();
        }
        put(&client, "/PamProviders", &sent).await.expect_error(status, field);
        sent.as_object_mut().unwrap().remove("Id");
        if sent["Name"] == "vault-a" {
            sent["Name"] = "new".into();
        }
        post(&client, "/PamProviders", &sent).await.expect_error(status, field);
    }
    for id in [json!(null), json!("1"), json!(1.5)] {
        put(&client, "/PamProviders", &with(&|sent| sent["Id"] = id.clone())).await.expect_error(400, "parameter Id");
    }
    put(&client, "/PamProviders", &with(&|sent| sent["Id"] = json!(99))).await.expect_error(404, "PAM provider");
    put(&client, "/PamProviders", &with(&|sent| sent["ProviderType"]["Id"] = json!(LOCAL_TYPE)))
        .await
        .expect_error(400, "ProviderType.Id");
    assert_eq!(get(&client, "/PamProviders/1").await.expect(200), made);
    assert_eq!(app.database.texts("SELECT name || type_id || changed_at FROM provider ORDER BY id"), before);
    assert_eq!(versions(&app), [1], "nothing of a PUT that failed halfway is kept");
    for id in ["0", "-1", "x", "1.5", "99999999999", "+1"] {
        get(&client, &format!("/PamProviders/{id}")).await.expect_error(400, "id");
        delete(&client, &format!("/PamProviders/{id}")).await.expect_error(400, "id");
    }
}

#[actix_web::test]
async fn secrets_are_sealed_and_nowhere_else() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    provider(&client).await;
    for sql in
        ["SELECT coalesce(value, '') FROM provider_value", "SELECT action || object || outcome FROM audit_record"]
    {
        assert!(app.database.texts(sql).iter().all(|text| !text.contains("T0ken")), "{sql}");
    }
    assert_eq!(app.database.texts("SELECT value FROM provider_value WHERE value IS NOT NULL"), ["https://a"]);
    let records = app
        .database
        .texts("SELECT action || ' ' || object || ' ' || outcome FROM audit_record WHERE action LIKE 'provider.%'");
    assert_eq!(records, ["provider.create provider:1 ok"]);
}

#[actix_web::test]
async fn the_same_name_from_many_tasks_is_one_provider() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let sent = json!({ "Name": "same", "ProviderType": { "Id": LOCAL_TYPE } });
    let answers = futures_util::future::join_all((0..32).map(|_| post(&client, "/PamProviders", &sent))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    answers.iter().filter(|answer| answer.status != 200).for_each(|answer| answer.expect_error(409, "Name"));
}
