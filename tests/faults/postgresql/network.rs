//! Packets between a node and PostgreSQL that are dropped, and a standby that is promoted.

use std::io::copy;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use socket2::{SockFilter, Socket};

use super::{LONGEST, assert_noticed, assert_some_kept, assert_stop_is_given_up, prepared, served_until_a_short_stop};
use crate::server::PostgresServer;
use crate::support::{Credentials, Program, Service, Serving, TestClient, Writers, find_lost};
use crate::{goes_on, reads, ready_is};

/// The socket filter `ret #0`: no packet passes. The kernel of a frozen server still acknowledges what it is sent; here nobody does.
const NOTHING: [SockFilter; 1] = [SockFilter::new(6, 0, 0, 0)];

/// The cause, as the log names it.
const NAMED: &str = "cannot connect: PostgreSQL does not accept the connection: timeout expired";

/// A TCP proxy on 127.0.0.1 that can be made to hear neither side.
struct Wire {
    address: SocketAddr,
    ends: Arc<Mutex<Ends>>,
}

struct Ends {
    is_cut: bool,
    sockets: Vec<Socket>,
}

impl Ends {
    fn add(&mut self, socket: Socket) {
        if self.is_cut {
            socket.attach_filter(&NOTHING).unwrap();
        }
        self.sockets.push(socket);
    }
}

impl Wire {
    /// Starts it; says that the test is skipped where sockets take no filters.
    #[track_caller]
    fn to(server: SocketAddr) -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let socket = Socket::from(listener.try_clone().unwrap());
        if socket.attach_filter(&NOTHING).and_then(|()| socket.detach_filter()).is_err() {
            Service::Program("that filters packets of a socket, the kernel,").skip();
            return None;
        }
        let ends = Arc::new(Mutex::new(Ends { is_cut: false, sockets: vec![socket] }));
        let known = Arc::clone(&ends);
        std::thread::spawn(move || {
            while let Ok((node, _)) = listener.accept() {
                let Ok(server) = TcpStream::connect(server) else { continue };
                for end in [&node, &server] {
                    lock(&known).add(Socket::from(end.try_clone().unwrap()));
                }
                forward(&node, &server);
                forward(&server, &node);
            }
        });
        Some(Self { address, ends })
    }

    /// The URL of the role `vault` through it.
    fn url(&self) -> String {
        format!("postgres://vault@{}/postgres", self.address)
    }

    /// Drops every packet from now on, also those of new connections.
    fn cut(&self) {
        let mut ends = lock(&self.ends);
        ends.is_cut = true;
        ends.sockets.iter().for_each(|socket| socket.attach_filter(&NOTHING).unwrap());
    }

    /// Lets packets pass again.
    fn mend(&self) {
        let mut ends = lock(&self.ends);
        ends.is_cut = false;
        ends.sockets.iter().for_each(|socket| socket.detach_filter().unwrap());
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // Each thread ends with its socket; some of them have ended.
        lock(&self.ends).sockets.iter().for_each(|socket| drop(socket.shutdown(Shutdown::Both)));
    }
}

fn lock(ends: &Mutex<Ends>) -> MutexGuard<'_, Ends> {
    ends.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Copies what comes from one side to the other, until that ends.
