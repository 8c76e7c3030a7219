//! What is found, and what is answered.

use serde_json::json;

use super::{
    ACCOUNTS, INVALID, INVALID_QUERY, NOT_AUTHENTICATED, NOT_FOUND, TOO_MANY, ask, content, expect_error, vault,
    vault_with,
};
use crate::support::TestApp;

#[actix_web::test]
async fn an_account_is_all_strings_under_the_names_of_the_protocol() {
    let (_app, robot) = vault().await;
    assert_eq!(
        ask(&robot, "Safe=OPS&Folder=Root&Object=erp").await.expect(200),
        json!({ "Content": "erp's", "UserName": "batch", "Address": "10.0.0.1", "Safe": "OPS", "Folder": "Root",
                "Name": "erp", "PolicyID": "Server", "PasswordChangeInProcess": "False" })
    );
    let ana = ask(&robot, "Object=srv/corp/ana").await.expect(200);
    assert_eq!(
        (&ana["Database"], &ana["Name"], &ana["Content"]),
        (&json!("FIN"), &json!("srv/corp/ana"), &json!("ana's"))
    );
    let key = ask(&robot, "Object=key").await.expect(200);
    assert!(key["Content"].as_str().unwrap().contains("PRIVATE KEY"));
    assert_eq!(ask(&robot, "Object=note").await.expect(200)["Content"], "a text");
}

#[actix_web::test]
async fn each_property_narrows_and_one_has_to_be_left() {
    let (_app, robot) = vault().await;
    for (query, expected) in [
        ("UserName=batch", "erp's"),
        ("Safe=ops", "erp's"),
        ("Database=FIN", "ana's"),
        ("Address=10.0.0.1&username=batch", "erp's"),
        ("Address=SRV&username=batch", "erp's"),
        ("Address=::ffff:10.0.0.1&username=batch", "erp's"),
        ("PolicyID=server&UserName=corp/ana", "ana's"),
        ("Safe=ops;Folder=Root;Object=erp", "erp's"),
        ("Object=nothing&Query=Safe=ops;Object=erp", "erp's"),
        (
            "Query=Safe%3Dops%3BUserName%3Dbatch&QueryFormat=Exact&ConnectionTimeout=30&FailRequestOnPasswordChange=False",
            "erp's",
        ),
        ("Query=Safe=ops;Object=e.*&QueryFormat=Regexp", "erp's"),
        ("query=Safe=ops;UserName=(a|b)atch;Address=10[.]0[.].*&query_format=regexp", "erp's"),
    ] {
        assert_eq!(content(&robot, query).await, expected, "{query}");
    }
    for (query, error) in [
        ("Address=srv", TOO_MANY),
        ("PolicyID=Server", TOO_MANY),
        ("Safe=nothing&Object=erp", NOT_FOUND),
        ("Safe=ops&Object=srv/corp/ana", NOT_FOUND),
        ("Object=ERP", NOT_FOUND),
        ("Object=erp&Folder=Elsewhere", NOT_FOUND),
        ("Object=note&UserName=x", NOT_FOUND),
        ("Object=a%00b", NOT_FOUND),
        ("Query=Safe=ops;Object=e&QueryFormat=Regexp", NOT_FOUND),
        ("Query=Object=.*&QueryFormat=Regexp", INVALID_QUERY),
        ("Query=Safe=ops;Object=(&QueryFormat=Regexp", INVALID_QUERY),
        ("Object=erp&QueryFormat=glob", INVALID_QUERY),
        ("Query=VirtualUsername=batch", INVALID_QUERY),
        ("", INVALID),
        ("Safe=a&safe=b", INVALID),
        ("Objekt=erp", INVALID),
        ("Object=%FF", INVALID),
        ("Object=erp&Reason=a%0Ab", INVALID),
    ] {
        expect_error(&ask(&robot, query).await, error);
    }
}

#[actix_web::test]
async fn a_search_that_matches_everything_is_one_of_too_many() {
    let (app, robot) = vault().await;
    let owner = app.client().await;
    owner.create_device("other", "10.0.0.2").await;
    expect_error(&ask(&robot, "Address=10.0.0.1&Folder=Root").await, TOO_MANY);
}

#[actix_web::test]
async fn inactive_and_exclusive_items_are_not_found_and_an_exclusive_one_is_a_match_all_the_same() {
    let (app, robot) = vault().await;
    let owner = app.client().await;
    owner.create_device("db", "10.0.0.7").await;
    for (username, exclusive) in [("one", true), ("two", false), ("three", false)] {
        let body = json!({ "hostname": "db", "ip": "10.0.0.7", "username": username, "identifier": username,
                           "content": username, "exclusive_custody": exclusive });
        owner.save_credential(&body).await;
    }
    owner.delete("/iso/pam/credential/three").await.expect(200);
    app.link(&robot, chaveiro::vault::access::link::LinkTarget::Device("db".into())).await;
    app.vault.refresh().await.unwrap();
    app.database
        .run("UPDATE credential SET exclusive_custody = (identifier = 'one') WHERE identifier IN ('one', 'two')");
    expect_error(&ask(&robot, "Object=one").await, NOT_FOUND);
    expect_error(&ask(&robot, "Object=three").await, NOT_FOUND);
    assert_eq!(content(&robot, "Address=db&Object=two").await, "two");
    // Without the exclusive one, another password would have become the only match.
    expect_error(&ask(&robot, "Address=db").await, TOO_MANY);
    let outcomes = app.database.texts("SELECT outcome FROM audit_record WHERE action = 'item.search'");
    assert!(outcomes.contains(&"exclusive-custody".to_string()), "{outcomes:?}");
}

