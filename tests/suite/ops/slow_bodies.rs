//! Bodies that never end: they cost little memory, and authenticated requests and the logins of others go on.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;

use crate::support::{Credentials, Program, Serving, device};

const CONNECTIONS: usize = 300;
const BODY: usize = 1_000_000;
/// The networks that send slowly, each of which has the memory for one such body.
const NETWORKS: usize = 3;
/// Far beyond the time that the server gives a body.
const LIMIT: Duration = Duration::from_secs(60);
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

/// Sends a body but for its last byte, as far as the server takes it, and waits for the answer. Returns its status; `None` where
/// the connection ended without one.
async fn send_slowly(connection: TcpStream, head: &str) -> Option<String> {
    let (mut read, mut write) = connection.into_split();
    let sent = async {
        let head = format!("{head}Host: vault\r\nContent-Length: {BODY}\r\n\r\n");
        // A server that has answered need not read on.
        drop(write.write_all(head.as_bytes()).await);
        drop(write.write_all(&[b'a'; BODY - 1]).await);
        // Dropped here, the connection would end before the answer.
        write
    };
    let answered = async {
        let mut answer = [0; 12];
        read.read_exact(&mut answer).await.ok().map(|_| String::from_utf8_lossy(&answer[9..]).into_owned())
    };
    let both = join(sent, answered);
    let (_write, status) = tokio::time::timeout(LIMIT, both).await.expect("the server answers or ends the connection");
    status
}

/// The number of answers with this status.
fn count(answers: &[Option<String>], status: &str) -> usize {
    answers.iter().filter(|answer| answer.as_deref() == Some(status)).count()
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
        let before = server.memory_kib("VmRSS");
        server.reset_peak_memory();
        let sent = join_all((0..CONNECTIONS).map(async |_| {
            let connection = TcpStream::connect(server.address).await.unwrap();
            send_slowly(connection, head).await
        }));
        let created = async {
            let device = device(&format!("srv{early}{before}"), "10.0.0.1");
            client.post("/iso/pam/device", &device).await
        };
        let (answers, created) = join(sent, created).await;
        let peak = server.memory_kib("VmHWM");
        assert!(peak < before + 80 * 1024, "{early}: {before} to {peak} KiB");
        let answered = count(&answers, early);
        assert!(answered > CONNECTIONS / 2, "{answered} are {early}: {answers:?}");
        assert_ne!(created.status, 503, "{}", created.text);
    }
}

/// Connects from an address of this machine, which has all of 127.0.0.0/8.
async fn connect_from(source: &str, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
    socket.connect(address).await.unwrap()
}

/// Has three networks send 60 bodies at once, and somebody else log in as soon as one of them is refused. Returns how many were
/// held until their time was over, and how long all of it took.
async fn hold(server: &Serving, credentials: &Credentials) -> (usize, Duration) {
    let (since, refused) = (Instant::now(), Notify::new());
    let bodies = async {
        let sent = join_all((0..60).map(async |number| {
            let source = format!("127.0.{}.{}", 1 + number % NETWORKS, 1 + number / NETWORKS);
            let status = send_slowly(connect_from(&source, server.address).await, SIGNED).await;
            if status.as_deref() == Some("503") {
                refused.notify_one();
            }
            status
        }));
        let answers = sent.await;
        refused.notify_one();
        answers
    };
    let login = async {
        refused.notified().await;
        server.client(credentials).await;
    };
    let (answers, ()) = join(bodies, login).await;
    let (held, refused) = (count(&answers, "400"), count(&answers, "503"));
    assert_eq!(held + refused, answers.len(), "{answers:?}");
    (held, since.elapsed())
}

#[actix_web::test]
async fn networks_that_send_slowly_hold_no_login_of_others_and_their_bodies_end() {
    let program = Program::new();
    let credentials = program.create_client("app");
    let server = serve(&program);
    // A server that stands still for as long as bodies may take ends them all before it has looked at their size.
    for round in 1.. {
        let (held, took) = hold(&server, &credentials).await;
        let places = NETWORKS * (1 + took.as_secs() as usize / 5);
        if (1..=places).contains(&held) {
            break;
        }
        assert!(round < 5, "{held} bodies in {places} places");
    }
}