fn forward(from: &TcpStream, to: &TcpStream) {
    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = copy(&mut &from, &mut &to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// A node that knows its server through a proxy alone, which waits for 2 seconds at a stop; commands go past the proxy.
async fn served_through(wire: &Wire, program: &mut Program, credentials: &Credentials) -> (Serving, TestClient) {
    let direct = std::mem::replace(&mut program.url, wire.url());
    let server = served_until_a_short_stop(program);
    program.url = direct;
    let client = server.client(credentials).await;
    (server, client)
}

#[actix_web::test]
async fn dropped_packets_are_refused_within_the_deadline_and_the_node_goes_on_when_they_pass() {
    let Some(postgres) = PostgresServer::start() else { return };
    let Some(wire) = Wire::to(postgres.address()) else { return };
    let (mut program, credentials, direct, _) = prepared(&postgres).await;
    drop(direct);
    let (server, client) = served_through(&wire, &mut program, &credentials).await;
    let writers = Writers::start(&client, "cut");
    writers.have_begun().await;
    let since = Instant::now();
    wire.cut();
    assert_noticed(&client).await;
    assert!(server.stderr.wait_for(NAMED, LONGEST).is_some(), "{}", server.stderr.text());
    let log = server.stderr.text();
    let named = log.lines().filter(|line| line.contains(NAMED)).count();
    // In a second, one line and one with the number of the others.
    let most = 2 * (usize::try_from(since.elapsed().as_secs()).unwrap() + 1);
    assert!(named <= most, "{named} lines: {log}");
    wire.mend();
    ready_is(&client, 200, LONGEST).await;
    reads(&client, "/iso/pam/device/a").await;
    server.kill();
    assert_some_kept(&program, &client, writers).await;
}

#[actix_web::test]
async fn sigterm_ends_a_node_whose_packets_are_dropped() {
    let Some(postgres) = PostgresServer::start() else { return };
    let Some(wire) = Wire::to(postgres.address()) else { return };
    let (mut program, credentials, direct, _) = prepared(&postgres).await;
    drop(direct);
    let (server, client) = served_through(&wire, &mut program, &credentials).await;
    let writers = Writers::start(&client, "stop");
    writers.have_begun().await;
    wire.cut();
    assert_stop_is_given_up(server);
    drop(wire);
    assert_some_kept(&program, &client, writers).await;
}

/// Serves a vault on `primary` and, once that is frozen, on `standby`, under writers. The node moves over by itself. Returns the
/// vault on the standby, which has taken its place.
async fn moved_over(
    mut program: Program,
    credentials: &Credentials,
    primary: PostgresServer,
    standby: &PostgresServer,
) -> (Program, TestClient, Writers) {
    program.url = format!("{}?target_session_attrs=read-write", primary.url_with(standby));
    let server = program.serve();
    let client = server.client(credentials).await;
    let writers = Writers::start(&client, "moved");
    writers.have_begun().await;
    primary.freeze();
    ready_is(&client, 503, LONGEST).await;
    standby.promote();
    ready_is(&client, 200, LONGEST).await;
    goes_on(&client, "moved").await;
    server.kill();
    drop(primary);
    program.url = standby.url();
    program.database.url = standby.url();
    (program, client, writers)
}

#[actix_web::test]
async fn a_node_moves_over_from_a_frozen_primary_to_its_promoted_standby_and_nothing_is_lost() {
    let Some(primary) = PostgresServer::start() else { return };
    let (program, credentials, server, _) = prepared(&primary).await;
    assert_eq!(server.stop().code, 0);
    let standby = primary.synchronous_standby();
    let (program, client, writers) = moved_over(program, &credentials, primary, &standby).await;
    // What the primary had acknowledged, and the heads of its audit log.
    assert_some_kept(&program, &client, writers).await;
    assert_eq!(program.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM device WHERE hostname = 'b'"), [1]);
}

/// The control of the test before: without synchronous replication, what the primary had acknowledged is missing.
#[actix_web::test]
async fn a_promoted_standby_that_lagged_has_lost_acknowledged_writes_and_that_is_noticed() {
    let Some(primary) = PostgresServer::start() else { return };
    let (program, credentials, server, _) = prepared(&primary).await;
    assert_eq!(server.stop().code, 0);
    let standby = primary.standby_that_lags();
    let (program, client, writers) = moved_over(program, &credentials, primary, &standby).await;
    let written = writers.have_ended().await;
    let server = program.serve();
    let lost = find_lost(&client.at(server.address), &written.acknowledged, false).await;
    assert!(!lost.is_empty(), "of {}", written.acknowledged.len());
}
