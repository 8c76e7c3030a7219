//! The load generator: connections that each send a request, wait for the answer, and send the next.

use std::fmt::Write;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::server::Server;

/// The device that every credential is on.
pub(crate) const HOSTNAME: &str = "load";
pub(crate) const IP: &str = "10.0.0.1";

/// How hard, how long, and over how many credentials.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    /// The time of a scenario, warm-up included.
    pub(crate) time: Duration,
    /// The credentials that requests are spread over.
    pub(crate) keys: usize,
}

/// What came of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// Answers a second.
    pub(crate) rate: f64,
    /// The latency that half of the requests did not exceed.
    pub(crate) p50: Duration,
    /// The latency that 99 of 100 requests did not exceed.
    pub(crate) p99: Duration,
    /// CPU time of the server for each request, in microseconds.
    pub(crate) cpu_micros: f64,
}

/// Which request it is: the connection that sends it, and its number there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    connection: usize,
    connections: usize,
    number: usize,
    keys: usize,
}

/// The number of SSH keys, and of protected-information records, that reads of them are spread over.
pub(crate) const OTHERS: usize = 1_000;

const PRIVATE_KEY: &str = include_str!("../../tests/suite/fixtures/ssh/ed25519");

/// A prime above the number of credentials of any bench, so that its multiples visit each credential once in a round.
const STRIDE: usize = 2_654_435_761;

impl Turn {
    /// The credential of this turn: all of them in turn, in an order without neighbours.
    fn credential(self) -> usize {
        (self.number * self.connections + self.connection).wrapping_mul(STRIDE) % self.keys
    }
}

/// A request under construction, and the status that its answer has to have.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: String,
    pub(crate) body: String,
    pub(crate) status: u16,
}

impl Request {
    /// A read of a credential with its password.
    pub(crate) fn read(turn: Turn) -> Self {
        Self::get(format!("/iso/pam/credential/load-{}", turn.credential()))
    }

    /// A read of an SSH key with its private key.
    pub(crate) fn ssh_key_read(turn: Turn) -> Self {
        Self::get(format!("/iso/pam/key/key-{}", turn.credential() % OTHERS))
    }

    /// A read of a protected-information record with its text.
    pub(crate) fn information_read(turn: Turn) -> Self {
        Self::get(format!("/iso/pam/info/record-{}", turn.credential() % OTHERS))
    }

    /// The creation of an SSH key.
    pub(crate) fn ssh_key(number: usize) -> Self {
        let key = PRIVATE_KEY.replace('\n', "\\n");
        let body = format!(
            r#"{{"identifier":"key-{number}","username":"key-{number}","hostname":"{HOSTNAME}","ip":"{IP}","private_key":"{key}"}}"#
        );
        Self::post("/iso/pam/key", "application/json", body, 201)
    }

    /// The creation of a protected-information record.
    pub(crate) fn information(number: usize) -> Self {
        let body = format!(r#"{{"identifier":"record-{number}","content":"{number:032x}"}}"#);
        Self::post("/iso/pam/info", "application/json", body, 201)
    }

    /// A read of a device.
    pub(crate) fn device_read(_: Turn) -> Self {
        Self::get(format!("/iso/pam/device/{HOSTNAME}"))
    }

    /// An upsert that gives a credential another password.
    pub(crate) fn update(turn: Turn) -> Self {
        Self::upsert(&turn.credential().to_string(), turn.number)
    }

    /// Nine reads, then an update.
    pub(crate) fn mixed(turn: Turn) -> Self {
        if turn.number % 10 == 9 { Self::update(turn) } else { Self::read(turn) }
    }

    /// A page of the list of credentials.
    pub(crate) fn page(turn: Turn) -> Self {
        let offset = turn.credential().saturating_sub(100);
        Self::get(format!("/iso/pam/credential?limit=100&offset={offset}"))
    }

    /// An upsert that makes a new credential.
    pub(crate) fn create(turn: Turn) -> Self {
        Self::upsert(&format!("{}-{}", turn.connection, turn.number), turn.number)
    }

    /// An upsert of the credential of that name; `number` makes its password.
    pub(crate) fn upsert(name: &str, number: usize) -> Self {
        let body = format!(
            r#"{{"identifier":"load-{name}","username":"user-{name}","hostname":"{HOSTNAME}","ip":"{IP}","content":"{number:032x}"}}"#
        );
        Self::post("/iso/pam/credential", "application/json", body, 201)
    }

    pub(crate) fn post(path: &str, kind: &str, body: String, status: u16) -> Self {
        let headers = format!("content-type: {kind}\r\n");
        Self { method: "POST", path: path.into(), headers, body, status }
    }

    pub(crate) fn get(path: String) -> Self {
        Self { method: "GET", path, headers: String::new(), body: String::new(), status: 200 }
    }

    /// The request with a bearer token.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        write!(self.headers, "authorization: Bearer {token}\r\n").expect("text grows");
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { method, path, headers, body, .. } = self;
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n");
        [head.as_bytes(), body.as_bytes()].concat()
    }
}

