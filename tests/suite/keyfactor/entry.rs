//! Entries of local PAM providers (contract, section 5), the page on POST among the documents, and how an application
//! reads what was written there.

use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::operation::Action;
use serde_json::{Value, json};

use super::{administrator, call_in, create_local_provider, create_type, delete, get, post, put};
use crate::support::{TestApp, TestClient};

const ENTRIES: &str = "/PamProviders/Local/1/Entries";

/// The local provider 1.
async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    create_local_provider(&client, "local").await;
    (app, client)
}

fn versions(app: &TestApp) -> Vec<i32> {
    app.database.numbers("SELECT version FROM secret WHERE kind = 'provider.entry' ORDER BY owner_id, version")
}

#[actix_web::test]
async fn an_entry_is_created_as_the_page_says() {
    let (app, client) = vault().await;
    let sent =
        json!({ "SecretName": "db-root", "Description": "The root of the database", "SecretValue": "Pa55-w0rd" });
    let made = post(&client, ENTRIES, &sent).await;
    let expected = json!({ "ProviderId": 1, "SecretName": "db-root", "Description": "The root of the database" });
    assert_eq!(made.expect(200), expected, "the secret is not returned");
    assert_eq!(made.header("api-supported-versions"), Some("1.0"));
    let bare = post(&client, ENTRIES, &json!({ "secretname": "app", "SECRETVALUE": "s" })).await.expect(200);
    assert_eq!(bare, json!({ "ProviderId": 1, "SecretName": "app", "Description": null }));
    let listed = get(&client, ENTRIES).await;
    assert_eq!((listed.expect(200), listed.header("x-total-count")), (json!([bare, expected]), Some("2")));
    assert!(!listed.text.contains("Pa55"));
    call_in(&client, "2", reqwest::Method::GET, ENTRIES, None).await.expect_error(400, "x-keyfactor-api-version");
    assert_eq!(versions(&app), [1, 1]);
    let mut records = app
        .database
        .texts("SELECT action || ' ' || object || ' ' || outcome FROM audit_record WHERE action LIKE 'entry.%'");
    records.sort_unstable();
    let expected = [
        "entry.create entry:1 ok",
        "entry.create entry:2 ok",
        "entry.list  api-version-not-supported",
        "entry.list provider:1 ok",
    ];
    assert_eq!(records, expected);
}

#[actix_web::test]
async fn an_update_clears_the_description_and_keeps_the_secret_unless_one_is_sent() {
    let (app, client) = vault().await;
    let sent = json!({ "SecretName": "Db-Root", "Description": "old", "SecretValue": "one" });
    post(&client, ENTRIES, &sent).await.expect(200);
    for (sent, description, kept) in [
        (json!({ "SecretName": "db-root", "Description": "new" }), json!("new"), 1),
        (json!({ "SecretName": "DB-ROOT", "SecretValue": null }), json!(null), 1),
        (json!({ "SecretName": "db-root", "SecretValue": "two", "Description": "" }), json!(""), 2),
        (json!({ "SecretName": "db-root", "SecretValue": "two", "Description": null }), json!(null), 2),
    ] {
        let expected = json!({ "ProviderId": 1, "SecretName": "Db-Root", "Description": description });
        assert_eq!(put(&client, ENTRIES, &sent).await.expect(200), expected);
        assert_eq!(versions(&app).len(), kept, "{sent}");
    }
    put(&client, ENTRIES, &json!({ "SecretName": "other" })).await.expect_error(404, "no such entry");
}

#[actix_web::test]
async fn a_deleted_entry_is_gone_with_its_secret_and_its_links() {
    let (app, client) = vault().await;
    post(&client, ENTRIES, &json!({ "SecretName": "a b/c", "SecretValue": "s" })).await.expect(200);
    let reader = app.client().await;
    app.link(&reader, LinkTarget::Entry("1/A b/c".into())).await;
    delete(&client, ENTRIES).await.expect_error(400, "secretName");
    delete(&client, &format!("{ENTRIES}?secretName=other")).await.expect_error(404, "no such entry");
    delete(&client, "/PamProviders/1").await.expect_error(409, "entries");
    let gone = delete(&client, &format!("{ENTRIES}?SecretName=A%20B%2Fc")).await;
    assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""));
    assert_eq!(versions(&app), [0; 0]);
    assert_eq!(
        app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM authorization_link WHERE object_kind = 'entry'"),
        [0]
    );
    post(&client, ENTRIES, &json!({ "SecretName": "a b/c", "SecretValue": "t" })).await.expect(200);
    assert_eq!(delete(&client, &format!("{ENTRIES}?secretName=a+b%2Fc")).await.status, 204);
    assert_eq!(delete(&client, "/PamProviders/1").await.status, 204);
}

