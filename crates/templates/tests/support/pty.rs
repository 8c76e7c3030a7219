//! A shell on a pseudo-terminal, by `script` of util-linux.

use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use chaveiro_secret::SecretText;
use chaveiro_templates::{Received, Terminal};

/// Whether a program can be started.
pub(crate) fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", "command -v \"$0\"", program]).stdout(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

/// A shell that is ended when it is dropped.
pub(crate) struct Pty {
    child: Child,
    input: ChildStdin,
    output: Receiver<Vec<u8>>,
}

impl Pty {
    /// Starts a shell command line on a terminal.
    pub(crate) fn start(command: &str) -> Self {
        let mut child = Command::new("script")
            .args(["-q", "-e", "-f", "-c", command, "/dev/null"])
            .env("PS1", "$ ")
            .env("TERM", "dumb")
            .env_remove("ENV")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut source = child.stdout.take().unwrap();
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut chunk = [0; 512];
            while let Ok(length @ 1..) = source.read(&mut chunk) {
                if sender.send(chunk[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, input, output }
    }
}

impl Terminal for Pty {
    fn send(&mut self, text: &SecretText) -> io::Result<()> {
        self.input.write_all(text.expose().as_bytes())?;
        self.input.flush()
    }

    fn receive(&mut self, timeout: Duration) -> io::Result<(Received, Duration)> {
        Ok(match self.output.recv_timeout(timeout) {
            Ok(bytes) => (Received::Data(bytes), Duration::ZERO),
            Err(RecvTimeoutError::Timeout) => (Received::TimedOut, timeout),
            Err(RecvTimeoutError::Disconnected) => (Received::Closed, Duration::ZERO),
        })
    }

    fn pause(&mut self, time: Duration) {
        thread::sleep(time);
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // The shell ends with its terminal.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
