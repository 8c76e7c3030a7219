//! The description of the API against what is served: the same routes, the answers it tells of, and nothing else.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient, device, endpoints, serve_all};

const EVERY_METHOD: [&str; 6] = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

async fn call(client: &TestClient, method: &str, path: &str) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let path = ["{key}", "{version}", "{id}", "{name}", "{providerId}"]
        .iter()
        .fold(path.to_string(), |path, name| path.replace(name, "1"));
    client.send(client.request(method, &path)).await
}

/// Asserts a refusal of a path that is not served in this way, in the form of the family that owns it.
#[track_caller]
fn expect_unserved(answer: &Answer, path: &str, status: u16) {
    let not_found = status == 404;
    let owned_by = |bases: &[&str]| bases.iter().any(|base| path.starts_with(base));
    if owned_by(&["/KeyfactorAPI/"]) {
        answer.expect_error(status, if not_found { "no such endpoint" } else { "does not have this method" });
    } else if owned_by(&["/oauth2/", "/iso/oauth2/", "/api/oauth2/", "/.well-known/"]) {
        let message = if not_found { "Endpoint not found" } else { "Method not allowed" };
        let expected = json!({ "error": "invalid_request", "error_description": message, "message": message });
        assert_eq!(answer.expect(status), expected, "{path}");
    } else if owned_by(&["/health", "/metrics", "/unseal"]) {
        let state = if not_found { "not found" } else { "method not allowed" };
        assert_eq!(answer.expect(status), json!({ "status": state }), "{path}");
    } else {
        answer.expect_refusal(status, if not_found { "Resource sub not found" } else { "Method not allowed" });
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
}

/// The paths of the table, each with its methods.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let mut paths = BTreeMap::<_, BTreeSet<_>>::new();
    for endpoint in endpoints() {
        assert!(paths.entry(endpoint.path).or_default().insert(endpoint.method.to_string()), "twice");
    }
    paths
}

#[actix_web::test]
async fn the_description_names_every_route_and_no_other() {
    let app = TestApp::start().await;
    let description = app.anonymous().get("/openapi.json").await.expect(200);
    assert!(description["openapi"].as_str().unwrap().starts_with("3."));
    let described: BTreeMap<String, BTreeSet<String>> = description["paths"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, item)| (path.clone(), item.as_object().unwrap().keys().map(|key| key.to_uppercase()).collect()))
        .collect();
    assert_eq!(described, table());
    let mut names = HashSet::new();
    for endpoint in endpoints() {
        let operation = &description["paths"][&endpoint.path][endpoint.method.as_str().to_lowercase()];
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{operation}");
        assert_eq!(operation.get("security").is_some(), endpoint.bearer || endpoint.basic, "{operation}");
        assert_eq!(operation.get("requestBody").is_some(), endpoint.body.is_some(), "{operation}");
        let headers = operation["parameters"].as_array().into_iter().flatten();
        let encryption = headers.filter(|one| one["in"] == "header" && one["name"] == "Accept-Encryption");
        let forms: Vec<_> = encryption.map(|one| (&one["schema"]["enum"], &one["required"])).collect();
        let expected = (&json!(["vendor", "jwe"]), &json!(false));
        assert_eq!(forms, if endpoint.accept_encryption { vec![expected] } else { vec![] }, "{operation}");
        // Keyfactor ignores the header.
        assert_eq!(endpoint.accept_encryption, endpoint.tag == "PAM Core", "{operation}");
    }
}

/// The names of all properties of a schema, those of the schemas that it refers to among them.
fn properties(description: &Value, schema: &Value, found: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = description.pointer(&reference[1..]).unwrap_or_else(|| panic!("{reference} is not there"));
        return properties(description, target, found);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        found.insert(name.clone());
        properties(description, property, found);
    }
    let parts = ["allOf", "oneOf", "anyOf"].iter().filter_map(|list| schema[*list].as_array()).flatten();
    for part in parts.chain(schema.get("items")) {
        properties(description, part, found);
    }
}

