//! What a client without a token can make the server keep or log: heads of requests and lines of the log.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::{Program, Serving, TestApp};

/// Sends bytes on a connection, and returns what is answered until the server closes it.
fn exchange(address: SocketAddr, sent: &[u8]) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // The server may close the connection before it has read everything.
    let _ = connection.write_all(sent);
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn statuses(answer: &str) -> Vec<&str> {
    answer.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)).collect()
}

#[actix_web::test]
async fn the_head_of_every_request_of_a_connection_is_limited() {
    let app = TestApp::start().await;
    let address = app.address;
    let exchange = async |sent: Vec<u8>| actix_web::web::block(move || exchange(address, &sent)).await.unwrap();
    let live = "GET /health/live HTTP/1.1\r\nHost: vault\r\n";
    let (large, endless) = ("v".repeat(33 * 1024), "v".repeat(200 * 1024));
    let many = "a: b\r\n".repeat(97);
    for before in ["", "GET /health/live HTTP/1.1\r\nHost: vault\r\n\r\n"] {
        let first = if before.is_empty() { vec![] } else { vec!["200"] };
        let expected = [first, vec!["431"]].concat();
        for head in [format!("{live}x: {large}\r\nConnection: close\r\n\r\n"), format!("{live}{many}\r\n")] {
            let answer = exchange(format!("{before}{head}").into_bytes()).await;
            assert_eq!(statuses(&answer), expected, "{answer}");
        }
        // Refused before its end, so that it is not kept.
        let answer = exchange(format!("{before}{live}x: {endless}").into_bytes()).await;
        assert!(answer.is_empty() || statuses(&answer) == expected, "{answer}");
    }
}

#[actix_web::test]
async fn a_head_that_is_too_large_is_refused_in_the_form_of_each_family() {
    let app = TestApp::start_with(|settings| settings.vault_kv.enabled = true).await;
    let client = app.client().await;
    let large = "v".repeat(33 * 1024);
    let send = async |method: Method, path: &str| client.send(client.request(method, path).header("x", &large)).await;
    let message = "The headers of the request are too large";
    send(Method::GET, "/iso/pam/device").await.expect_refusal(431, message);
    send(Method::GET, "/KeyfactorAPI/PamProviders").await.expect_error(431, message);
    assert_eq!(send(Method::POST, "/oauth2/token").await.expect(431)["error"], "invalid_request");
    assert_eq!(send(Method::GET, "/v1/secret/data/x").await.expect(431), json!({ "errors": [message] }));
    assert_eq!(send(Method::GET, "/health/live").await.expect(431), json!({ "status": "headers too large" }));
    client.send(client.request(Method::GET, "/iso/pam/device").header("x", &large[..16 * 1024])).await.expect(200);
    client.send(client.request(Method::GET, &format!("/iso/pam/device?x={large}"))).await.expect_refusal(431, message);
}

#[actix_web::test]
async fn a_client_without_a_token_does_not_fill_the_log() {
    let program = Program::initialised();
    let settings = program.database.dir.path().join("settings.toml");
    std::fs::write(&settings, "[http]\ntrusted_proxies = [\"127.0.0.1/32\"]\n").unwrap();
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.arg("--config").arg(&settings);
    let server = Serving::start(command);
    let anonymous = server.anonymous();
    for _ in 0..5 {
        let request = anonymous.request(Method::GET, "/health/live").header("X-Forwarded-For", "unknown");
        assert_eq!(anonymous.send(request).await.status, 400);
        let address = server.address;
        let answer =
            actix_web::web::block(move || exchange(address, b"\x16\x03\x01 no request\r\n\r\n")).await.unwrap();
        assert_eq!(statuses(&answer), ["400"]);
    }
    let log = server.stop().stderr;
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    let of_header = warnings.iter().filter(|line| line.contains("no readable address in x-forwarded-for")).count();
    assert_eq!(of_header, 1, "{warnings:?}");
    // A server on a slow machine may warn of other things too, but not of each request.
    assert!(warnings.len() < 5, "{warnings:?}");
}
