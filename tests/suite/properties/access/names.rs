//! Names and paths widen no grant: whoever is let at one name gets at no other by spelling it otherwise.

use std::io::{Read, Write};
use std::net::TcpStream;

use chaveiro::vault::access::link::LinkTarget;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient};

const CANARY: &str = "canary-of-the-other";

fn credential(username: &str, identifier: &str, content: &str, tags: &str) -> Value {
    json!({ "hostname": "a", "ip": "10.0.0.1", "username": username, "identifier": identifier, "content": content, "tags": tags })
}

/// Sends a path as it stands, which a client library would tidy up first. Gives the whole answer.
fn raw(app: &TestApp, client: &TestClient, path: &str) -> String {
    let mut stream = TcpStream::connect(app.address).unwrap();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
        client.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[actix_web::test]
async fn no_spelling_of_a_path_leads_to_another_credential() {
    let app = TestApp::start().await;
    let (owner, client) = (app.client().await, app.client().await);
    owner.create_device("a", "10.0.0.1").await;
    owner.save_credential(&credential("mine", "mine", "p", "")).await;
    owner.save_credential(&credential("other", "other", CANARY, "")).await;
    app.link(&client, LinkTarget::Credential("mine".into())).await;
    assert!(raw(&app, &client, "/iso/pam/credential/mine").starts_with("HTTP/1.1 200"));
    for path in [
        "/iso/pam/credential/mine/../other",
        "/iso/pam/credential/mine/%2e%2e/other",
        "/iso/pam/credential/mine%2f..%2fother",
        "/iso/pam/credential/mine/..%2fother",
        "/iso/pam//credential/other",
        "//iso/pam/credential/other",
        "/iso/./pam/credential/other",
        "/ISO/pam/credential/other",
        "/iso/pam/credential/other/",
        "/iso/pam/credential/%6fther",
        "/iso/pam/credential/OTHER",
        "/iso/pam/credential/other%00",
        "/iso/pam/credential/mine%00other",
        "/iso/pam/credential/mine,other",
        "/iso/pam/credential/*",
        "/iso/pam/credential/%2a",
        "/iso/pam/credential/%25",
        "/iso/pam/credential/_ther",
        "/iso/pam/credential/%27%20OR%201=1--",
        "/iso/pam/credential/2;1",
        "/iso/pam/credential/+2",
        "/iso/pam/credential/02",
        "/iso/pam/credential/2.0",
        "/iso/pam/credential/other@a",
        "/iso/pam/credential/mine@a@other@a",
        "/iso/pam/credential?credential=other",
        "/iso/pam/credential/mine?credential=other",
        "/iso/pam/credential/mine?key=other",
        "/api/pam/credential/other",
        "/iso/pam/credential/other/versions/1",
        "/iso/pam/key/other",
        "/iso/pam/info/other",
    ] {
        let answer = raw(&app, &client, path);
        assert!(!answer.contains(CANARY), "{path}: {answer}");
        if !path.starts_with("/iso/pam/credential/mine?") {
            assert!(!answer.starts_with("HTTP/1.1 2"), "{path}: {answer}");
        }
    }
}

#[actix_web::test]
async fn a_tag_is_itself_and_no_pattern() {
    let app = TestApp::start().await;
    let owner = app.client().await;
    owner.create_device("a", "10.0.0.1").await;
    let tags = ["a", "a*", "*", "%", "_", "a/b", "a b", "a+b", "..", "a'b", "\\", "ab", "tag:a", "ä"];
    for (index, tag) in tags.iter().enumerate() {
        owner.save_credential(&credential(&format!("u{index}"), &format!("i{index}"), CANARY, tag)).await;
    }
    for (index, tag) in tags.iter().enumerate() {
        let client = app.client().await;
        app.link(&client, LinkTarget::Tag((*tag).into())).await;
        let body = client.get("/iso/pam/credential").await.expect(200);
        let seen: Vec<&str> =
            body["credentials"].as_array().unwrap().iter().map(|row| row["identifier"].as_str().unwrap()).collect();
        assert_eq!(seen, [format!("i{index}")], "{tag}");
        for (other, other_tag) in tags.iter().enumerate() {
            let status = client.get(&format!("/iso/pam/credential/i{other}")).await.status;
            assert_eq!(status == 200, other == index, "{tag} and {other_tag}");
        }
    }
}

#[actix_web::test]
async fn an_identifier_is_itself_and_no_pattern() {
    let app = TestApp::start().await;
    let (owner, client) = (app.client().await, app.client().await);
    owner.create_device("a", "10.0.0.1").await;
    let names = ["x", "X", "x*", "x%", "x_", "x,y", "x+y", "x y", "..", "x@a", "x'", "%2e%2e", "*"];
    for (index, name) in names.iter().enumerate() {
        owner.save_credential(&credential(&format!("u{index}"), name, &format!("p{index}"), "")).await;
    }
    app.link(&client, LinkTarget::Credential("x".into())).await;
    for (index, name) in names.iter().enumerate() {
        let encoded: String = form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20");
        let path = format!("/iso/pam/credential?credential={encoded}");
        assert_eq!(owner.get(&path).await.expect(200)["credential"]["password"], format!("p{index}"), "{name}");
        assert_eq!(client.get(&path).await.status == 200, *name == "x", "{name}");
    }
}