#[actix_web::test]
async fn the_description_tells_what_each_answer_holds() {
    let app = TestApp::start().await;
    let description = app.anonymous().get("/openapi.json").await.expect(200);
    let held = |method: &str, path: &str, status: &str| {
        let schema = &description["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"];
        let mut found = BTreeSet::new();
        properties(&description, schema, &mut found);
        found
    };
    for (method, path, status, names) in [
        ("get", "/iso/pam/device", "200", ["response", "devices", "hostname"]),
        ("post", "/iso/pam/device", "201", ["response", "device", "hostname"]),
        ("get", "/api/pam/credential", "200", ["response", "credentials", "management_ip"]),
        ("get", "/iso/pam/credential/{key}", "200", ["response", "credential", "password"]),
        ("get", "/iso/pam/credential/{key}", "400", ["response", "exception", "code"]),
        ("get", "/KeyfactorAPI/PamProviders", "200", ["Id", "ProviderTypeParamValues", "SecuredAreaId"]),
        ("get", "/KeyfactorAPI/PamProviders/Types", "200", ["Id", "Parameters", "InstanceLevel"]),
        ("put", "/KeyfactorAPI/PamProviders", "409", ["ErrorCode", "Message", "Message"]),
        ("post", "/oauth2/token", "200", ["access_token", "token_type", "expires_in"]),
        ("post", "/oauth2/token", "401", ["error", "error", "error"]),
    ] {
        let found = held(method, path, status);
        let missing: Vec<_> = names.iter().filter(|name| !found.contains(**name)).collect();
        assert!(missing.is_empty(), "{method} {path} {status}: no {missing:?} in {found:?}");
    }
    let listed = held("get", "/iso/pam/device", "200");
    assert!(!listed.contains("password") && !listed.contains("exception"), "{listed:?}");
}

#[actix_web::test]
async fn the_description_tells_which_headers_set_conditions() {
    let app = TestApp::start().await;
    let description = app.anonymous().get("/openapi.json").await.expect(200);
    let told = |method: &str, path: &str| {
        let operation = &description["paths"][path][method];
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let headers = parameters.filter(|parameter| parameter["in"] == "header" && parameter["required"] == false);
        let headers = headers.map(|header| header["name"].as_str().unwrap());
        let headers: Vec<&str> = headers.filter(|name| *name != "Accept-Encryption").collect();
        let statuses = ["304", "409", "412"].into_iter().filter(|status| operation["responses"].get(*status).is_some());
        (headers.join(" "), statuses.collect::<Vec<_>>().join(" "))
    };
    for (method, path, headers, statuses) in [
        ("post", "/iso/pam/credential", "Idempotency-Key If-Match If-None-Match", "409 412"),
        ("get", "/api/pam/info/{key}", "If-Match If-None-Match", "304 409 412"),
        ("put", "/iso/pam/key/{key}", "If-Match If-None-Match", "409 412"),
        ("delete", "/iso/pam/credential/custody/{key}", "If-Match If-None-Match", "409 412"),
        ("get", "/iso/pam/device", "", ""),
        // One credential, with a parameter of the query.
        ("get", "/iso/pam/credential", "If-Match If-None-Match", "304 409 412"),
        ("get", "/iso/pam/credential/{key}/versions", "", "409"),
        ("get", "/iso/pam/session/remotesessions/{key}", "", ""),
        ("post", "/oauth2/token", "", ""),
    ] {
        assert_eq!(told(method, path), (headers.into(), statuses.into()), "{method} {path}");
    }
}

#[actix_web::test]
async fn a_key_of_two_items_is_409_as_it_is_described() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let description = app.anonymous().get("/openapi.json").await.expect(200);
    client.create_device("a", "10.0.0.1").await;
    client.post("/iso/pam/device", &device("1", "10.0.0.2")).await.expect(201);
    for (username, identifier) in [("u", "one"), ("v", "1"), ("w", "both")] {
        let sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": username, "identifier": identifier, "content": "p" });
        client.post("/iso/pam/credential", &sent).await.expect(201);
    }
    for (username, identifier) in [("u", "key"), ("v", "4")] {
        let sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": username, "identifier": identifier,
            "private_key": include_str!("../fixtures/ssh/ed25519"), "public_key": include_str!("../fixtures/ssh/ed25519.pub") });
        client.post("/iso/pam/key", &sent).await.expect(201);
    }
    for identifier in ["first", "1", "both"] {
        client.post("/iso/pam/info", &json!({ "identifier": identifier, "content": "x" })).await.expect(201);
    }
    let mut found = 0;
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.tag == "PAM Core") {
        let method = Method::from_bytes(endpoint.method.as_str().as_bytes()).unwrap();
        let named = endpoint.path.contains("{key}") && !endpoint.path.contains("session");
        let by_query = method == Method::GET && endpoint.path.ends_with("/pam/credential");
        let described = &description["paths"][&endpoint.path][endpoint.method.as_str().to_lowercase()]["responses"];
        let told = described["409"]["description"].as_str().unwrap_or_default().contains("The key names several items");
        assert_eq!(told, named || by_query, "{method} {}", endpoint.path);
        if !told {
            continue;
        }
        let key = match endpoint.path.split('/').nth(3).unwrap() {
            "item" => "both",
            "key" => "4",
            _ => "1",
        };
        let path = endpoint.path.replace("{key}", key).replace("{version}", "1");
        let query = if by_query { "?credential=1" } else { "" };
        let mut request = client.request(method.clone(), &format!("{path}{query}"));
        if method == Method::POST {
            request = request.json(&json!({ "decision": "retry" }));
        }
        client.send(request).await.expect_refusal(409, "Several credentials match");
        found += 1;
    }
    assert!(found > 60, "{found}");
}

