//! The product as a child process, on a database of its own, with a client, a device and credentials in it.

use std::fs::File;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::database::BenchDatabase;
use super::generator::{HOSTNAME, IP, OTHERS, Request, Turn, send_all, send_side_by_side};
use super::server::{Memory, Server};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_chaveiro");
const APPLICATION: &str = "load";

/// A running product. The server ends before its database goes.
pub(crate) struct Product {
    server: Server,
    client: Client,
    token: String,
    /// The memory before the first request.
    idle: Memory,
    _database: BenchDatabase,
}

struct Client {
    id: String,
    secret: String,
}

impl Product {
    /// Starts it with these environment variables beside the defaults, and fills it with credentials.
    pub(crate) fn start(environment: &[(&str, &str)], credentials: usize) -> Self {
        let database = BenchDatabase::new();
        let client = client(&database);
        // A file, as a service's log is one in the end.
        let log = File::create(database.dir.path().join("log")).expect("a file for the log");
        let mut serve = command(&database);
        serve.arg("serve").env_remove("RUST_LOG").envs(environment.iter().copied()).stderr(log);
        let server = Server::start(&mut serve, |serve, address| {
            serve.arg("--listen").arg(address.to_string());
        });
        let idle = server.memory();
        let token = token(&server, &client);
        let product = Self { server, client, token, idle, _database: database };
        product.fill(credentials);
        product
    }

    /// The process.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Requests for a token.
    pub(crate) fn token_request(&self) -> impl Fn(Turn) -> Request {
        |_| self.client.token_request()
    }

    /// Requests that bear the client's token.
    pub(crate) fn bearer(&self, request: impl Fn(Turn) -> Request) -> impl Fn(Turn) -> Request {
        move |turn| request(turn).with_token(&self.token)
    }

    /// The memory that it had before the first request.
    pub(crate) fn idle(&self) -> &Memory {
        &self.idle
    }

    /// How long it took from the start of the process to its first connection.
    pub(crate) fn started_in(&self) -> Duration {
        self.server.started_in()
    }

    /// The size of the executable, in MiB.
    pub(crate) fn size(&self) -> f64 {
        let bytes = std::fs::metadata(EXECUTABLE).expect("the executable is there").len();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
        let bytes = bytes as f64;
        bytes / f64::from(1 << 20)
    }

    /// Saves the credentials, SSH keys and records, and reads each credential once: the first read takes it into custody.
    fn fill(&self, credentials: usize) {
        let device = format!(
            r#"{{"hostname":"{HOSTNAME}","ip":"{IP}","type":"Server","vendor":"Debian","model":"12","site":"Lisbon","connectivities":"SSH:22"}}"#
        );
        let device = Request::post("/iso/pam/device", "application/json", device, 201);
        send_all(&self.server, [device.with_token(&self.token)]);
        let save = |number: usize| Request::upsert(&number.to_string(), number).with_token(&self.token);
        send_side_by_side(&self.server, (0..credentials).map(save).collect());
        let others = (0..OTHERS).flat_map(|number| [Request::ssh_key(number), Request::information(number)]);
        send_side_by_side(&self.server, others.map(|request| request.with_token(&self.token)).collect());
        let read = |number: usize| Request::get(format!("/iso/pam/credential/load-{number}")).with_token(&self.token);
        send_side_by_side(&self.server, (0..credentials).map(read).collect());
    }
}

impl Client {
    fn token_request(&self) -> Request {
        let Self { id, secret } = self;
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        Request::post("/iso/oauth2/token", "application/x-www-form-urlencoded", form, 200)
    }
}

fn command(database: &BenchDatabase) -> Command {
    let mut command = Command::new(EXECUTABLE);
    command.arg("--data-dir").arg(database.dir.path());
    if let Some(url) = database.url() {
        command.arg("--database-url").arg(url);
    }
    command
}

/// Makes a client, from the command line as an administrator does.
fn client(database: &BenchDatabase) -> Client {
    let run = |arguments: &[&str]| {
        let output = command(database).args(arguments).output().expect("the command runs");
        assert!(output.status.success(), "{}", output.stderr.escape_ascii());
        output.stdout
    };
    run(&["database", "migrate"]);
    run(&["application", "create", "--name", APPLICATION]);
    let created = ["authorization", "create", "--application", APPLICATION, "--resource", "pam-core", "--access"];
    let created = run(&[&created[..], &["read-write", "--json"]].concat());
    let created: Value = serde_json::from_slice(&created).expect("the command prints JSON");
    let field = |name: &str| created[name].as_str().expect("the client has both").to_string();
    Client { id: field("client_id"), secret: field("client_secret") }
}

fn token(server: &Server, client: &Client) -> String {
    let answer: Value = serde_json::from_slice(&send_all(server, [client.token_request()])).expect("a token in JSON");
    answer["access_token"].as_str().expect("a token").into()
}