const WARM_UP: u8 = 0;
const COUNTING: u8 = 1;
const OVER: u8 = 2;

impl Load {
    /// Loads `server` with what `request` makes of each turn.
    ///
    /// # Panics
    /// When an answer has another status than the request is to have.
    pub(crate) fn run(&self, server: &Server, request: impl Fn(Turn) -> Request + Sync) -> Figures {
        let phase = AtomicU8::new(WARM_UP);
        let warm_up = self.time / 4;
        let (phase, request) = (&phase, &request);
        let (latencies, counted, cpu_time) = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads(self.connections))
                .map(|thread| scope.spawn(move || self.run_share(server, thread, phase, request)))
                .collect();
            std::thread::sleep(warm_up);
            let (cpu_before, since) = (server.cpu_time(), Instant::now());
            phase.store(COUNTING, Ordering::Relaxed);
            std::thread::sleep(self.time - warm_up);
            phase.store(OVER, Ordering::Relaxed);
            let (counted, cpu_after) = (since.elapsed(), server.cpu_time());
            let shares = threads.into_iter().map(|thread| thread.join().expect("the load goes through"));
            (shares.flatten().collect::<Vec<_>>(), counted, cpu_after - cpu_before)
        });
        Figures::of(latencies, counted, cpu_time)
    }

    /// The connections of one thread.
    fn run_share(
        &self,
        server: &Server,
        thread: usize,
        phase: &AtomicU8,
        request: &impl Fn(Turn) -> Request,
    ) -> Vec<Duration> {
        let step = threads(self.connections);
        let own = (thread..self.connections).step_by(step);
        let connections = own.map(|connection| self.run_connection(server, connection, phase, request));
        block_on(futures_util::future::join_all(connections)).concat()
    }

    async fn run_connection(
        &self,
        server: &Server,
        connection: usize,
        phase: &AtomicU8,
        request: &impl Fn(Turn) -> Request,
    ) -> Vec<Duration> {
        let mut stream = Connection::open(server.address()).await.expect("the server takes a connection");
        let mut latencies = Vec::new();
        for number in 0.. {
            let request = request(Turn { connection, connections: self.connections, number, keys: self.keys });
            let bytes = request.bytes();
            let since = Instant::now();
            let (status, body) = stream.exchange(&bytes).await;
            assert_eq!(status, request.status, "{} {}: {}", request.method, request.path, body.escape_ascii());
            match phase.load(Ordering::Relaxed) {
                WARM_UP => {}
                COUNTING => latencies.push(since.elapsed()),
                _ => break,
            }
        }
        latencies
    }
}

impl Figures {
    fn of(mut latencies: Vec<Duration>, counted: Duration, cpu_time: Duration) -> Self {
        latencies.sort_unstable();
        let requests = latencies.len();
        assert!(requests > 0, "no answer came in time");
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
        let count = requests as f64;
        Self {
            rate: count / counted.as_secs_f64(),
            p50: latencies[requests / 2],
            p99: latencies[requests * 99 / 100],
            cpu_micros: cpu_time.as_secs_f64() * 1e6 / count,
        }
    }
}

/// Half of the cores make the load, the other half is the server's.
fn threads(connections: usize) -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() / 2).clamp(1, connections)
}

/// Sends requests over several connections, each of them once, in no order.
pub(crate) fn send_side_by_side(server: &Server, requests: Vec<Request>) {
    const CONNECTIONS: usize = 32;
    let send = async |share: usize| {
        let mut connection = Connection::open(server.address()).await.expect("the server takes a connection");
        for request in requests.iter().skip(share).step_by(CONNECTIONS) {
            let (status, body) = connection.exchange(&request.bytes()).await;
            assert_eq!(status, request.status, "{}: {}", request.path, body.escape_ascii());
        }
    };
    block_on(futures_util::future::join_all((0..CONNECTIONS).map(send)));
}

/// Runs a future on this thread, with its own connections.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime starts").block_on(future)
}

/// Sends requests one after another over one connection; gives the body of the last answer.
pub(crate) fn send_all(server: &Server, requests: impl IntoIterator<Item = Request>) -> Vec<u8> {
    block_on(async {
        let mut connection = Connection::open(server.address()).await.expect("the server takes a connection");
        let mut last = Vec::new();
        for request in requests {
            let (status, body) = connection.exchange(&request.bytes()).await;
            assert_eq!(status, request.status, "{}: {}", request.path, body.escape_ascii());
            last = body.to_vec();
        }
        last
    })
}
