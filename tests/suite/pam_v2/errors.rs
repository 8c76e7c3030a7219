//! Malformed requests: 422 with the name of the parameter, and never its value.

use super::{LIST, expect_code, list, read, vault};

#[actix_web::test]
async fn a_wrong_parameter_is_named() {
    let (app, client) = vault().await;
    for (query, field) in [
        ("credential.active=1", "credential.active"),
        ("credential.active=0", "credential.active"),
        ("credential.active=canary", "credential.active"),
        ("jit.credential_enabled=1", "jit.credential_enabled"),
        ("reconciliation.credential_enabled=yes", "reconciliation.credential_enabled"),
        ("credential.criticality=canary", "credential.criticality"),
        ("device_id=0", "device_id"),
        ("device_id=2147483648", "device_id"),
        ("device_id=canary", "device_id"),
        ("credential.username=", "credential.username"),
        ("credential.username=a&credential.username=canary", "credential.username"),
        ("credential.username=canary%0A%1B", "credential.username"),
        ("device.name=", "device.name"),
        ("device.domain_name=", "device.domain_name"),
        ("credential.tags=,", "credential.tags"),
        ("credential.user_credential_owner=", "credential.user_credential_owner"),
        ("page=0", "page"),
        ("page=1&offset=1", "page"),
        ("per_page=201", "per_page"),
        ("limit=canary", "limit"),
        ("offset=-1", "offset"),
        ("canary=1", "query"),
        ("fields=credential.username", "query"),
        ("device.id=1", "query"),
        ("credential_username=batch", "query"),
        ("credential.username=%E9canary", "query"),
        // Filters on secrets do not exist.
        ("credential.password=canary", "query"),
        ("credential.secret_key=canary", "query"),
        ("credential.private_key=canary", "query"),
    ] {
        let answer = list(&client, query).await;
        assert_eq!(expect_code(&answer, 422, "validation_error"), [field], "{query}");
        assert!(!answer.text.contains("canary"), "{query}: {}", answer.text);
    }
    for query in ["fields=canary", "fields=", "fields=device.id&fields=jit", "page=1", "credential.active=true"] {
        let answer = read(&client, &format!("1?{query}")).await;
        expect_code(&answer, 422, "validation_error");
        assert!(!answer.text.contains("canary"), "{query}: {}", answer.text);
    }
    let refused = app.records().await.into_iter().filter(|record| record.outcome == "invalid-input").count();
    assert_eq!(refused, 34);
}

#[actix_web::test]
async fn what_is_no_route_is_404_and_405() {
    let (app, client) = vault().await;
    for path in
        ["/api/v2", "/api/v2/pam", "/api/v2/pam/devices", "/api/v2/pam/credential/1", "/api/v2/pam/credentials/1/x"]
    {
        expect_code(&client.get(path).await, 404, "not_found");
        expect_code(&app.anonymous().get(path).await, 404, "not_found");
    }
    for path in [LIST.to_string(), format!("{LIST}/1")] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "HEAD"] {
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let answer = client.send(client.request(method.clone(), &path)).await;
            if method != "HEAD" {
                expect_code(&answer, 405, "method_not_allowed");
            }
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some("GET")), "{method} {path}");
        }
    }
    for path in ["/iso/v2/pam/credentials", "/api/v2x/pam/credentials"] {
        client.get(path).await.expect_refusal(404, "Resource sub not found");
    }
}