#[actix_web::test]
async fn what_makes_no_entry_is_refused_by_name() {
    let (app, client) = vault().await;
    post(&client, ENTRIES, &json!({ "SecretName": "taken", "SecretValue": "s" })).await.expect(200);
    for (sent, status, field) in [
        (json!({ "SecretValue": "s" }), 400, "SecretName"),
        (json!({ "SecretName": " ", "SecretValue": "s" }), 400, "SecretName"),
        (json!({ "SecretName": 1, "SecretValue": "s" }), 400, "SecretName"),
        (json!({ "SecretName": "x".repeat(257), "SecretValue": "s" }), 400, "SecretName"),
        (json!({ "SecretName": "n", "SecretValue": "" }), 400, "SecretValue"),
        (json!({ "SecretName": "n", "SecretValue": "  " }), 400, "SecretValue"),
        (json!({ "SecretName": "n", "SecretValue": 5 }), 400, "SecretValue"),
        (json!({ "SecretName": "n", "SecretValue": "x".repeat(65537) }), 400, "SecretValue"),
        (json!({ "SecretName": "n", "SecretValue": "s", "Description": [] }), 400, "Description"),
        (json!({ "SecretName": "n", "SecretValue": "s", "Description": "x".repeat(1025) }), 400, "Description"),
    ] {
        post(&client, ENTRIES, &sent).await.expect_error(status, field);
        put(&client, ENTRIES, &sent).await.expect_error(status, field);
    }
    post(&client, ENTRIES, &json!({ "SecretName": "n" })).await.expect_error(400, "SecretValue");
    post(&client, ENTRIES, &json!({ "SecretName": "TAKEN", "SecretValue": "s" })).await.expect_error(409, "SecretName");
    assert_eq!(get(&client, ENTRIES).await.expect(200).as_array().unwrap().len(), 1);
    assert_eq!(versions(&app), [1]);

    let (type_id, ..) = create_type(&client, "remote").await;
    let other = json!({ "Name": "other", "Remote": true, "ProviderType": { "Id": type_id } });
    assert_eq!(post(&client, "/PamProviders", &other).await.expect(200)["Id"], 2);
    let entry = json!({ "SecretName": "n", "SecretValue": "s" });
    for (provider, status, part) in [
        ("2", 400, "Command Secret Provider"),
        ("9", 404, "PAM provider"),
        ("0", 400, "providerId"),
        ("x", 400, "providerId"),
    ] {
        let path = format!("/PamProviders/Local/{provider}/Entries");
        get(&client, &path).await.expect_error(status, part);
        post(&client, &path, &entry).await.expect_error(status, part);
        put(&client, &path, &entry).await.expect_error(status, part);
        delete(&client, &format!("{path}?secretName=n")).await.expect_error(status, part);
    }
}

#[actix_web::test]
async fn entries_are_listed_in_parts_sorted_and_filtered() {
    let (_app, client) = vault().await;
    create_local_provider(&client, "second").await;
    for (name, description) in [("b", Some("Main 100%")), ("a", None), ("C", Some("main"))] {
        let sent = json!({ "SecretName": name, "Description": description, "SecretValue": "s" });
        post(&client, ENTRIES, &sent).await.expect(200);
    }
    post(&client, "/PamProviders/Local/2/Entries", &json!({ "SecretName": "z", "SecretValue": "s" })).await.expect(200);
    let listed = async |query: &str| {
        let answer = get(&client, &format!("{ENTRIES}?{query}")).await;
        let names: Vec<Value> =
            answer.expect(200).as_array().unwrap().iter().map(|row| row["SecretName"].clone()).collect();
        (
            names.iter().map(|name| name.as_str().unwrap()).collect::<String>(),
            answer.header("x-total-count").unwrap().to_string(),
        )
    };
    for (query, names, total) in [
        ("", "abC", "3"),
        ("SortAscending=1", "Cba", "3"),
        ("SortField=Description", "aCb", "3"),
        ("SortField=description&SortAscending=1", "bCa", "3"),
        ("ReturnLimit=2&PageReturned=2", "C", "3"),
        ("QueryString=SecretName%20-eq%20c", "C", "1"),
        ("QueryString=Description%20-eq%20NULL", "a", "1"),
        ("QueryString=Description%20-notcontains%20%22100%25%22", "aC", "2"),
        ("QueryString=Description%20-startswith%20MAIN", "bC", "2"),
    ] {
        assert_eq!(listed(query).await, (names.into(), total.into()), "{query}");
    }
    get(&client, &format!("{ENTRIES}?QueryString=SecretValue%20-eq%20s")).await.expect_error(400, "QueryString");
    get(&client, &format!("{ENTRIES}?SortField=SecretValue")).await.expect_error(400, "SortField");
}

