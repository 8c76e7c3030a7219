//! Security identities (contract, section 6), and the page on POST among the documents.

use chaveiro::config::{DirectoryKind, ListedAccount, ListedKind};
use chaveiro::vault::operation::Action;
use serde_json::{Value, json};

use super::{administrator, call_in, client_holding, delete, get, post};
use crate::support::{TestApp, TestClient};

const IDENTITIES: &str = "/Security/Identities";

/// A vault whose directory lists a user and a group.
async fn vault() -> (TestApp, TestClient) {
    let listed = |name: &str, kind| ListedAccount { name: name.into(), r#type: kind };
    let app = TestApp::start_with(|settings| {
        let directory = &mut settings.directory;
        directory.kind = DirectoryKind::List;
        directory.domain = "KEYEXAMPLE".into();
        directory.accounts = vec![
            listed(r"KEYEXAMPLE\PKI Administrators", ListedKind::Group),
            listed(r"KEYEXAMPLE\Jo", ListedKind::User),
        ];
    })
    .await;
    let client = administrator(&app).await;
    (app, client)
}

async fn create(client: &TestClient, account: &str) -> Value {
    post(client, IDENTITIES, &json!({ "AccountName": account })).await.expect(200)
}

#[actix_web::test]
async fn the_printed_account_becomes_an_identity() {
    let (app, client) = vault().await;
    // The page's own example, with its backslash doubled as JSON wants it.
    let request = client.request(reqwest::Method::POST, "/KeyfactorAPI/Security/Identities");
    let printed = r#"{"AccountName": "KEYEXAMPLE\\PKI Administrators"}"#;
    let made = client.send(request.header("content-type", "application/json").body(printed)).await;
    let group = json!({ "Id": 1, "AccountName": r"KEYEXAMPLE\PKI Administrators", "IdentityType": "Group", "Roles": [],
                        "Valid": true });
    assert_eq!(made.expect(200), group);
    assert_eq!(made.header("api-supported-versions"), Some("1.0"));
    let user = create(&client, r"keyexample\JO").await;
    assert_eq!(
        user,
        json!({ "Id": 2, "AccountName": r"KEYEXAMPLE\Jo", "IdentityType": "User", "Roles": [], "Valid": true })
    );
    let listed = get(&client, IDENTITIES).await;
    assert_eq!((listed.expect(200), listed.header("x-total-count")), (json!([group, user]), Some("2")));
    let parts = get(&client, &format!("{IDENTITIES}?SortField=IdentityType&SortAscending=1&ReturnLimit=1")).await;
    assert_eq!((&parts.expect(200)[0]["Id"], parts.header("x-total-count")), (&json!(2), Some("2")));
    for (account, status) in [
        (json!(r"KEYEXAMPLE\jo"), 409),
        (json!("jo"), 409),
        (json!(r"OTHER\jo"), 400),
        (json!(""), 400),
        (json!(null), 400),
        (json!(7), 400),
        (json!(r"a\b\c"), 400),
    ] {
        post(&client, IDENTITIES, &json!({ "AccountName": account })).await.expect_error(status, "AccountName");
    }
    call_in(&client, "2", reqwest::Method::GET, IDENTITIES, None).await.expect_error(400, "version");
    get(&client, &format!("{IDENTITIES}?SortField=Password")).await.expect_error(400, "SortField");
    let records = app.database.texts("SELECT object || ' ' || outcome FROM audit_record WHERE action = 'identity.create' AND outcome = 'ok' ORDER BY 1");
    assert_eq!(records, ["identity:1 ok", "identity:2 ok"]);
}

#[actix_web::test]
async fn the_directory_is_asked_before_an_identity_is_made() {
    let (_app, client) = vault().await;
    for (query, valid) in [
        ("accountName=KEYEXAMPLE%5Cjo", true),
        ("AccountName=keyexample%5CPKI%20administrators", true),
        ("name=jo", true),
        ("accountName=jo@KEYEXAMPLE", true),
        ("accountName=OTHER%5Cjo", false),
        ("accountName=nobody", false),
        ("accountName=a%5Cb%5Cc", false),
    ] {
        let answer = get(&client, &format!("{IDENTITIES}/Lookup?{query}")).await;
        assert_eq!(answer.expect(200), json!({ "Valid": valid }), "{query}");
    }
    for query in ["", "?accountName=", "?other=x"] {
        get(&client, &format!("{IDENTITIES}/Lookup{query}")).await.expect_error(400, "accountName");
    }
    // Without a directory, whoever has a domain is a user.
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    assert_eq!(
        get(&client, &format!("{IDENTITIES}/Lookup?accountName=CORP%5Cjo")).await.json(),
        json!({ "Valid": true })
    );
    assert_eq!(get(&client, &format!("{IDENTITIES}/Lookup?accountName=jo")).await.json(), json!({ "Valid": false }));
    assert_eq!(create(&client, r"CORP\jo").await["IdentityType"], "User");
    post(&client, IDENTITIES, &json!({ "AccountName": "jo" })).await.expect_error(400, "AccountName");
}

#[actix_web::test]
async fn an_identity_that_was_changed_behind_the_vaults_back_is_not_valid() {
    let (app, client) = vault().await;
    create(&client, r"KEYEXAMPLE\Jo").await;
    create(&client, r"KEYEXAMPLE\PKI Administrators").await;
    app.vault
        .grant_identity_role(app.operator(Action::IDENTITY_GRANT_ROLE).await, r"KEYEXAMPLE\Jo", "Administrator")
        .await
        .unwrap();
    let valid = async |query: &str| {
        let listed = get(&client, &format!("{IDENTITIES}{query}")).await.expect(200);
        listed.as_array().unwrap().iter().map(|row| row["Valid"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(valid("").await, [json!(true), json!(true)]);
    for (change, back) in [
        (
            "UPDATE identity SET account_name = 'KEYEXAMPLE\\Eve' WHERE id = 1",
            "UPDATE identity SET account_name = 'KEYEXAMPLE\\Jo' WHERE id = 1",
        ),
        (
            "UPDATE identity SET account_key = 'eve' WHERE id = 1",
            "UPDATE identity SET account_key = 'keyexample\\jo' WHERE id = 1",
        ),
        (
            "UPDATE identity SET identity_type = 'Group' WHERE id = 1",
            "UPDATE identity SET identity_type = 'User' WHERE id = 1",
        ),
        ("UPDATE identity SET password = '' WHERE id = 1", "UPDATE identity SET password = NULL WHERE id = 1"),
        (
            "UPDATE identity SET created_at = created_at + 1 WHERE id = 1",
            "UPDATE identity SET created_at = created_at - 1 WHERE id = 1",
        ),
        (
            "DELETE FROM identity_role WHERE identity_id = 1",
            "INSERT INTO identity_role (identity_id, role_id) VALUES (1, 1)",
        ),
    ] {
        app.database.run(change);
        assert_eq!(valid("").await, [json!(false), json!(true)], "{change}");
        assert_eq!(valid("?Validate=false").await, [json!(null), json!(null)]);
        app.database.run(back);
        assert_eq!(valid("?validate=TRUE").await, [json!(true), json!(true)], "{back}");
    }
    // A role that was slipped in, and a signature that is another's.
    app.database.run("INSERT INTO identity_role (identity_id, role_id) VALUES (2, 1)");
    assert_eq!(valid("").await, [json!(true), json!(false)]);
    // Nothing that the vault does afterwards makes it the vault's own.
    assert!(
        app.vault
            .grant_identity_role(
                app.operator(Action::IDENTITY_GRANT_ROLE).await,
                r"KEYEXAMPLE\PKI Administrators",
                "Administrator"
            )
            .await
            .is_err()
    );
    app.vault
        .revoke_identity_role(
            app.operator(Action::IDENTITY_REVOKE_ROLE).await,
            r"KEYEXAMPLE\PKI Administrators",
            "Administrator",
        )
        .await
        .unwrap();
    assert_eq!(valid("").await, [json!(true), json!(true)], "the row is as it was signed");
    app.database.run(
        "UPDATE identity SET account_name = 'x', mac = (SELECT i.mac FROM identity i WHERE i.id = 1) WHERE id = 2",
    );
    app.vault
        .revoke_identity_role(
            app.operator(Action::IDENTITY_REVOKE_ROLE).await,
            "KEYEXAMPLE\\pki administrators",
            "Administrator",
        )
        .await
        .unwrap_err();
    assert_eq!(valid("").await, [json!(true), json!(false)]);
    get(&client, &format!("{IDENTITIES}?Validate=maybe")).await.expect_error(400, "Validate");
}

#[actix_web::test]
async fn roles_of_an_identity_are_shown_thin_and_its_permissions_by_their_old_names() {
    let (app, client) = vault().await;
    create(&client, r"KEYEXAMPLE\Jo").await;
    for (name, permissions) in
        [("ops", json!(["/pam/read/", "/pam/modify/7/"])), ("audit", json!(["/pam/read/", "/security/read/"]))]
    {
        let sent = json!({ "Name": name, "Description": format!("the {name}"), "Permissions": permissions });
        call_in(&client, "2", reqwest::Method::POST, "/Security/Roles", Some(&sent)).await.expect(200);
        app.vault
            .grant_identity_role(app.operator(Action::IDENTITY_GRANT_ROLE).await, r"keyexample\jo", name)
            .await
            .unwrap();
    }
    let listed = get(&client, IDENTITIES).await.expect(200);
    insta::assert_json_snapshot!("identity_with_roles", listed[0]);
    insta::assert_json_snapshot!("identity_permissions", get(&client, &format!("{IDENTITIES}/1")).await.expect(200));
    get(&client, &format!("{IDENTITIES}/9")).await.expect_error(404, "identity");
    get(&client, &format!("{IDENTITIES}/x")).await.expect_error(400, "id");
}

#[actix_web::test]
async fn an_identity_is_deleted_with_its_roles() {
    let (app, client) = vault().await;
    create(&client, r"KEYEXAMPLE\Jo").await;
    app.vault
        .grant_identity_role(app.operator(Action::IDENTITY_GRANT_ROLE).await, r"KEYEXAMPLE\Jo", "Administrator")
        .await
        .unwrap();
    let gone = delete(&client, &format!("{IDENTITIES}/1")).await;
    assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""));
    delete(&client, &format!("{IDENTITIES}/1")).await.expect_error(404, "identity");
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM identity_role"), [0]);
    assert_eq!(create(&client, r"KEYEXAMPLE\Jo").await["Id"], 2);
}

#[actix_web::test]
async fn making_an_identity_needs_the_permission_through_the_global_set() {
    let (app, _) = vault().await;
    app.database
        .run("INSERT INTO permission_set (id, name, name_key, permissions) VALUES ('s', 'Bounded', 'bounded', '/')");
    let client = client_holding(&app, "/security/").await;
    create(&client, r"KEYEXAMPLE\Jo").await;
    app.database.run("UPDATE role SET permission_set_id = 's' WHERE name = 'holds /security/'");
    app.vault.create_application(app.operator(Action::APPLICATION_CREATE).await, "raises the mark").await.unwrap();
    app.vault.refresh().await.unwrap();
    get(&client, IDENTITIES).await.expect(200);
    let group = json!({ "AccountName": r"KEYEXAMPLE\PKI Administrators" });
    post(&client, IDENTITIES, &group).await.expect_error(403, "permission");
    call_in(&client, "2", reqwest::Method::POST, "/Security/Roles", Some(&json!({ "Name": "x" })))
        .await
        .expect_error(403, "permission");
    // Who may not make identities does not learn what the directory knows.
    post(&client, IDENTITIES, &json!({ "AccountName": "nobody" })).await.expect_error(403, "permission");
}

#[actix_web::test]
async fn roles_from_many_tasks_leave_an_identity_valid() {
    let (app, client) = vault().await;
    create(&client, r"KEYEXAMPLE\Jo").await;
    let administrator = super::administrator(&app).await;
    let names: Vec<String> = (0..16).map(|number| format!("role {number}")).collect();
    for name in &names {
        let sent = json!({ "Name": name });
        call_in(&administrator, "2", reqwest::Method::POST, "/Security/Roles", Some(&sent)).await.expect(200);
    }
    let grant = async |name: &String| {
        let permit = app.operator(Action::IDENTITY_GRANT_ROLE).await;
        app.vault.grant_identity_role(permit, r"KEYEXAMPLE\Jo", name).await
    };
    let given = names.iter().map(grant);
    for given in futures_util::future::join_all(given).await {
        given.unwrap();
    }
    let listed = get(&client, IDENTITIES).await.expect(200);
    assert_eq!((listed[0]["Roles"].as_array().unwrap().len(), &listed[0]["Valid"]), (16, &json!(true)));
}

#[actix_web::test]
async fn the_same_account_from_many_tasks_is_one_identity() {
    let (_app, client) = vault().await;
    let sent = json!({ "AccountName": r"KEYEXAMPLE\Jo" });
    let answers = futures_util::future::join_all((0..32).map(|_| post(&client, IDENTITIES, &sent))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    answers.iter().filter(|answer| answer.status != 200).for_each(|answer| answer.expect_error(409, "AccountName"));
}
