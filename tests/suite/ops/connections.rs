//! Connections without a request: kept open for a time, and closed when the server stops.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use chaveiro::config::Settings;

use crate::support::{Program, TestApp};

/// Sends one request on a connection of its own, and returns it after the answer.
fn idle_connection(address: SocketAddr) -> TcpStream {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    connection.write_all(b"GET /health/live HTTP/1.1\r\nHost: vault\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(br#"{"status":"ok"}"#) {
        let mut byte = [0];
        assert_eq!(connection.read(&mut byte).unwrap(), 1, "closed too early");
        answer.extend(byte);
    }
    let head = String::from_utf8(answer).unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 200") && !head.contains("connection: close"), "{head}");
    connection
}

/// Waits until the server closes the connection, and returns how long that took.
async fn closed(mut connection: TcpStream) -> Duration {
    let since = Instant::now();
    let end = actix_web::web::block(move || connection.read(&mut [0])).await.unwrap();
    assert_eq!(end.unwrap(), 0, "more than one answer");
    since.elapsed()
}

#[actix_web::test]
async fn an_idle_connection_is_closed_after_the_configured_time() {
    let app = TestApp::start_with(|settings| settings.http.keep_alive_seconds = 1).await;
    let address = app.address;
    let connection = actix_web::web::block(move || idle_connection(address)).await.unwrap();
    assert!(closed(connection).await < Duration::from_secs(30));
    // Longer than the idle timeout of the usual balancers, which is 60 seconds.
    assert_eq!(Settings::defaults().unwrap().http.keep_alive_seconds, 75);
}

#[actix_web::test]
async fn an_idle_connection_does_not_delay_the_end_of_the_server() {
    let program = Program::initialised();
    let server = program.serve();
    let connection = idle_connection(server.address);
    let since = Instant::now();
    assert_eq!(server.stop().code, 0);
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    closed(connection).await;
}