#[actix_web::test]
async fn the_description_has_the_answers_of_the_families_that_are_off_by_default() {
    let app = TestApp::start_with(serve_all).await;
    let description = app.anonymous().get("/openapi.json").await.expect(200);
    let operation = |method: &str, path: &str| description["paths"][path][method].clone();
    for (method, path, statuses, headers) in [
        ("get", "/AIMWebService/api/Accounts", "200 400 403 404 429 500 503", "Accept-Encryption"),
        ("get", "/iso/sctm/secret", "200 400 401 403 429 500 503", "Accept-Encryption"),
        ("post", "/iso/dapp/application", "200 400 401 403 412 413 415 429 500 503", "Accept-Encryption"),
        ("delete", "/iso/dapp/application/authorization", "200 400 401 403 412 429 500 503", "Accept-Encryption"),
        (
            "post",
            "/iso/sctm/secret",
            "200 201 400 401 403 409 412 413 415 429 500 503",
            "Idempotency-Key Accept-Encryption",
        ),
        (
            "post",
            "/iso/cicd/variables",
            "200 400 401 403 409 412 413 415 429 500 503",
            "Idempotency-Key Accept-Encryption",
        ),
    ] {
        let operation = operation(method, path);
        let told: Vec<_> = operation["responses"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(told.join(" "), statuses, "{method} {path}");
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let named = parameters.filter(|parameter| parameter["in"] == "header");
        let named: Vec<_> = named.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(named.join(" "), headers, "{method} {path}");
    }
    // Each reads the header Accept-Encryption or not.
    for (method, path, is_read) in [
        ("get", "/v1/secret/data/{path}", true),
        ("post", "/v1/auth/approle/login", false),
        ("get", "/v1/sys/health", false),
        ("get", "/api/v2/pam/credentials", false),
        ("get", "/KeyfactorAPI/PamProviders", false),
    ] {
        assert_eq!(operation(method, path).to_string().contains("Accept-Encryption"), is_read, "{method} {path}");
    }
    let data = &description["components"]["schemas"]["DsmSecretData"]["oneOf"];
    let kinds: Vec<_> = data.as_array().unwrap().iter().map(|kind| &kind["type"]).collect();
    assert_eq!(kinds, [&json!("object"), &json!("string")], "{data}");
}

#[actix_web::test]
async fn each_oauth_endpoint_is_described_with_its_own_form_and_with_basic() {
    let app = TestApp::start().await;
    let description = app.anonymous().get("/openapi.json").await.expect(200);
    for prefix in ["/oauth2", "/iso/oauth2", "/api/oauth2"] {
        for (name, required) in [("token", "grant_type"), ("revoke", "token"), ("introspect", "token")] {
            let operation = &description["paths"][format!("{prefix}/{name}")]["post"];
            // HTTP Basic, or credentials in the body.
            assert_eq!(operation["security"], json!([{ "basic": [] }, {}]), "{prefix}/{name}");
            for media_type in ["application/json", "application/x-www-form-urlencoded"] {
                let schema = &operation["requestBody"]["content"][media_type]["schema"]["$ref"];
                let schema = description.pointer(&schema.as_str().unwrap()[1..]).unwrap();
                assert_eq!(schema["required"], json!([required]), "{prefix}/{name}");
                let mut found = BTreeSet::new();
                properties(&description, schema, &mut found);
                let credentials = ["client_id", "client_secret", "client_assertion_type", "client_assertion"];
                assert!(credentials.iter().all(|member| found.contains(*member)), "{found:?}");
                assert_eq!(found.len() == 5, name != "token", "{found:?}");
            }
        }
    }
}

#[actix_web::test]
async fn the_description_refers_to_nothing_that_is_not_there() {
    let app = TestApp::start().await;
    let description = app.anonymous().get("/openapi.json").await.expect(200);
    let text = description.to_string();
    let references = text.split(r##""$ref":"#"##).skip(1).map(|rest| rest.split('"').next().unwrap());
    let references: BTreeSet<_> = references.collect();
    assert!(references.len() > 5, "{references:?}");
    let dangling: Vec<_> = references.iter().filter(|reference| description.pointer(reference).is_none()).collect();
    assert!(dangling.is_empty(), "{dangling:?}");
}

#[actix_web::test]
async fn every_route_answers_as_it_is_described() {
    let app = TestApp::start().await;
    let client = app.client().await;
    for endpoint in endpoints() {
        let (method, path) = (endpoint.method.as_str(), &endpoint.path);
        let answer = call(&client, method, path).await;
        let described: Vec<u16> = endpoint.answers.iter().map(|answer| answer.status).collect();
        assert!(described.contains(&answer.status.as_u16()), "{method} {path}: {} {}", answer.status, answer.text);
        let anonymous = call(&app.anonymous(), method, path).await;
        if endpoint.bearer {
            if endpoint.basic {
                anonymous.expect_error(401, "Credentials are required");
            } else {
                anonymous.expect_refusal(401, "No route matched with those values");
            }
        }
        let secret = ["PAM Core", "Proxy sessions", "Keyfactor"].contains(&endpoint.tag);
        let keeps = if secret || path.contains("/oauth2/") { Some("no-store") } else { None };
        if keeps.is_some() {
            assert_eq!(answer.header("cache-control"), keeps, "{method} {path}");
            assert_eq!(anonymous.header("cache-control"), keeps, "{method} {path}");
        }
    }
}

#[actix_web::test]
async fn every_other_method_is_405_and_hears_which_ones_there_are() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let mut table = table();
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.head) {
        table.entry(endpoint.path).or_default().insert("HEAD".into());
    }
    for (path, methods) in &table {
        // Where a key would fit as well, the methods of the path with the key are there too.
        let keyed = path.rsplit_once('/').and_then(|(before, _)| table.get(&format!("{before}/{{key}}")));
        let methods: BTreeSet<String> = methods.iter().chain(keyed.into_iter().flatten()).cloned().collect();
        for method in EVERY_METHOD.iter().filter(|method| !methods.contains(**method)) {
            for caller in [&client, &app.anonymous()] {
                let answer = call(caller, method, path).await;
                expect_unserved(&answer, path, 405);
                let allowed = answer.header("allow").unwrap().split(", ").map(String::from).collect();
                assert_eq!(methods, allowed, "{method} {path}");
            }
        }
    }
}

