//! Lists: the names of a level, of what can be read.

use serde_json::json;

use super::{credential, expect_errors, list, read, vault};

#[actix_web::test]
async fn a_list_has_the_names_of_a_level_by_either_method() {
    let (_app, client) = vault().await;
    for folder in ["", "/"] {
        let said = list(&client, folder).await.expect(200);
        let expected = json!({
            "request_id": said["request_id"], "lease_id": "", "renewable": false, "lease_duration": 0,
            "data": { "keys": ["erp", "key", "note", "srv/"] }, "wrap_info": null, "warnings": null, "auth": null,
        });
        assert_eq!(said, expected);
        for query in ["?list=true", "?list=1", "?x=1&list=true"] {
            let answer = client.get(&format!("/v1/secret/metadata{folder}{query}")).await;
            assert_eq!(answer.expect(200)["data"], said["data"]);
        }
    }
    for (folder, keys) in [("/srv", json!(["corp/"])), ("/srv/", json!(["corp/"])), ("/srv/corp/", json!(["ana"]))] {
        assert_eq!(list(&client, folder).await.expect(200)["data"]["keys"], keys, "{folder}");
    }
    for folder in ["/erp", "/sr", "/srv/corp/ana", "/nothing/"] {
        expect_errors(&list(&client, folder).await, 404, &[]);
    }
}

#[actix_web::test]
async fn metadata_is_listed_and_not_read() {
    let (_app, client) = vault().await;
    for path in ["metadata", "metadata/erp", "metadata/erp?list=false", "metadata/?list=canary"] {
        let answer = client.get(&format!("/v1/secret/{path}")).await;
        expect_errors(&answer, 400, &["metadata can be listed: send LIST, or GET with list=true"]);
    }
}

#[actix_web::test]
async fn every_listed_name_can_be_read_and_the_walk_ends() {
    let (_app, client) = vault().await;
    for username in ["/leading", "trailing/", "a//b", "/", "x", "x/y"] {
        client.save_credential(&credential(username, json!({ "content": "c" }))).await;
    }
    let (mut folders, mut leaves) = (vec![String::from("/")], Vec::new());
    while let Some(folder) = folders.pop() {
        assert!(leaves.len() < 100, "the walk does not end");
        let said = list(&client, &folder).await.expect(200);
        for key in said["data"]["keys"].as_array().unwrap() {
            let name = format!("{folder}{}", key.as_str().unwrap());
            if name.ends_with('/') { folders.push(name) } else { leaves.push(name) }
        }
    }
    leaves.sort();
    assert_eq!(leaves, ["/erp", "/key", "/note", "/srv/corp/ana", "/srv/x", "/srv/x/y"]);
    for name in leaves {
        read(&client, name.trim_start_matches('/')).await.expect(200);
    }
}

#[actix_web::test]
async fn a_list_is_one_record_and_a_client_without_items_has_none() {
    let (app, client) = vault().await;
    let before = app.records().await.len();
    list(&client, "").await.expect(200);
    let records = app.records().await;
    assert_eq!(records.len(), before + 1);
    let lists: Vec<_> = records.iter().filter(|record| record.action == "item.list").collect();
    assert_eq!((lists.len(), lists[0].family.as_str()), (1, "vault-kv"));
    expect_errors(&list(&app.client().await, "").await, 404, &[]);
}
