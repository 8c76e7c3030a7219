//! `kill -9` in the middle of a change of a password on a real directory, at each message that passes between the two.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::support::{BIND_DN, BIND_PASSWORD, LdapServer, Program, Serving, TestClient, person_dn};

const LONGEST: Duration = Duration::from_secs(60);
const UID: &str = "erp";
const FIRST: &str = "first-password";
const ROTATION: &str = "/iso/pam/credential/erp/rotation";

/// Where the messages between vault and target stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    /// The number of the message, from 0, in either direction.
    pub(super) at: usize,
    /// Whether it still arrives.
    pub(super) is_delivered: bool,
}

/// Ends every pause of rotations.
pub(super) fn let_time_pass(program: &Program) {
    program.database.run(
        "UPDATE rotation_record SET due_at = 1 WHERE due_at IS NOT NULL AND phase NOT IN ('changing', 'verifying');
         UPDATE job SET due_at = 1 WHERE kind = 'credential.rotate' AND state = 'queued'",
    );
}

/// Ends the lease of the process that was killed.
pub(super) fn end_lease(program: &Program) {
    program.database.run("UPDATE job SET lease_until = 1 WHERE kind = 'credential.rotate' AND state = 'running'");
}

/// What passes from when the gate was set until it is set again.
#[derive(Default)]
struct Passing {
    stop: Option<Stop>,
    connections: usize,
    passed: usize,
    /// The number, from 0, of the connection that has stopped.
    stopped: Option<usize>,
}

impl Passing {
    /// Counts a message of a connection; returns whether it is delivered.
    fn pass(&mut self, connection: usize) -> bool {
        let Some(stop) = self.stop else { return true };
        let number = self.passed;
        self.passed += 1;
        if number == stop.at {
            self.stopped = Some(connection);
        }
        number < stop.at || (number == stop.at && stop.is_delivered)
    }
}

/// A proxy before a target.
pub(super) struct Gate {
    pub(super) port: u16,
    passing: Arc<Mutex<Arc<Mutex<Passing>>>>,
}

impl Gate {
    pub(super) async fn before(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let passing = Arc::<Mutex<Arc<Mutex<Passing>>>>::default();
        let shared = Arc::clone(&passing);
        actix_web::rt::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                // The last messages of a connection may come after the gate is set again, and do not count then.
                let passing = Arc::clone(&shared.lock().unwrap());
                connections.spawn(connect(client, target, passing));
            }
        });
        Self { port, passing }
    }

    pub(super) fn set(&self, stop: Option<Stop>) {
        *self.passing.lock().unwrap() = Arc::new(Mutex::new(Passing { stop, ..Passing::default() }));
    }

    pub(super) fn has_stopped(&self) -> bool {
        self.stopped().is_some()
    }

    /// The number of the connection that has stopped, of those since the gate was set.
    pub(super) fn stopped(&self) -> Option<usize> {
        self.passing.lock().unwrap().lock().unwrap().stopped
    }
}

async fn connect(client: TcpStream, target: u16, passing: Arc<Mutex<Passing>>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let number = {
        let mut passing = passing.lock().unwrap();
        passing.connections += 1;
        passing.connections - 1
    };
    let pass = || passing.lock().unwrap().pass(number);
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::join!(forward(from_client, to_server, &pass), forward(from_server, to_client, &pass));
}

