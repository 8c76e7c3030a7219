//! The forms in which parameters may come (contract, sections 1.2 and 17).

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient, device};

async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    (app, client)
}

const FORM: [(&str, &str); 5] =
    [("hostname", "a"), ("ip", "10.0.0.1"), ("username", "u"), ("identifier", "i"), ("content", "p&=+ ç%")];

#[actix_web::test]
async fn a_form_is_taken() {
    let (_app, client) = vault().await;
    client.post_form("/iso/pam/credential", &FORM).await.expect(201);
    assert_eq!(client.password("i").await, "p&=+ ç%");
}

#[actix_web::test]
async fn multipart_is_taken() {
    let (_app, client) = vault().await;
    let form = FORM.iter().fold(reqwest::multipart::Form::new(), |form, (name, value)| form.text(*name, *value));
    client.send(client.request(Method::POST, "/iso/pam/credential").multipart(form)).await.expect(201);
    assert_eq!(client.password("i").await, "p&=+ ç%");
}

#[actix_web::test]
async fn the_query_is_taken_and_the_body_wins() {
    let (_app, client) = vault().await;
    client.send(client.request(Method::POST, "/iso/pam/credential").query(&FORM)).await.expect(201);
    assert_eq!(client.password("i").await, "p&=+ ç%");
    let both = client.request(Method::POST, "/iso/pam/credential").query(&FORM).json(&json!({ "content": "body" }));
    client.send(both).await.expect(201);
    assert_eq!(client.password("i").await, "body");
}

#[actix_web::test]
async fn a_form_may_nest_as_php_writes_it() {
    let (_app, client) = vault().await;
    let mut form = FORM.to_vec();
    form.push(("execution_settings[automatic_change]", "yes"));
    client.post_form("/iso/pam/credential", &form).await.expect(201);
    assert_eq!(client.get("/iso/pam/credential").await.expect(200)["credentials"][0]["automatic_change"], "1");
    assert_eq!(client.get("/api/pam/credential").await.expect(200)["credentials"][0]["automatic_change"], true);
}

#[actix_web::test]
async fn a_form_that_nests_deeper_is_refused_by_name_and_nothing_is_kept() {
    let (app, client) = vault().await;
    let path = "/iso/pam/credential";
    let deep = "additional_settings[additional_authentication_fields][0][value]";
    let message = "Invalid parameter additional_settings: a form nests one level deep, as group[member]; send JSON";
    let form = [FORM.as_slice(), &[(deep, "hunter2"), ("additional_settings[server_path]", "/")]].concat();
    let parts = form.iter().fold(reqwest::multipart::Form::new(), |parts, (name, value)| parts.text(*name, *value));
    let request = || client.request(Method::POST, path);
    for request in [request().form(&form), request().multipart(parts), request().query(&form)] {
        let answer = client.send(request).await;
        answer.expect_refusal(400, message);
        assert!(!answer.text.contains("hunter2"), "{}", answer.text);
    }
    let unknown = [FORM.as_slice(), &[("hunter2[a][0]", "hunter2")]].concat();
    let answer = client.post_form(path, &unknown).await;
    answer.expect_refusal(400, "A parameter of a form may nest one level deep, as group[member]; send JSON");
    assert!(!answer.text.contains("hunter2"), "{}", answer.text);
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM credential"), [0]);
}

#[actix_web::test]
async fn an_array_of_objects_may_be_empty_in_a_form() {
    let (_app, client) = vault().await;
    let form = [
        ("hostname", "a"),
        ("ip", "10.0.0.1"),
        ("username", "u"),
        ("identifier", "k"),
        ("private_key", include_str!("../fixtures/ssh/ed25519")),
        ("public_key", include_str!("../fixtures/ssh/ed25519.pub")),
        ("devices", ""),
    ];
    client.post_form("/iso/pam/key", &form).await.expect(201);
    assert_eq!(client.get("/iso/pam/key/k").await.expect(200)["key"]["devices"], json!([]));
    // As of an absent one, an update leaves what is there.
    let devices = json!({ "identifier": "k", "hostname": "a", "ip": "10.0.0.1", "devices": [{ "hostname": "a" }] });
    client.post("/iso/pam/key", &devices).await.expect(201);
    client.post_form("/iso/pam/key", &form).await.expect(201);
    assert_eq!(client.get("/iso/pam/key/k").await.expect(200)["key"]["devices"][0]["hostname"], "a");
}

#[actix_web::test]
async fn null_is_absent_and_numbers_and_booleans_may_be_text() {
    let (_app, client) = vault().await;
    let sent = json!({
        "hostname": "a", "ip": "10.0.0.1", "username": 42, "identifier": null, "content": 1234, "tags": null,
        "parent_password": "", "unknown": { "is": ["ignored"] },
        "execution_settings": [{ "automatic_change": "TRUE", "status": 0, "parent_credential": null }]
    });
    client.save_credential(&sent).await;
    let read = client.get("/iso/pam/credential/42@a").await.expect(200)["credential"].clone();
    assert_eq!((&read["password"], &read["identifier"]), (&json!("1234"), &json!(null)));
}