#[actix_web::test]
async fn a_read_is_recorded_with_family_and_reason() {
    let (app, robot) = vault().await;
    ask(&robot, "Object=erp&Reason=nightly+run").await.expect(200);
    expect_error(&ask(&robot, "Object=nothing&Reason=another").await, NOT_FOUND);
    let records = app.records().await;
    let mut read: Vec<_> = records.iter().filter(|record| record.action == "item.search").collect();
    // Records of one moment have no order on PostgreSQL.
    read.sort_by_key(|record| &record.outcome);
    let told: Vec<_> = read.iter().map(|record| (record.outcome.as_str(), record.reason.as_str())).collect();
    assert_eq!(told, [("item-not-found", "another"), ("ok", "nightly run")]);
    assert!(read.iter().all(|record| record.family == "ccp" && record.actor == robot.client_id));
    assert!(read[1].object.starts_with("credential:"));
    app.verify_audit().await;
}

#[actix_web::test]
async fn paths_come_in_any_case_and_under_every_site() {
    let (_app, robot) = vault_with(|settings| settings.ccp.sites = vec!["AIMWebService".into(), "Other".into()]).await;
    let query = format!("?appid={}&object=erp", robot.client_id);
    for path in [ACCOUNTS, "/aimwebservice/API/accounts", "/AIMWebService//api/Accounts/", "/other/api/Accounts"] {
        robot.get(&format!("{path}{query}")).await.expect(200);
    }
    expect_error(&robot.get("/AIMWebService/v1.1/AIM.asmx").await, (404, "APPAP081E"));
    expect_error(&robot.post(&format!("{ACCOUNTS}{query}"), &json!({})).await, (405, "APPAP081E"));
    expect_error(&robot.get(&format!("{ACCOUNTS}?Object=erp")).await, (400, "AIMWS031E"));
    expect_error(&robot.get(&format!("{ACCOUNTS}?AppID=&Object=erp")).await, (400, "AIMWS031E"));
    // Nothing is said about a request before its AppID is proven.
    expect_error(&robot.get(&format!("{ACCOUNTS}?AppID=x&Objekt=erp")).await, NOT_AUTHENTICATED);
}

#[actix_web::test]
async fn it_is_described_and_off_by_default() {
    let (app, _) = vault().await;
    let description = app.anonymous().get("/openapi.json").await.expect(200);
    let operation = &description["paths"][ACCOUNTS]["get"];
    assert!(operation["responses"]["200"]["content"].is_object(), "{operation}");
    let app = TestApp::start().await;
    app.client()
        .await
        .get(&format!("{ACCOUNTS}?AppID=x&Object=erp"))
        .await
        .expect_refusal(404, "Resource sub not found");
}

#[actix_web::test]
async fn secrets_are_encrypted_for_a_response_key() {
    let (_app, robot) = vault().await;
    let sent = robot.request(reqwest::Method::GET, &format!("{ACCOUNTS}?AppID={}&Object=erp", robot.client_id));
    expect_error(&robot.send(sent.header("Accept-Encryption", "jwe")).await, INVALID);
}

#[actix_web::test]
async fn an_empty_property_is_refused_and_does_not_widen_the_search() {
    let (_app, robot) = vault().await;
    assert_eq!(content(&robot, "Safe=ops").await, "erp's");
    for (query, error) in [
        ("Safe=ops&Object=", INVALID),
        ("Safe=ops&Object=&UserName=", INVALID),
        ("Safe=ops;UserName=", INVALID),
        ("Safe=ops&Query=", INVALID),
        ("Query=Safe=ops;UserName=", INVALID_QUERY),
        ("Object=er.&QueryFormat=Regexp", INVALID_QUERY),
    ] {
        expect_error(&ask(&robot, query).await, error);
    }
    assert_eq!(content(&robot, "Safe=ops&Folder=&Reason=").await, "erp's");
}

#[actix_web::test]
async fn an_account_without_a_password_is_none() {
    let (app, robot) = vault().await;
    let owner = app.client().await;
    owner.create_device("db", "10.0.0.7").await;
    owner.save_credential(&json!({ "hostname": "db", "ip": "10.0.0.7", "username": "new", "identifier": "new" })).await;
    app.link(&robot, chaveiro::vault::access::link::LinkTarget::Device("db".into())).await;
    app.vault.refresh().await.unwrap();
    expect_error(&ask(&robot, "Object=new").await, NOT_FOUND);
    assert!(app.records().await.iter().any(|record| record.outcome == "item-secret-not-found"));
}