#[actix_web::test]
async fn an_application_reads_what_it_is_linked_to_and_nothing_else() {
    let (app, client) = vault().await;
    for name in ["db-root", "other"] {
        post(&client, ENTRIES, &json!({ "SecretName": name, "Description": "d", "SecretValue": "Pa55-w0rd" }))
            .await
            .expect(200);
    }
    let reader = app.read_only_client().await;
    reader.get("/iso/pam/provider/1/entry/db-root").await.expect_refusal(400, "Entry not found");
    app.link(&reader, LinkTarget::Entry("local/db-root".into())).await;
    for path in ["/iso/pam/provider/1/entry/db-root", "/api/pam/provider/1/entry/DB-ROOT"] {
        let body = reader.get(path).await.expect(200);
        let expected = json!({ "provider": "1", "name": "db-root", "description": "d", "content": "Pa55-w0rd" });
        assert_eq!(body["entry"], expected, "{path}");
    }
    put(&client, ENTRIES, &json!({ "SecretName": "db-root", "SecretValue": "new" })).await.expect(200);
    assert_eq!(reader.get("/iso/pam/provider/1/entry/db-root").await.expect(200)["entry"]["content"], "new");
    for path in [
        "1/entry/other",
        "1/entry/none",
        "2/entry/db-root",
        "x/entry/db-root",
        "01/entry/db-root",
        "%2B1/entry/db-root",
        "1/entry/%00",
    ] {
        reader.get(&format!("/iso/pam/provider/{path}")).await.expect_refusal(400, "Entry not found");
    }
    // What writes entries does not read them.
    client.get("/iso/pam/provider/1/entry/db-root").await.expect_refusal(403, "not authorized");
    // On PostgreSQL each writer has a chain of its own.
    let records = app.database.texts(
        "SELECT object || ' ' || outcome FROM audit_record WHERE action = 'entry.read' AND object <> '' ORDER BY 1",
    );
    let expected = ["entry:1 entry-not-found", "entry:1 ok", "entry:1 ok", "entry:1 ok", "entry:2 entry-not-found"];
    assert_eq!(records, expected);
    for key in ["local/none", "none/db-root", "1", "9/db-root"] {
        assert!(
            app.vault
                .link(app.operator(Action::AUTHORIZATION_LINK).await, &reader.client_id, LinkTarget::Entry(key.into()))
                .await
                .is_err(),
            "{key}"
        );
    }
}

#[actix_web::test]
async fn a_sealed_secret_opens_in_its_own_place_alone() {
    let (app, client) = vault().await;
    for name in ["a", "b"] {
        post(&client, ENTRIES, &json!({ "SecretName": name, "SecretValue": format!("secret of {name}") }))
            .await
            .expect(200);
    }
    let reader = app.client().await;
    app.link(&reader, LinkTarget::Entry("1/a".into())).await;
    app.database.run(
        "UPDATE secret SET sealed = (SELECT s.sealed FROM secret s WHERE s.kind = 'provider.entry' AND s.owner_id = 2)
         WHERE kind = 'provider.entry' AND owner_id = 1",
    );
    let answer = reader.get("/iso/pam/provider/1/entry/a").await;
    answer.expect_refusal(500, "Unexpected error");
    assert!(!answer.text.contains("secret of"));
}

#[actix_web::test]
async fn the_same_name_from_many_tasks_is_one_entry() {
    let (_app, client) = vault().await;
    let sent = json!({ "SecretName": "same", "SecretValue": "s" });
    let answers = futures_util::future::join_all((0..32).map(|_| post(&client, ENTRIES, &sent))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    answers.iter().filter(|answer| answer.status != 200).for_each(|answer| answer.expect_error(409, "SecretName"));
}
