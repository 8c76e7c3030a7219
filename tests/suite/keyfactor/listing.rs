//! Paging, sorting and filtering (contract, section 1.6).

use serde_json::json;

use super::{administrator, client_holding, create_local_provider, create_type, get, post};
use crate::support::{TestApp, TestClient};

/// Providers 1 to 5: `alpha`, `beta`, `Gamma`, `delta 100%`, `O'Neil "x"`; number 2 of a type of its own, with areas.
async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let (type_id, ..) = create_type(&client, "My Type").await;
    create_local_provider(&client, "alpha").await;
    let areas =
        json!({ "Name": "beta", "ProviderType": { "Id": type_id }, "Remote": true, "Area": 7, "SecuredAreaId": 3 });
    post(&client, "/PamProviders", &areas).await.expect(200);
    for name in ["Gamma", "delta 100%", "O'Neil \"x\""] {
        create_local_provider(&client, name).await;
    }
    (app, client)
}

/// The numbers in the part of the list that a query gives, and how long the whole list is.
async fn listed(client: &TestClient, query: &[(&str, &str)]) -> (Vec<i64>, String) {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let answer = get(client, &format!("/PamProviders?{query}")).await;
    let ids = answer.expect(200).as_array().unwrap().iter().map(|row| row["Id"].as_i64().unwrap()).collect();
    (ids, answer.header("x-total-count").unwrap().into())
}

#[actix_web::test]
async fn lists_come_in_parts_and_in_an_order() {
    let (_app, client) = vault().await;
    for (query, ids) in [
        (vec![], vec![1, 2, 4, 3, 5]),
        (vec![("SortField", "Id")], vec![1, 2, 3, 4, 5]),
        (vec![("sortfield", "ID"), ("SortAscending", "1")], vec![5, 4, 3, 2, 1]),
        (vec![("SortField", "ProviderType"), ("SortAscending", "1")], vec![2, 1, 3, 4, 5]),
        (vec![("SortField", "Area")], vec![1, 3, 4, 5, 2]),
        (vec![("SortField", "SecuredAreaId"), ("SortAscending", "1")], vec![2, 1, 3, 4, 5]),
        (vec![("SortField", "Remote")], vec![1, 3, 4, 5, 2]),
        (vec![("ReturnLimit", "2")], vec![1, 2]),
        (vec![("ReturnLimit", "2"), ("PageReturned", "3")], vec![5]),
        (vec![("pq.returnLimit", "2"), ("pq.pageReturned", "2")], vec![4, 3]),
        (vec![("PageReturned", "9")], vec![]),
        (vec![("ReturnLimit", "2147483647")], vec![1, 2, 4, 3, 5]),
    ] {
        assert_eq!(listed(&client, &query).await, (ids, "5".into()), "{query:?}");
    }
}

#[actix_web::test]
async fn filters_select_and_are_counted() {
    let (_app, client) = vault().await;
    for (query, ids) in [
        (r#"Name -eq "ALPHA""#, vec![1]),
        (r#"name -ne alpha"#, vec![2, 4, 3, 5]),
        (r#"Name -contains "a""#, vec![1, 2, 4, 3]),
        (r#"Name -notcontains a"#, vec![5]),
        (r#"Name -startswith "GAM""#, vec![3]),
        (r#"Name -endswith TA"#, vec![2]),
        (r#"Name -contains "%""#, vec![4]),
        (r#"Name -contains "_""#, vec![]),
        (r#"Name -contains "\\""#, vec![]),
        (r#"Name -eq "o'neil \"X\"""#, vec![5]),
        (r#"Name -eq "' OR 1=1 --""#, vec![]),
        (r#"Name -eq NULL"#, vec![]),
        (r#"Name -ne NULL"#, vec![1, 2, 4, 3, 5]),
        (r#"ProviderType -eq "my type""#, vec![2]),
        (r#"ProviderType -startswith Command AND Name -contains a"#, vec![1, 4, 3]),
        (r#"Area -gt 1"#, vec![2]),
        (r#"Area -le 1 AND (Name -eq alpha OR Name -eq beta)"#, vec![1]),
        (r#"SecuredAreaId -eq NULL"#, vec![1, 4, 3, 5]),
        (r#"SecuredAreaId -ne NULL"#, vec![2]),
        (r#"SecuredAreaId -ne 3"#, vec![1, 4, 3, 5]),
        (r#"SecuredAreaId -ge 3"#, vec![2]),
        (r#"Name -eq beta OR Name -eq alpha AND Area -eq 99"#, vec![2]),
        ("  ", vec![1, 2, 4, 3, 5]),
    ] {
        let expected = (ids.clone(), ids.len().to_string());
        assert_eq!(listed(&client, &[("QueryString", query)]).await, expected, "{query}");
        assert_eq!(listed(&client, &[("pq.queryString", query)]).await, expected, "{query}");
    }
    let page =
        listed(&client, &[("QueryString", "Name -contains a"), ("ReturnLimit", "1"), ("PageReturned", "2")]).await;
    assert_eq!(page, (vec![2], "4".into()));
}

#[actix_web::test]
async fn what_cannot_be_asked_is_refused_by_name() {
    let (_app, client) = vault().await;
    for (query, field) in [
        ("QueryString=Name%20eq%20'x'", "QueryString"),
        ("QueryString=Nothing%20-eq%20x", "QueryString"),
        ("QueryString=Area%20-eq%20x", "QueryString"),
        ("QueryString=Area%20-eq%2099999999999", "QueryString"),
        ("QueryString=Name%20-eq%20%22%00%22", "QueryString"),
        ("PageReturned=0", "PageReturned"),
        ("ReturnLimit=-5", "ReturnLimit"),
        ("SortAscending=2", "SortAscending"),
        ("SortField=Password", "SortField"),
    ] {
        get(&client, &format!("/PamProviders?{query}")).await.expect_error(400, field);
    }
    assert_eq!(get(&client, "/PamProviders?SortField=x").await.json()["ErrorCode"], "0xA011004A");
}

#[actix_web::test]
async fn the_largest_query_is_answered() {
    let (_app, client) = vault().await;
    let many = vec!["Area -eq 1"; 100].join(" OR ");
    assert_eq!(listed(&client, &[("QueryString", &many)]).await.1, "4");
    let deep = format!("{}Area -eq 7{}", "(".repeat(32), ")".repeat(32));
    assert_eq!(listed(&client, &[("QueryString", &deep)]).await.0, [2]);
}

#[actix_web::test]
async fn a_list_holds_and_counts_what_the_caller_may_read() {
    let (app, _) = vault().await;
    let some = client_holding(&app, "/pam/read/2/ /pam/read/5/ /pam/read/77/").await;
    assert_eq!(listed(&some, &[]).await, (vec![2, 5], "2".into()));
    assert_eq!(listed(&some, &[("ReturnLimit", "1"), ("PageReturned", "2")]).await, (vec![5], "2".into()));
    assert_eq!(listed(&some, &[("QueryString", "Name -eq alpha OR Name -eq beta")]).await, (vec![2], "1".into()));
    // A number in another spelling names no provider, here as elsewhere.
    let odd = client_holding(&app, "/pam/read/02/ /pam/read/5/").await;
    assert_eq!(listed(&odd, &[]).await, (vec![5], "1".into()));
    get(&odd, "/PamProviders/2").await.expect_error(403, "permission");
    let none = client_holding(&app, "/pam/modify/").await;
    get(&none, "/PamProviders").await.expect_error(403, "permission");
    get(&none, "/PamProviders?PageReturned=x").await.expect_error(403, "permission");
}