/// Forwards messages. One that stops keeps its connection open, so that its sender waits for an answer.
async fn forward(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, pass: &impl Fn() -> bool) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(size @ 1..) = from.read(&mut buffer).await {
        let is_delivered = pass();
        if is_delivered && to.write_all(&buffer[..size]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

/// The program with a credential whose target is the directory behind the gate.
struct Vault {
    program: Program,
    server: Option<Serving>,
    client: TestClient,
    directory: LdapServer,
}

impl Vault {
    /// Starts a directory with the account, and a vault that reaches it through a gate; `None` where there is no directory.
    async fn behind_a_gate() -> Option<(Self, Gate)> {
        let directory = LdapServer::with_persons(&[UID], FIRST)?;
        let port = directory.plain_url().rsplit_once(':').unwrap().1.parse().unwrap();
        let gate = Gate::before(port).await;
        let vault = Self::start(directory, gate.port).await;
        Some((vault, gate))
    }

    async fn start(directory: LdapServer, port: u16) -> Self {
        let program = Program::new();
        let credentials = program.create_client("rotation");
        let server = serve(&program);
        let client = server.client(&credentials).await;
        let device = json!({ "hostname": "directory", "ip": "127.0.0.1", "type": "Server", "vendor": "OpenLDAP",
                             "model": "2.6", "site": "Default", "connectivities": format!("LDAP:{port}") });
        client.post("/iso/pam/device", &device).await.expect(201);
        let credential = |identifier: &str, username: &str, content: &str| {
            json!({ "hostname": "directory", "ip": "127.0.0.1", "username": username, "identifier": identifier,
                    "content": content })
        };
        client.save_credential(&credential("operator", BIND_DN, BIND_PASSWORD)).await;
        let mut account = credential("erp", &person_dn(UID), FIRST);
        account["execution_settings"] = json!({
            "change_plugin": "openldap", "automatic_change": true, "use_own_credential_to_connect": false,
            "authentication_credential": BIND_DN, "authentication_hostname": "directory",
            "authentication_ip": "127.0.0.1",
        });
        client.save_credential(&account).await;
        Self { program, server: Some(server), client, directory }
    }

    fn kill(&mut self) {
        self.server.take().unwrap().kill();
    }

    fn restart(&mut self) {
        let server = serve(&self.program);
        self.client = self.client.at(server.address);
        self.server = Some(server);
    }

    async fn password(&self) -> String {
        self.client.password("erp").await.as_str().unwrap().to_string()
    }

    async fn rotation(&self) -> Value {
        self.client.get(ROTATION).await.expect(200)["rotation"].take()
    }

    async fn logs_in(&self, password: &str) -> bool {
        self.directory.lets_in(UID, password).await
    }

    /// The versions of the password that were ever stored.
    fn versions(&self) -> i32 {
        let sql = "SELECT highest_version FROM secret_head WHERE kind = 'credential.password' AND owner_id = 2";
        self.program.database.numbers(sql)[0]
    }

    /// Whether the change has ended with another password than this.
    async fn has_changed(&self, before: &str) -> bool {
        let rotation = self.rotation().await;
        let is_idle = rotation["phase"] == json!("idle") && rotation["waiting"] == json!(0);
        is_idle && self.password().await != before
    }
}

fn serve(program: &Program) -> Serving {
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("CHAVEIRO__ROTATION__OPTIONS", "openldap.tls=off").env("CHAVEIRO__ROTATION__AFTER_RELEASE", "true");
    Serving::start(command)
}

pub(super) async fn wait_until(is_so: impl AsyncFn() -> bool) {
    let since = Instant::now();
    while !is_so().await {
        assert!(since.elapsed() < LONGEST, "nothing happens");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn a_change_that_is_killed_at_any_message_loses_no_password_and_completes_once() {
    let Some((mut vault, gate)) = Vault::behind_a_gate().await else { return };
    let mut kills = 0;
    for at in 0.. {
        let mut has_stopped = false;
        for is_delivered in [false, true] {
            let stop = Stop { at, is_delivered };
            let was_killed = change_and_kill(&mut vault, &gate, stop).await;
            has_stopped |= was_killed;
            kills += i32::from(was_killed);
        }
        if !has_stopped {
            break;
        }
    }
    // Login, change and login, each with its answer.
    assert!(kills >= 12, "{kills} kills");
    vault.server.take().unwrap().stop();
    vault.program.done(&["audit", "verify"]);
}

/// Changes the password, kills the program at a message, and lets it go on. Returns whether the change has that message.
async fn change_and_kill(vault: &mut Vault, gate: &Gate, stop: Stop) -> bool {
    let (before, versions) = (vault.password().await, vault.versions());
    gate.set(Some(stop));
    vault.client.post("/iso/pam/credential/erp/rotate", &json!({})).await.expect(201);
    wait_until(async || gate.has_stopped() || vault.has_changed(&before).await).await;
    if !gate.has_stopped() {
        return false;
    }
    vault.kill();
    vault.restart();

    // The lease of the killed process still runs, so nothing happens: what is stored now is what a person would find.
    let current = vault.password().await;
    let both = vault.client.get("/iso/pam/credential/erp/rotation/passwords").await;
    let candidate = match both.status.as_u16() {
        200 => both.json()["unverified"]["candidate"].as_str().unwrap().to_string(),
        _ => current.clone(),
    };
    let works = [vault.logs_in(&current).await, vault.logs_in(&candidate).await];
    assert!(works.contains(&true), "{stop:?}: neither value logs in");
    assert_eq!(vault.versions(), versions + 1, "{stop:?}");

    gate.set(None);
    end_lease(&vault.program);
    wait_until(async || {
        let_time_pass(&vault.program);
        vault.has_changed(&before).await
    })
    .await;
    assert_eq!(vault.password().await, candidate, "{stop:?}: what was sent is what is in force");
    assert!(vault.logs_in(&candidate).await && !vault.logs_in(&before).await, "{stop:?}");
    assert_eq!(vault.versions(), versions + 1, "{stop:?}: one change, one new value");
    true
}

/// Gives custody back and kills the program, before the change that follows and at its first message. Each release is followed by one
/// change, however often it is killed.
#[actix_web::test]
async fn a_release_whose_change_is_killed_before_it_begins_changes_the_password_exactly_once() {
    let Some((mut vault, gate)) = Vault::behind_a_gate().await else { return };
    // The first change is one that somebody asks for.
    vault.client.post("/iso/pam/credential/erp/rotate", &json!({})).await.expect(201);
    wait_until(async || vault.has_changed(FIRST).await).await;
    let opened = |vault: &Vault| {
        let opened = "SELECT CAST(COUNT(*) AS INTEGER) FROM audit_record WHERE action = 'rotation.opened'";
        vault.program.database.numbers(opened)[0]
    };
    for kills in 1..=3 {
        let (before, versions, changes) = (vault.password().await, vault.versions(), opened(&vault));
        // Nothing reaches the directory: whenever the program is killed, the change has not been made.
        gate.set(Some(Stop { at: 0, is_delivered: false }));
        vault.client.delete("/iso/pam/credential/custody/erp").await.expect(200);
        vault.kill();
        for _ in 1..kills {
            vault.restart();
            end_lease(&vault.program);
            wait_until(async || {
                let_time_pass(&vault.program);
                gate.has_stopped()
            })
            .await;
            gate.set(Some(Stop { at: 0, is_delivered: false }));
            vault.kill();
        }
        assert!(vault.logs_in(&before).await, "nothing was sent");
        gate.set(None);
        vault.restart();
        end_lease(&vault.program);
        wait_until(async || {
            let_time_pass(&vault.program);
            vault.has_changed(&before).await
        })
        .await;
        let after = vault.password().await;
        assert!(vault.logs_in(&after).await && !vault.logs_in(&before).await, "{kills} kills");
        assert_eq!((vault.versions(), opened(&vault)), (versions + 1, changes + 1), "{kills} kills: one change");
    }
    vault.server.take().unwrap().stop();
    vault.program.done(&["audit", "verify"]);
}