#[actix_web::test]
async fn a_body_without_a_content_type_is_told_from_its_first_byte() {
    let (_app, client) = vault().await;
    let json = r#"{"hostname":"a","ip":"10.0.0.1","username":"u","content":"json"}"#;
    for (body, content) in [(json, "json"), ("hostname=a&ip=10.0.0.1&username=u&content=form", "form")] {
        client.send(client.request(Method::POST, "/iso/pam/credential").body(body)).await.expect(201);
        assert_eq!(client.password("1").await, content);
    }
}

#[actix_web::test]
async fn bodies_on_calls_by_key_are_ignored() {
    let (_app, client) = vault().await;
    client.post_form("/iso/pam/credential", &FORM).await.expect(201);
    // A published client sends a form under a JSON content type here.
    for (method, path) in [
        (Method::GET, "/iso/pam/credential/i"),
        (Method::GET, "/iso/pam/device/a"),
        (Method::DELETE, "/iso/pam/credential/custody/i"),
        (Method::DELETE, "/iso/pam/credential/i"),
        (Method::PUT, "/iso/pam/credential/i"),
        (Method::DELETE, "/iso/pam/device/a"),
        (Method::PUT, "/iso/pam/device/a"),
    ] {
        let request = client.request(method.clone(), path).header("Content-Type", "application/json");
        client.send(request.body("identifier=i&device=a{{{")).await.expect(200);
    }
}

#[actix_web::test]
async fn a_body_that_is_not_what_it_says_is_refused_on_post() {
    let (_app, client) = vault().await;
    for (kind, body, part) in [
        ("application/json", "{\"hostname\": \"s3cr3t", "not valid JSON"),
        ("application/json", "hostname=a&content=s3cr3t", "looks like a form"),
        ("application/json", "s3cr3t", "not valid JSON"),
        ("application/json", "[\"s3cr3t\"]", "JSON object"),
        ("application/json", "\"s3cr3t\"", "JSON object"),
        ("application/json; charset=utf-8", "{", "not valid JSON"),
        ("multipart/form-data", "s3cr3t", "no boundary"),
        ("application/x-www-form-urlencoded", "{\"content\": \"s3cr3t\"}", "looks like JSON"),
        ("multipart/form-data; boundary=x", "s3cr3t", "not a valid form"),
    ] {
        for path in ["/iso/pam/credential", "/api/pam/device"] {
            let request = client.request(Method::POST, path).header("Content-Type", kind).body(body);
            let answer = client.send(request).await;
            answer.expect_refusal(400, part);
            assert!(!answer.text.contains("s3cr3t"), "{}", answer.text);
        }
    }
}

#[actix_web::test]
async fn a_parameter_of_the_wrong_form_is_named_and_not_repeated() {
    let (_app, client) = vault().await;
    for (parameter, value) in [
        ("hostname", json!(["s3cr3t"])),
        ("username", json!({ "s3cr3t": 1 })),
        ("content", json!(["s3cr3t"])),
        ("content", json!(1.5)),
        ("identifier", json!("s3cr3t\n")),
        ("identifier", json!(format!("s3cr3t{}", "x".repeat(300)))),
        ("additional", json!("s3cr3t\u{0}")),
        ("parent_password", json!("s3cr3t")),
        ("execution_settings", json!("s3cr3t")),
    ] {
        let mut sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u" });
        sent[parameter] =
            if parameter == "identifier" && value == json!("s3cr3t\n") { json!("s3c\nr3t") } else { value };
        let answer = client.post("/iso/pam/credential", &sent).await;
        answer.expect_refusal(400, parameter);
        assert!(!answer.text.contains("s3c"), "{}", answer.text);
    }
    assert_eq!(client.get("/iso/pam/credential").await.expect(200)["credentials"], json!([]));
}

#[actix_web::test]
async fn a_body_beyond_the_limit_is_refused() {
    let app = TestApp::start_with(|settings| settings.http.max_body_bytes = 1000).await;
    let client = app.client().await;
    let sent = json!({ "hostname": "a", "content": "x".repeat(1000) });
    client.post("/iso/pam/credential", &sent).await.expect_refusal(413, "too large");
    client
        .post_form("/iso/pam/device", &[("hostname", "x".repeat(1000).as_str())])
        .await
        .expect_refusal(413, "too large");
    let form = reqwest::multipart::Form::new().text("hostname", "x".repeat(1000));
    let request = client.request(Method::POST, "/iso/pam/device").multipart(form);
    client.send(request).await.expect_refusal(413, "too large");
}

