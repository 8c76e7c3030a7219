//! Bytes that arrive other than they were meant: octets that are not UTF-8, white space at the ends of a secret, parts of a
//! form that are encoded once more.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient};

const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=x";
const ACCOUNT: &str = "hostname=a&ip=10.0.0.1&username=u";

async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    (app, client)
}

async fn send(client: &TestClient, path: &str, content_type: &str, body: &[u8]) -> Answer {
    client.send(client.request(Method::POST, path).header("Content-Type", content_type).body(body.to_vec())).await
}

/// A part of a form, whose headers are given.
fn part(headers: &str, value: &[u8]) -> Vec<u8> {
    [b"--x\r\nContent-Disposition: form-data; ", headers.as_bytes(), b"\r\n\r\n", value, b"\r\n"].concat()
}

/// The form of an account with one part more.
fn parts(headers: &str, value: &[u8]) -> Vec<u8> {
    let account = ["hostname=a", "ip=10.0.0.1", "username=u"].map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        part(&format!("name=\"{name}\""), value.as_bytes())
    });
    [account.concat(), part(headers, value), b"--x--\r\n".to_vec()].concat()
}

/// Asserts that nothing was stored but the device of the beginning.
fn assert_nothing_stored(app: &TestApp) {
    for (table, count) in [("device", 1), ("credential", 0), ("information", 0), ("secret", 1)] {
        let found = app.database.numbers(&format!("SELECT CAST(COUNT(*) AS INTEGER) FROM {table}"));
        assert_eq!(found, [count], "{table}");
    }
}

/// Latin-1, an overlong form, a surrogate, a character cut short.
const OCTETS: [&str; 4] = ["caf%E9-1", "%C0%80", "%ED%A0%80", "x%F0%9F%94"];

#[actix_web::test]
async fn octets_that_are_not_utf_8_are_refused_by_the_name_of_the_field() {
    let (app, client) = vault().await;
    for octets in OCTETS {
        for (path, form, field) in [
            ("credential", format!("{ACCOUNT}&content={octets}"), "parameter content"),
            ("credential", format!("{ACCOUNT}&content=p&username={octets}"), "parameter username"),
            ("credential", format!("{ACCOUNT}&content=p&tags=a,{octets}"), "parameter tags"),
            ("credential", format!("{ACCOUNT}&content=p&notes={octets}"), "parameter notes"),
            ("credential", format!("{ACCOUNT}&content=p&jit_settings[jit]={octets}"), "parameter jit"),
            ("credential", format!("{ACCOUNT}&content={octets}&content=p"), "parameter content"),
            ("credential", format!("{ACCOUNT}&content=p&unknown={octets}"), "value of every parameter"),
            ("credential", format!("{ACCOUNT}&content=p&{octets}=x"), "name of every parameter"),
            ("device", format!("hostname=b&ip=1&site=s&model=m&vendor=v&type={octets}"), "parameter type"),
            ("info", format!("content={octets}"), "parameter content"),
            ("key", format!("private_key={octets}"), "parameter private_key"),
            ("key", format!("password={octets}"), "parameter password"),
            ("use", format!("identifier={octets}"), "parameter identifier"),
        ] {
            for prefix in ["iso", "api"] {
                let path = format!("/{prefix}/pam/{path}");
                send(&client, &path, FORM, form.as_bytes()).await.expect_refusal(400, field);
                send(&client, &format!("{path}?{form}"), FORM, b"").await.expect_refusal(400, field);
            }
        }
    }
    for (headers, field) in
        [("name=\"content\"", "parameter content"), ("name=\"unknown\"", "value of every parameter")]
    {
        send(&client, "/iso/pam/credential", PARTS, &parts(headers, b"caf\xe9")).await.expect_refusal(400, field);
    }
    assert_nothing_stored(&app);
}

#[actix_web::test]
async fn octets_that_are_not_utf_8_name_nothing() {
    let (app, client) = vault().await;
    // What a lossy reader would look up.
    let named =
        json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "caf\u{fffd}", "content": "p" });
    client.save_credential(&named).await;
    for path in [
        "credential/caf%E9",
        "credential/caf%E9/totp",
        "credential/custody/caf%E9",
        "device/%ff",
        "key/%80/versions",
        "info/%C0%80",
    ] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let answer = client.send(client.request(method, &format!("/iso/pam/{path}"))).await;
            if answer.status != 405 {
                answer.expect_refusal(400, "The path must be UTF-8");
            }
        }
    }
    for (query, field) in [
        ("credential?credential=caf%E9", "parameter credential"),
        ("credential?username=%E9", "parameter username"),
        ("credential?other=%E9", "value of every parameter"),
        ("device?hostname=%E9", "parameter hostname"),
        ("key?tag=%E9", "parameter tag"),
        ("info?%E9=x", "name of every parameter"),
    ] {
        client.get(&format!("/api/pam/{query}")).await.expect_refusal(400, field);
    }
    assert_eq!(client.password("caf%EF%BF%BD").await, "p");
    let refused = app.database.texts("SELECT outcome FROM audit_record WHERE outcome = 'invalid-input'");
    assert!(refused.len() > 10, "each is recorded: {refused:?}");
}

#[actix_web::test]
async fn an_escape_that_is_none_stands_for_itself() {
    let (_app, client) = vault().await;
    for content in ["100%", "%zz", "%4", "a%%b"] {
        let form = format!("{ACCOUNT}&content={content}");
        send(&client, "/iso/pam/credential", FORM, form.as_bytes()).await.expect(201);
        assert_eq!(client.password("1").await, content);
    }
}

