//! Clients that ask for whole lists and never read them: they cost a bounded amount of memory for a bounded time, and others are
//! served meanwhile.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::support::{Credentials, Program, Serving, TestClient, device, noticed};

const CREDENTIALS: usize = 300;
/// The characters of a device's model, which each of its credentials shows in a list: some 2.5 MB.
const MODEL: usize = 8000;
const CLIENTS: usize = 15;
const LISTS_OF_ONE: usize = 4;
const LIST: &str = "/iso/pam/credential";
/// The memory for whole lists.
const BUDGET: u64 = 16 << 20;
/// Long enough for what is looked at while the lists are held.
const UNREAD_SECONDS: u64 = 30;
/// What may come beside the lists: page caches of reading connections, and what the allocators round up.
const SLACK_KIB: u64 = 48 * 1024;

fn serve(program: &Program) -> Serving {
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("CHAVEIRO__HTTP__WORKERS", "2");
    command.env("CHAVEIRO__HTTP__UNREAD_SECONDS", UNREAD_SECONDS.to_string());
    // Those of refused lists, whose answers are read by the kernel.
    command.env("CHAVEIRO__HTTP__KEEP_ALIVE_SECONDS", "5");
    command.env("CHAVEIRO__HTTP__WHOLE_LIST_BYTES", BUDGET.to_string());
    Serving::start(command)
}

/// A device with many credentials, which are a long list.
async fn fill(program: &Program, owner: &TestClient) {
    owner.post("/iso/pam/device", &device("srv", "10.0.0.1")).await.expect(201);
    let save = |number: usize| json!({ "save": { "hostname": "srv", "ip": "10.0.0.1", "username": format!("u{number}"), "content": "p" } });
    let items: Vec<Value> = (0..CREDENTIALS).map(save).collect();
    owner.post("/iso/pam/credential/batch", &json!({ "items": items })).await.expect(200);
    program.database.run(&format!("UPDATE device SET model = '{}'", "x".repeat(MODEL)));
}

/// Asks for the whole list on a connection that takes few bytes, and reads none of them.
async fn ask(address: SocketAddr, token: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut connection = socket.connect(address).await.unwrap().into_std().unwrap();
    connection.set_nonblocking(false).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let request = format!("GET {LIST} HTTP/1.1\r\nHost: vault\r\nAuthorization: Bearer {token}\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    connection
}

/// The status of an answer that has begun, which is left unread.
async fn status(connection: TcpStream) -> (TcpStream, u16) {
    let looked = actix_web::web::block(move || {
        let mut line = [0; 12];
        loop {
            let length = connection.peek(&mut line).unwrap();
            assert_ne!(length, 0, "the connection ended without an answer");
            if length == line.len() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let status = std::str::from_utf8(&line[9..]).unwrap().parse().unwrap();
        (connection, status)
    });
    looked.await.unwrap()
}

/// Each client asks at once for as many lists as it may have at a time.
async fn ask_for_all(address: SocketAddr, clients: &[TestClient]) -> Vec<(TcpStream, u16)> {
    let tokens = clients.iter().flat_map(|client| [client.token.as_str(); LISTS_OF_ONE]);
    join_all(tokens.map(async |token| status(ask(address, token).await).await)).await
}

#[expect(clippy::print_stdout, reason = "figures, which the test harness shows with --nocapture")]
#[actix_web::test]
async fn lists_that_nobody_reads_cost_bounded_memory_and_their_connections_end() {
    let program = Program::new();
    let owner = program.create_client("app");
    let others: Vec<Credentials> = (0..CLIENTS).map(|_| program.create_authorization("app")).collect();
    let server = serve(&program);
    let owner = server.client(&owner).await;
    fill(&program, &owner).await;
    let mut clients = Vec::new();
    for credentials in &others {
        program.done(&["authorization", "link", "--client-id", &credentials.id, "--device", "srv"]);
        clients.push(server.client(credentials).await);
    }
    let length = owner.get(LIST).await.text.len();
    assert!(length > 2_000_000, "{length}");
    let (before, sockets) = (server.memory_kib("VmRSS"), server.sockets());
    server.reset_peak_memory();

    // One client has all of its turns, and another is served.
    let mut unread = ask_for_all(server.address, &clients[..1]).await;
    for round in 0.. {
        if unread.iter().all(|(_, status)| *status == 200) {
            break;
        }
        // On a busy machine a list waits too long; and the turns of connections that are closed here are given back a little later.
        assert!(round < 20 && unread.iter().all(|(_, status)| [200, 429, 503].contains(status)), "{unread:?}");
        drop(unread);
        actix_web::rt::time::sleep(Duration::from_millis(500)).await;
        unread = ask_for_all(server.address, &clients[..1]).await;
    }
    let (refused, served) = futures_util::future::join(clients[0].get(LIST), owner.get(LIST)).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("1")), "{}", refused.text);
    assert_eq!((served.status.as_u16(), served.text.len()), (200, length));
    // All clients together have all of the memory.
    unread.append(&mut ask_for_all(server.address, &clients[1..]).await);
    let held = unread.iter().filter(|(_, status)| *status == 200).count();
    assert!((LISTS_OF_ONE..=BUDGET as usize / length + 1).contains(&held), "{held} of {}", unread.len());
    // On a busy machine a list waits too long for a reading connection, or is made twice, the second time without memory: 503.
    assert!(unread.iter().all(|(_, status)| [200, 429, 503].contains(status)), "{unread:?}");
    let refused = owner.get(LIST).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("1")), "{}", refused.text);
    let page = owner.get(&format!("{LIST}?limit=10")).await.expect(200);
    assert_eq!(page["credentials"].as_array().unwrap().len(), 10);
    owner.get(&format!("{LIST}/{}", page["credentials"][0]["id"].as_str().unwrap())).await.expect(200);
    let peak = server.memory_kib("VmHWM");
    assert!(peak <= before + 2 * BUDGET / 1024 + SLACK_KIB, "{before} to {peak} KiB");

    // The connections are held by this side, and end at the other.
    noticed("the turns of one client", async || clients[0].get(LIST).await.status == 200).await;
    noticed("the memory of all", async || owner.get(LIST).await.status == 200).await;
    if let (Some(before), Some(_)) = (sockets, server.sockets()) {
        noticed("closed connections", async || server.sockets().unwrap() <= before + 4).await;
    }
    let after = server.memory_kib("VmRSS");
    println!(
        "{} lists of {length} bytes, {held} of them sent: {before} KiB, at most {peak}, then {after}",
        unread.len()
    );
    assert!(after <= before + SLACK_KIB, "{before} to {after} KiB");
    drop(unread);
}
