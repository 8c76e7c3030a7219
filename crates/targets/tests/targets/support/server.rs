//! Servers as child processes.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// A server of a test's own, with its directory; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) dir: TempDir,
    pub(crate) port: u16,
}

impl Server {
    /// Starts a program that stays in the foreground, and waits until it listens.
    pub(crate) fn start(mut command: Command, dir: TempDir, port: u16) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Self { child: command.spawn().unwrap(), dir, port };
        wait_for_port(port, || assert!(server.child.try_wait().unwrap().is_none(), "the server has ended"));
        server
    }

    /// Returns a file of its directory.
    pub(crate) fn read(&self, name: &str) -> String {
        let bytes = std::fs::read(self.dir.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Ends it.
    pub(crate) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Waits until a port takes connections.
pub(crate) fn wait_for_port(port: u16, check: impl FnMut()) {
    let is_up = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    assert!(comes_true(is_up, check), "nobody listens on port {port}");
}

/// Waits until a socket takes connections. A server that listens on several begins with one of them.
pub(crate) fn wait_for_socket(path: &Path) {
    assert!(comes_true(|| UnixStream::connect(path).is_ok(), || {}), "nobody listens on {}", path.display());
}

/// Waits until something is so; returns whether it came to be.
pub(crate) fn comes_true(mut is_true: impl FnMut() -> bool, mut check: impl FnMut()) -> bool {
    // Two minutes, in steps: the time of day is not to be asked for.
    (0..12_000).any(|_| {
        if is_true() {
            return true;
        }
        check();
        std::thread::sleep(Duration::from_millis(10));
        false
    })
}

/// A port that nobody listens on at this moment.
pub(crate) fn free_port() -> u16 {
    let [port] = free_ports();
    port
}

/// Different ports that nobody listens on at this moment. All are held until the last is chosen, so that none comes twice.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let held: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    held.each_ref().map(|listener| listener.local_addr().unwrap().port())
}

/// Runs a program to its end, which must be a success.
pub(crate) fn command(program: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program:?} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