#[actix_web::test]
async fn what_is_not_served_is_404_for_every_method() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let paths = [
        "/",
        "/iso/pam",
        "/iso/pam/devicex",
        "/api/pam/device/1/2",
        "/pam/device",
        "/isox",
        "/oauth2x/token",
        "/health",
        "/metrics/x",
        "/oauth2/",
        "/iso/oauth2/x",
        "/.well-known/x",
        "/KeyfactorAPI/x",
    ];
    for path in paths {
        for method in EVERY_METHOD {
            for caller in [&client, &app.anonymous()] {
                expect_unserved(&call(caller, method, path).await, path, 404);
            }
        }
    }
    // Whichever family answers, an authenticated request leaves its record.
    let sql = "SELECT CAST(COUNT(*) AS INTEGER) FROM audit_record WHERE action = 'route.unknown'";
    let expected = i32::try_from(paths.len() * EVERY_METHOD.len()).unwrap();
    assert_eq!(app.database.numbers(sql), [expected]);
}

#[actix_web::test]
async fn the_page_to_browse_the_api_comes_whole_from_the_binary() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    for path in ["/docs", "/docs/", "/docs/index.html"] {
        let page = anonymous.request(Method::GET, path).send().await.unwrap();
        assert_eq!(page.status(), 200, "{path}");
        assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"), "{path}");
        let (base, text) = (page.url().clone(), page.text().await.unwrap());
        let links = [r#"src=""#, r#"href=""#].into_iter().flat_map(|attribute| text.split(attribute).skip(1));
        let links: Vec<&str> = links.map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(links.len() >= 3, "{text}");
        for link in links {
            let target = base.join(link).unwrap();
            assert_eq!(target.origin(), base.origin(), "{link} leads elsewhere");
            assert_eq!(anonymous.get(target.path()).await.status, 200, "{link} on {base}");
        }
    }
    let start = anonymous.get("/docs/swagger-initializer.js").await.text;
    assert!(start.contains(r#""../openapi.json""#) && !start.contains("http"), "{start}");
}