#[actix_web::test]
async fn what_is_the_vaults_own_cannot_be_assigned() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let stranger = app.client().await;
    let own = json!({
        "id": 77, "owner": "x", "authorization_id": 2, "client_id": stranger.client_id, "tenant": "x", "kind": "ssh_key",
        "active": false, "created_at": 1, "changed_at": 1, "viewed_at": 1, "version": 9, "device_id": 9, "sealed": "x",
    });
    let with = |mut body: Value| {
        body.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        body
    };
    client.post("/iso/pam/device", &with(device("a", "10.0.0.1"))).await.expect(201);
    let credential = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": "p" });
    let key = json!({ "hostname": "a", "ip": "10.0.0.1", "identifier": "k", "private_key": include_str!("../fixtures/ssh/ed25519") });
    let information = json!({ "identifier": "n", "content": "p" });
    for _ in 0..2 {
        client.post("/iso/pam/credential", &with(credential.clone())).await.expect(201);
        client.post("/iso/pam/key", &with(key.clone())).await.expect(201);
        client.post("/iso/pam/info", &with(information.clone())).await.expect(201);
    }
    let rows =
        "SELECT id || ' ' || kind || ' ' || device_id FROM credential WHERE active AND viewed_at IS NULL ORDER BY id";
    assert_eq!(app.database.texts(rows), ["1 password 1", "2 ssh_key 1"]);
    assert_eq!(app.database.texts("SELECT id || hostname FROM device WHERE active AND created_at > 1"), ["1a"]);
    assert_eq!(app.database.texts("SELECT id || identifier FROM information WHERE active AND created_at > 1"), ["1n"]);
    assert_eq!(stranger.get("/iso/pam/credential").await.expect(200)["credentials"], json!([]));
    assert_eq!(client.password("i").await, "p");
}

#[actix_web::test]
async fn a_repeated_parameter_is_refused_by_name_and_nothing_is_kept() {
    let (app, client) = vault().await;
    let path = "/iso/pam/credential";
    let own = "hostname=a&ip=10.0.0.1&username=u&identifier=i";
    let json = |member: &str| format!(r#"{{"hostname":"a","ip":"10.0.0.1","username":"u","identifier":"i",{member}}}"#);
    let (form_type, json_type) = ("application/x-www-form-urlencoded", "application/json");
    let part = |name: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\nhunter2\r\n");
    let parts = format!("{}{}--x--\r\n", part("content"), part("content"));
    let (content, plugin, any) = (
        "Invalid parameter content: must not be repeated",
        "Invalid parameter jit: must not be repeated",
        "No parameter may be repeated",
    );
    for (media_type, body, expected) in [
        (json_type, json(r#""content":"hunter2","content":"b""#), content),
        (json_type, json(r#""content":"hunter2","\u0063ontent":"hunter2""#), content),
        (json_type, json(r#""jit_settings":{"jit":"hunter2","jit":"b"}"#), plugin),
        (json_type, json(r#""hunter2":1,"hunter2":2"#), any),
        (json_type, json(r#""content":"a","x":{"y":[{"hunter2":1,"hunter2":2}]}"#), any),
        (form_type, format!("{own}&content=hunter2&content=b"), content),
        (form_type, format!("{own}&jit_settings[jit]=hunter2&jit_settings%5Bjit%5D=b"), plugin),
        (form_type, format!("{own}&hunter2=1&hunter2=2"), any),
        ("multipart/form-data; boundary=x", parts, content),
    ] {
        let request = client.request(Method::POST, path).header("Content-Type", media_type).body(body.clone());
        let answer = client.send(request).await;
        assert_eq!(answer.expect(400)["response"]["message"], expected, "{body}");
        assert!(!answer.text.contains("hunter2"), "{body}");
    }
    let twice = client.post("/iso/pam/credential?content=a&content=b", &json!({ "hostname": "a" })).await;
    assert_eq!(twice.expect(400)["response"]["message"], content);
    let twice = client.get("/iso/pam/credential?limit=1&limit=2").await;
    assert_eq!(twice.expect(400)["response"]["message"], "Invalid parameter limit: must not be repeated");
    let nested = r#"{"items":[{"save":{"hostname":"a","content":"a","content":"b"}}]}"#;
    let batch = client.request(Method::POST, "/iso/pam/credential/batch").header("Content-Type", json_type);
    assert_eq!(client.send(batch.body(nested)).await.expect(400)["response"]["message"], content);
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM credential"), [0]);
}

#[actix_web::test]
async fn a_body_in_a_format_that_nothing_reads_is_refused_with_those_that_are() {
    let (_app, client) = vault().await;
    let parts = "--x\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\nhunter2\r\n--x--\r\n";
    let message = "The request body must be application/json, application/x-www-form-urlencoded or multipart/form-data";
    for (media_type, body) in [
        ("multipart/mixed; boundary=x", parts),
        ("multipart/related; boundary=x", parts),
        ("application/xml", "<credential a=\"b\"/>"),
        ("application/yaml", "content: a=b"),
        ("application/octet-stream", "\u{1f}hunter2"),
        ("", parts),
    ] {
        let request = client.request(Method::POST, "/iso/pam/credential").body(body);
        let request = if media_type.is_empty() { request } else { request.header("Content-Type", media_type) };
        let answer = client.send(request).await;
        answer.expect_refusal(415, message);
        assert!(!answer.text.contains("hunter2"));
    }
    for media_type in ["multipart/mixed; boundary=x", "application/xml"] {
        let request = client.request(Method::POST, "/oauth2/token").header("Content-Type", media_type).body(parts);
        let expected = "The request body must be application/x-www-form-urlencoded or application/json";
        assert_eq!(client.send(request).await.expect(415)["error_description"], expected);
    }
}
