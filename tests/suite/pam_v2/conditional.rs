//! ETags: of the representation that is sent, and 304 for a client that has it.

use reqwest::Method;
use serde_json::json;

use super::{LIST, expect_code, expect_headers, read, save, vault};
use crate::support::{Answer, TestClient};

async fn with(client: &TestClient, header: &str, etag: &str, path: &str) -> Answer {
    client.send(client.request(Method::GET, path).header(header, etag)).await
}

fn etag(answer: &Answer) -> String {
    answer.expect(200);
    let etag = answer.header("etag").unwrap();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "strong and quoted: {etag}");
    etag.into()
}

#[actix_web::test]
async fn a_current_etag_is_304_without_a_body() {
    let (app, client) = vault().await;
    for path in [format!("{LIST}/1"), LIST.into(), format!("{LIST}?per_page=2"), format!("{LIST}/1?fields=device")] {
        let current = etag(&client.get(&path).await);
        let unchanged = with(&client, "If-None-Match", &format!("\"x\", W/{current}"), &path).await;
        assert_eq!((unchanged.status.as_u16(), unchanged.text.as_str()), (304, ""), "{path}");
        assert_eq!(unchanged.header("etag"), Some(current.as_str()));
        expect_headers(&unchanged);
        assert_eq!(with(&client, "If-None-Match", "*", &path).await.status, 304);
        assert_eq!(with(&client, "If-Match", &current, &path).await.status, 200);
        let failed = with(&client, "If-Match", "\"other\"", &path).await;
        expect_code(&failed, 412, "precondition_failed");
        assert_eq!(failed.header("etag"), Some(current.as_str()), "{path}");
        expect_code(&with(&client, "If-None-Match", "unquoted", &path).await, 400, "invalid_request");
    }
    let other = etag(&read(&client, "2").await);
    with(&client, "If-None-Match", &other, &format!("{LIST}/1")).await.expect(200);
    let unchanged = app.records().await.into_iter().filter(|record| record.outcome == "unchanged").count();
    assert_eq!(unchanged, 8);
}

#[actix_web::test]
async fn each_projection_has_an_etag_of_its_own_that_follows_what_it_shows() {
    let (app, client) = vault().await;
    let paths =
        ["", "?fields=credential.username", "?fields=credential.active", "?fields=device", "?fields=credential"];
    let mut before = Vec::new();
    for path in paths {
        before.push(etag(&read(&client, &format!("1{path}")).await));
    }
    let distinct: std::collections::BTreeSet<&String> = before.iter().collect();
    assert_eq!(distinct.len(), paths.len());
    // A view changes last_used_at, and an update the tags.
    client.get("/iso/pam/credential/1").await.expect(200);
    app.clock.advance(std::time::Duration::from_secs(3));
    save(&client, "erp", "batch", json!({ "tags": "other" })).await;
    for (path, before) in paths.iter().zip(before) {
        let after = etag(&read(&client, &format!("1{path}")).await);
        assert_eq!(after != before, ["", "?fields=credential"].contains(path), "{path}");
    }
}

#[actix_web::test]
async fn the_etag_of_a_list_follows_its_rows() {
    let (_app, client) = vault().await;
    let before = etag(&client.get(LIST).await);
    save(&client, "erp", "new", json!({})).await;
    assert_ne!(etag(&client.get(LIST).await), before);
}