#[actix_web::test]
async fn white_space_at_the_ends_of_a_secret_is_part_of_it() {
    let (_app, client) = vault().await;
    for (body, content) in [
        ("content=abc  ", "abc  "),
        ("content=  abc\t", "  abc\t"),
        ("content=abc%0A", "abc\n"),
        ("content=abc+%0D%0A", "abc \r\n"),
        ("content=%E2%80%83abc%C2%A0", "\u{2003}abc\u{a0}"),
        // A program that sends a text file adds a line end, which an encoder of forms would have escaped.
        ("content=abc\r\n", "abc"),
        ("content=abc\n", "abc"),
        ("content=abc%0A\n", "abc\n"),
        ("content=abc\n\n", "abc\n"),
    ] {
        for content_type in [FORM, "text/plain"] {
            let form = format!("{ACCOUNT}&{body}");
            send(&client, "/iso/pam/credential", content_type, form.as_bytes()).await.expect(201);
            assert_eq!(client.password("1").await, content, "{body:?}");
        }
    }
    for content in [" abc ", "abc\r\n", "\n", "abc\n\n"] {
        let body = parts("name=\"content\"", content.as_bytes());
        send(&client, "/iso/pam/credential", PARTS, &body).await.expect(201);
        assert_eq!(client.password("1").await, content);
        let sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "content": content });
        send(&client, "/iso/pam/credential", "application/json", format!("\r\n{sent}\r\n").as_bytes())
            .await
            .expect(201);
        assert_eq!(client.password("1").await, content);
    }
}

#[actix_web::test]
async fn a_part_of_a_form_is_its_bytes() {
    let (app, client) = vault().await;
    for (headers, status, part) in [
        ("name=\"content\"\r\nContent-Transfer-Encoding: base64", 400, "Content-Transfer-Encoding"),
        ("name=\"content\"\r\nContent-Transfer-Encoding: quoted-printable", 400, "Content-Transfer-Encoding"),
        (
            "name=\"content\"\r\nContent-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: base64",
            400,
            "Content-Transfer-Encoding",
        ),
        ("name=\"content\"\r\nContent-Type: text/plain; charset=utf-16", 415, "charset"),
    ] {
        send(&client, "/iso/pam/credential", PARTS, &parts(headers, b"cA==")).await.expect_refusal(status, part);
    }
    let latin = "name=\"content\"\r\nContent-Type: text/plain; charset=ISO-8859-1";
    for octets in ["ção=".as_bytes(), b"caf\xe9"] {
        send(&client, "/iso/pam/credential", PARTS, &parts(latin, octets)).await.expect_refusal(415, "charset");
    }
    assert_nothing_stored(&app);
    for headers in [
        "name=\"content\"\r\nContent-Transfer-Encoding: 8bit",
        "name=\"content\"\r\nContent-Transfer-Encoding: Binary",
        "name=\"content\"\r\nContent-Type: text/plain; charset=UTF-8",
        "name=\"content\"; filename=\"secret.txt\"\r\nContent-Type: application/octet-stream",
        // Other headers of a part do not count (RFC 7578, section 4.8), least of all a wrong length.
        "name=\"content\"\r\nContent-Length: 4",
        "name=\"content\"\r\nContent-Length: 6",
        "name=\"content\"\r\nContent-Length: 0",
    ] {
        send(&client, "/iso/pam/credential", PARTS, &parts(headers, "ção=".as_bytes())).await.expect(201);
        assert_eq!(client.password("1").await, "ção=");
    }
    // What Apache HttpClient names unless told otherwise: ASCII is the same text in UTF-8.
    send(&client, "/iso/pam/credential", PARTS, &parts(latin, b"plain")).await.expect(201);
    assert_eq!(client.password("1").await, "plain");
    let form = "application/x-www-form-urlencoded; charset=ISO-8859-1";
    let saved = |content: &str| format!("hostname=a&ip=10.0.0.1&username=u&content={content}").into_bytes();
    send(&client, "/iso/pam/credential", form, &saved("plain%2B1")).await.expect(201);
    assert_eq!(client.password("1").await, "plain+1");
    for ambiguous in ["caf%E9", "caf%C3%A9", "café"] {
        send(&client, "/iso/pam/credential", form, &saved(ambiguous)).await.expect_refusal(415, "charset");
    }
    assert_eq!(client.password("1").await, "plain+1");
}

#[actix_web::test]
async fn a_number_is_taken_where_one_is_expected_and_refused_for_a_text_with_several_spellings() {
    let (_app, client) = vault().await;
    let sent = |content: Value| json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "content": content });
    for content in [json!(1.0), json!(1e2), json!(-0.0), json!(1.5), json!(1e300)] {
        for path in ["/iso/pam/credential", "/api/pam/credential"] {
            client.post(path, &sent(content.clone())).await.expect_refusal(400, "content: expected a string");
        }
        let batch = json!({ "items": [{ "save": sent(content) }] });
        let item = client.post("/iso/pam/credential/batch", &batch).await.expect(200)["items"][0].clone();
        assert!(item["response"]["message"].as_str().unwrap().contains("content: expected a string"), "{item}");
    }
    let parent = client.save_credential(&sent(json!("p"))).await;
    for (id, status) in
        [(json!(1.0), 201), (json!("1"), 201), (json!("0001"), 400), (json!("1.0"), 400), (json!(1.5), 400)]
    {
        let child = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "child", "parent_password": id });
        let answer = client.post("/iso/pam/credential", &child).await;
        assert_eq!(answer.status.as_u16(), status, "{parent} {id}: {}", answer.text);
        if status == 400 {
            answer.expect_refusal(400, "parent_password: expected an id");
        }
    }
}
