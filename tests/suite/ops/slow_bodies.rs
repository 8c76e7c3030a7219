//! Bodies that never end: they cost little memory, and authenticated requests and the logins of others go on.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use tokio::net::TcpSocket;

use crate::support::{Program, Serving, device};

const CONNECTIONS: usize = 300;
const BODY: usize = 1_000_000;
/// The head of a request with a signature, whose body is read before it is authenticated.
const SIGNED: &str = "POST /iso/pam/device HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: OAuth \
    oauth_consumer_key=\"a\", oauth_token=\"b\", oauth_signature_method=\"HMAC-SHA1\", oauth_signature=\"Yw==\", \
    oauth_timestamp=\"1\", oauth_nonce=\"n\"\r\n";

fn serve(program: &Program) -> Serving {
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("CHAVEIRO__HTTP__WORKERS", "2");
    command.env("CHAVEIRO__PAM__OAUTH1", "true");
    Serving::start(command)
}

/// Sends a body but for its last byte, as far as the server takes it. Returns the connection with the status, if there is one.
fn send_slowly(address: SocketAddr, head: &str) -> (TcpStream, Option<String>) {
    send_slowly_on(TcpStream::connect(address).unwrap(), head)
}

fn send_slowly_on(mut connection: TcpStream, head: &str) -> (TcpStream, Option<String>) {
    connection.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    connection.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
    let body = vec![b'a'; BODY - 1];
    let head = format!("{head}Host: vault\r\nContent-Length: {BODY}\r\n\r\n");
    connection.write_all(head.as_bytes()).unwrap();
    // A server that has answered need not read on.
    drop(connection.write_all(&body));
    let mut answer = [0; 12];
    let read = connection.read(&mut answer).ok().filter(|read| *read == answer.len());
    (connection, read.map(|_| String::from_utf8_lossy(&answer[9..]).into_owned()))
}

#[actix_web::test]
async fn slow_bodies_without_a_token_cost_little_memory_and_hold_up_nobody() {
    let program = Program::new();
    let credentials = program.create_client("app");
    let server = serve(&program);
    let client = server.client(&credentials).await;
    for (head, early) in [
        ("POST /iso/pam/device HTTP/1.1\r\nContent-Type: application/json\r\n", "401"),
        ("POST /KeyfactorAPI/PamProviders HTTP/1.1\r\nContent-Type: application/json\r\n", "401"),
        ("POST /oauth2/token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n", "413"),
        (SIGNED, "503"),
    ] {
        let (address, before) = (server.address, server.memory_kib("VmRSS"));
        server.reset_peak_memory();
        let head = head.to_string();
        let sent =
            actix_web::web::block(move || (0..CONNECTIONS).map(|_| send_slowly(address, &head)).collect::<Vec<_>>());
        let sent = sent.await.unwrap();
        let peak = server.memory_kib("VmHWM");
        assert!(peak < before + 80 * 1024, "{early}: {before} to {peak} KiB");
        let answered = sent.iter().filter(|(_, status)| status.as_deref() == Some(early)).count();
        assert!(answered > CONNECTIONS / 2, "{answered} are {early}");
        let created = client.post("/iso/pam/device", &device(&format!("srv{early}{peak}"), "10.0.0.1")).await;
        assert_ne!(created.status, 503, "{}", created.text);
        drop(sent);
    }
}

/// Connects from an address of this machine, which has all of 127.0.0.0/8.
async fn connect_from(source: &str, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
    let connection = socket.connect(address).await.unwrap().into_std().unwrap();
    connection.set_nonblocking(false).unwrap();
    connection
}

#[actix_web::test]
async fn networks_that_send_slowly_hold_no_login_of_others_and_their_bodies_end() {
    let program = Program::new();
    let credentials = program.create_client("app");
    let server = serve(&program);
    let mut connections = Vec::new();
    for number in 0..60 {
        connections.push(connect_from(&format!("127.0.{}.{}", 1 + number % 3, 1 + number / 3), server.address).await);
    }
    let sent = actix_web::web::block(move || {
        connections.into_iter().map(|connection| send_slowly_on(connection, SIGNED)).collect::<Vec<_>>()
    });
    let sent = sent.await.unwrap();
    let refused = sent.iter().filter(|(_, status)| status.as_deref() == Some("503")).count();
    assert!(refused >= 45, "{refused} of 60 are refused");
    server.client(&credentials).await;
    // The deadline of such a body is far below that of an authenticated one.
    let held = sent.into_iter().filter_map(|(connection, status)| status.is_none().then_some(connection));
    let ends = move || {
        for mut connection in held {
            connection.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
            let mut answer = [0; 12];
            connection.read_exact(&mut answer).unwrap();
            // On a busy machine some are refused after they were looked at.
            assert!(matches!(&answer[9..], b"400" | b"503"), "{answer:?}");
        }
    };
    actix_web::web::block(ends).await.unwrap();
}
