//! Signals of a running server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::serving;
use crate::support::Program;

#[actix_web::test]
async fn without_tls_sighup_reloads_nothing_and_the_server_goes_on() {
    let (_program, server, _, client) = serving().await;
    for name in ["USR1", "USR2", "PIPE"] {
        server.signal(name);
    }
    server.reload("SIGHUP: no TLS files to reload");
    client.get("/iso/pam/device").await.expect(200);
    let finished = server.stop();
    assert_eq!(finished.code, 0, "{finished:?}");
    assert!(finished.stderr.contains("stopped; every acknowledged write is kept"));
}

#[test]
fn a_server_that_has_just_started_stops_in_order() {
    let program = Program::initialised();
    for name in ["TERM", "INT", "QUIT"] {
        let server = program.serve();
        server.signal(name);
        let finished = server.end();
        assert_eq!(finished.code, 0, "SIG{name}: {finished:?}");
        assert!(finished.stderr.contains("stopped; every acknowledged write is kept"));
    }
}

#[actix_web::test]
async fn sigterm_waits_for_a_request_in_progress_and_sigint_cuts_the_wait_short() {
    let (_program, server, _, client) = serving().await;
    // A request whose body does not come.
    let mut stream = TcpStream::connect(server.address).unwrap();
    let token = &client.token;
    let head =
        format!("POST /iso/pam/device HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 9\r\n");
    stream
        .write_all(format!("{head}Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n").as_bytes())
        .unwrap();
    let mut line = [0; 12];
    stream.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"HTTP/1.1 100", "the handler waits for the body");
    server.ask_to_stop();
    server.stderr.wait_for("SIGTERM: the requests in progress are completed", Duration::from_secs(60)).unwrap();
    server.signal("INT");
    let started = Instant::now();
    assert_eq!(server.end().code, 0);
    // http.shutdown_seconds are 30.
    assert!(started.elapsed() < Duration::from_secs(15));
}
