//! What the memory of a server holds of the secrets that went through it, and who may read it.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aho_corasick::AhoCorasick;

use super::{Canaries, Exercised, exercise, forms};
use crate::support::{Program, Service, Serving, TestDatabase, finish, noticed};

/// The bytes beside a secret that is found, to tell what buffer it is in.
const CONTEXT: usize = 40;

impl Canaries {
    /// Each secret that the memory of the server holds, in any form; `None` where the memory cannot be read.
    #[track_caller]
    fn found_in_memory(&self, server: &Serving) -> Option<BTreeSet<String>> {
        let mut ways = Vec::new();
        let mut patterns = Vec::new();
        for (way, secret) in &self.0 {
            for (form, text) in forms(secret.as_bytes()).into_iter().chain([("as it is", secret.clone())]) {
                ways.push(format!("{way}, {form}"));
                patterns.push(text);
            }
        }
        let search = AhoCorasick::new(patterns).unwrap();
        let mut found = BTreeSet::new();
        for pages in server.read_memory()? {
            for seen in search.find_overlapping_iter(&pages.bytes) {
                let around = seen.start().saturating_sub(CONTEXT)..pages.bytes.len().min(seen.end() + CONTEXT);
                let (way, around) = (&ways[seen.pattern().as_usize()], pages.bytes[around].escape_ascii());
                found.insert(format!("{way}, in {:?} at {:x}: {around}", pages.name, pages.address));
            }
        }
        Some(found)
    }

    /// Removes what the server has to have as long as it runs.
    fn without(&mut self, ways: &[&str]) {
        self.0.retain(|(way, _)| !ways.contains(&way.as_str()));
    }
}

/// The beginning of a save whose body is not at its end.
fn begin_save(server: &Serving, token: &str, secret: &str) -> TcpStream {
    let mut connection = TcpStream::connect(server.address).unwrap();
    let head = format!(
        "POST /iso/pam/credential HTTP/1.1\r\nHost: vault\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    );
    connection.write_all(format!("{head}{{\"content\": \"{secret}\"").as_bytes()).unwrap();
    connection
}

#[actix_web::test]
async fn no_secret_stays_in_memory_once_its_connection_is_closed() {
    let program = Program::new();
    let Exercised { server, client, mut canaries, told } = exercise(&program).await;
    drop(told);
    // Both are the key of an HMAC, with which the server verifies signatures: threat-model.md.
    canaries.without(&["consumer_secret", "token_secret"]);
    // The search finds a secret that the server has.
    let mut control = Canaries::default();
    let secret = control.hatch("a password in a body without an end");
    let connection = begin_save(&server, &client.token, &secret);
    if control.found_in_memory(&server).is_none() {
        return;
    }
    noticed("a secret in progress", async || !control.found_in_memory(&server).unwrap().is_empty()).await;
    canaries.0.append(&mut control.0);
    drop((connection, client));
    let since = Instant::now();
    loop {
        let found = canaries.found_in_memory(&server).unwrap();
        if found.is_empty() {
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(20), "{found:#?}");
        // The connections end on this thread.
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A command without any privilege, by `setpriv` if the test has some.
fn unprivileged(setpriv: Option<&Path>, command: &Command) -> Command {
    let mut wrapped = Command::new(setpriv.unwrap_or_else(|| Path::new(command.get_program())));
    if setpriv.is_some() {
        wrapped.args(["--bounding-set=-all", "--inh-caps=-all"]).arg(command.get_program());
    }
    wrapped.args(command.get_args());
    wrapped.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    wrapped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    wrapped
}

#[actix_web::test]
async fn no_other_process_of_its_user_may_read_the_memory_of_a_server_and_no_core_is_dumped() {
    let setpriv = if rustix::process::geteuid().is_root() {
        let Some(setpriv) = Service::find_program("setpriv") else { return };
        Some(setpriv)
    } else {
        None
    };
    let setpriv = setpriv.as_deref();
    // Without privilege the socket of PostgreSQL may be out of reach.
    let program = Program::on(TestDatabase::sqlite());
    program.done(&["database", "migrate"]);
    let server = Serving::start(unprivileged(setpriv, &program.command(&["serve", "--listen", "127.0.0.1:0"])));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().take(2).collect::<Vec<_>>(), ["0", "0"]);

    let mut other = unprivileged(setpriv, &Command::new("cat")).stdin(Stdio::piped()).spawn().unwrap();
    // Once it answers, it has dropped what it was started with.
    other.stdin.as_mut().unwrap().write_all(b"x").unwrap();
    other.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let read = |process: u32, file: &str| {
        let mut command = Command::new("head");
        command.args(["-c", "1", &format!("/proc/{process}/{file}")]);
        finish(unprivileged(setpriv, &command))
    };
    // What any process has, and the server has not.
    assert_eq!(read(other.id(), "maps").code, 0);
    for file in ["maps", "mem", "environ"] {
        let refused = read(server.id(), file);
        assert!(refused.code > 0 && refused.stderr.contains("Permission denied"), "{file}: {refused:?}");
    }
    drop(other.stdin.take());
    other.wait().unwrap();
    assert_eq!(server.stop().code, 0);
}
