//! The built program, as a user starts it: a child process with an environment and data of its own.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::stream::Stream;
use super::{TestClient, TestDatabase};

/// Far beyond what anything here takes; a test that waits for longer has failed.
const LIMIT: Duration = Duration::from_secs(60);

/// The program on a database of a test's own.
pub(crate) struct Program {
    pub(crate) database: TestDatabase,
    /// What it is given as the database's URL.
    pub(crate) url: String,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A client's id and secret.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Program {
    /// The program beside an empty directory, on PostgreSQL an empty schema.
    pub(crate) fn new() -> Self {
        Self::on(TestDatabase::new())
    }

    /// The program on this database, beside an empty directory.
    pub(crate) fn on(database: TestDatabase) -> Self {
        Self { url: database.url.clone(), database }
    }

    /// The program beside a vault in which there is nothing yet.
    pub(crate) fn initialised() -> Self {
        let program = Self::new();
        program.done(&["database", "migrate"]);
        program
    }

    /// The program with these arguments, on this data.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(arguments);
        command.arg("--data-dir").arg(self.database.dir.path()).arg("--database-url").arg(&self.url);
        command
    }

    /// Runs a command to its end.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        finish(self.command(arguments))
    }

    /// Runs a command that has to work, and gives what it printed.
    #[track_caller]
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let finished = self.run(arguments);
        assert_eq!(finished.code, 0, "{arguments:?}: {finished:?}");
        finished.stdout
    }

    /// Runs a command that prints JSON.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// Makes a client of `application`, which has to be there, that may read and write.
    #[track_caller]
    pub(crate) fn create_authorization(&self, application: &str) -> Credentials {
        let arguments = ["authorization", "create", "--application", application, "--resource", "pam-core"];
        let made = self.json(&[&arguments[..], &["--access", "read-write"]].concat());
        Credentials {
            id: made["client_id"].as_str().unwrap().into(),
            secret: made["client_secret"].as_str().unwrap().into(),
        }
    }

    /// Makes an application and a client of it.
    #[track_caller]
    pub(crate) fn create_client(&self, application: &str) -> Credentials {
        self.done(&["database", "migrate"]);
        self.done(&["application", "create", "--name", application]);
        self.create_authorization(application)
    }

    /// Starts the server on a free port.
    #[track_caller]
    pub(crate) fn serve(&self) -> Serving {
        Serving::start(self.command(&["serve", "--listen", "127.0.0.1:0"]))
    }
}

/// The program alone: an environment without any setting of the machine's.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaveiro"));
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Waits until a server listens on its port. Returns whether it does: one whose port somebody else has taken meanwhile ends.
#[track_caller]
pub(super) fn listens(child: &mut Child, port: u16) -> bool {
    let since = Instant::now();
    loop {
        let is_open = TcpStream::connect(("127.0.0.1", port)).is_ok();
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if is_open {
            return true;
        }
        assert!(since.elapsed() < LIMIT, "the server does not listen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs any command to its end.
#[track_caller]
pub(crate) fn finish(command: Command) -> Finished {
    finish_with_input(command, b"")
}

/// Runs any command to its end, with this on its standard input.
#[track_caller]
pub(crate) fn finish_with_input(mut command: Command, input: &[u8]) -> Finished {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that does not read it may have ended.
    let _ = child.stdin.take().unwrap().write_all(input);
    let (stdout, stderr) = (Stream::new(child.stdout.take().unwrap()), Stream::new(child.stderr.take().unwrap()));
    let code = end_of(&mut child, &[&stdout, &stderr]).code().unwrap_or(-1);
    Finished { code, stdout: stdout.text(), stderr: stderr.text() }
}

/// The exit of a child whose output ends when it does.
#[track_caller]
fn end_of(child: &mut Child, streams: &[&Stream]) -> ExitStatus {
    if !streams.iter().all(|stream| stream.wait_for_end(LIMIT)) {
        child.kill().unwrap();
        let said: Vec<_> = streams.iter().map(|stream| stream.text()).collect();
        panic!("the program did not end: {said:?}");
    }
    child.wait().unwrap()
}

/// A running server; killed when dropped.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) stdout: Stream,
    pub(crate) stderr: Stream,
}

impl Serving {
    /// Starts a command that serves, and waits until it does.
    #[track_caller]
    pub(crate) fn start(command: Command) -> Self {
        Self::try_start(command).unwrap_or_else(|ended| panic!("the program does not serve: {ended:?}"))
    }

    /// Starts a command that serves, and waits until it does, or has ended.
    #[track_caller]
    pub(crate) fn try_start(mut command: Command) -> Result<Self, Finished> {
        let mut child = command.spawn().unwrap();
        let (stdout, stderr) = (Stream::new(child.stdout.take().unwrap()), Stream::new(child.stderr.take().unwrap()));
        let url = stderr.wait_for("serving on http", LIMIT);
        let address = url.and_then(|url| url.split_once("://")?.1.trim().parse().ok());
        let Some(address) = address else {
            let _ = child.kill();
            let code = child.wait().unwrap().code().unwrap_or(-1);
            return Err(Finished { code, stdout: stdout.text(), stderr: stderr.text() });
        };
        Ok(Self { child, address, stdout, stderr })
    }

    /// Somebody without a client.
    pub(crate) fn anonymous(&self) -> TestClient {
        TestClient::new(self.address)
    }

    /// A client with a token of its own.
    pub(crate) async fn client(&self, credentials: &Credentials) -> TestClient {
        let mut client = self.anonymous();
        client.client_id.clone_from(&credentials.id);
        client.client_secret.clone_from(&credentials.secret);
        client.token = client.fetch_token().await;
        client
    }

    /// Sends a signal by its name, as in HUP.
    pub(crate) fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.args([&format!("-{name}"), &self.child.id().to_string()]);
        assert_eq!(finish(kill).code, 0);
    }

    /// SIGHUP, and waits for a line of the log with `mark`; gives the rest of that line.
    #[track_caller]
    pub(crate) fn reload(&self, mark: &str) -> String {
        self.signal("HUP");
        let line = self.stderr.wait_for(mark, LIMIT);
        line.unwrap_or_else(|| panic!("no {mark:?} in {}", self.stderr.text()))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its memory in KiB, by the name in `proc_pid_status(5)`.
    #[track_caller]
    pub(crate) fn memory_kib(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap()
    }

    /// The number of its sockets; `None` where this test may not see them.
    pub(crate) fn sockets(&self) -> Option<usize> {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.id())).ok()?;
        let targets = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        Some(targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count())
    }

    /// Makes `VmHWM` the memory of now.
    pub(crate) fn reset_peak_memory(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    /// SIGTERM.
    pub(crate) fn ask_to_stop(&self) {
        self.signal("TERM");
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Finished {
        let code = end_of(&mut self.child, &[&self.stdout, &self.stderr]).code().unwrap_or(-1);
        Finished { code, stdout: self.stdout.text(), stderr: self.stderr.text() }
    }

    /// SIGTERM, and waits for the end.
    #[track_caller]
    pub(crate) fn stop(self) -> Finished {
        self.ask_to_stop();
        self.end()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Both fail for a child that has ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
