//! Signals of a running server. Without a listener, each of them ends the process.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::CliError;
use crate::http::Tls;
use crate::vault::backup::remove_unfinished;

/// The exit code of a database that does not answer.
const DATABASE_UNAVAILABLE: i32 = 4;
/// How long the end of the process may take after the last request.
const GRACE: Duration = Duration::from_secs(3);

/// How long a stop may take that does not wait for requests.
const LONGEST_AT_ONCE: Duration = Duration::from_secs(10);
/// Interval between looks at the TLS files.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);
/// The looks between two attempts to load files that could not be loaded: a minute.
const RETRY_LOOKS: u32 = 30;
/// The most reloads that may hang.
const MAX_RELOADS: usize = 4;

/// The signals that stop the server. Received from the moment at which it serves: a start that hangs can be interrupted.
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

/// The signals that the server survives.
pub(super) struct OtherSignals {
    hangup: Signal,
    user_defined: [Signal; 2],
}

fn listen(kind: SignalKind) -> Result<Signal, CliError> {
    signal(kind).map_err(|error: io::Error| CliError::Signals(error.kind()))
}

impl StopSignals {
    /// Starts to receive them.
    ///
    /// # Errors
    /// [`CliError::Signals`]
    pub(super) fn listen() -> Result<Self, CliError> {
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            quit: listen(SignalKind::quit())?,
        })
    }

    /// Stops the server: after the requests in progress at SIGTERM, at once at SIGINT and SIGQUIT, also when they come
    /// while it waits. The process ends soon after `longest`, whatever hangs.
    pub(super) async fn stop(mut self, server: ServerHandle, longest: Duration) {
        tokio::select! {
            _ = self.terminate.recv() => {
                end_after(longest + GRACE);
                log::info!("SIGTERM: the requests in progress are completed");
                tokio::select! {
                    () = server.stop(true) => {}
                    _ = self.interrupt.recv() => {}
                    _ = self.quit.recv() => {}
                }
            }
            _ = self.interrupt.recv() => stop_at_once(&server).await,
            _ = self.quit.recv() => stop_at_once(&server).await,
        }
    }
}

async fn stop_at_once(server: &ServerHandle) {
    end_after(LONGEST_AT_ONCE);
    server.stop(false).await;
}

/// Ends the process after this time if it has not ended by itself: a database that does not answer keeps threads waiting, and the
/// end of the process waits for them.
fn end_after(longest: Duration) {
    let end = move || {
        thread::sleep(longest);
        log::error!("the stop has taken too long and is given up; every acknowledged write is kept");
        remove_unfinished();
        exit(DATABASE_UNAVAILABLE);
    };
    if thread::Builder::new().name("stop".into()).spawn(end).is_err() {
        log::error!("the time of the stop cannot be limited");
    }
}

#[expect(clippy::disallowed_methods, reason = "what it skips is what hangs")]
fn exit(code: i32) -> ! {
    std::process::exit(code)
}

/// Removes what a command has not finished when a signal ends it. Its main thread may be busy, so another one receives the signals.
///
/// # Errors
/// [`CliError::Signals`]
pub(super) fn clean_up_at_signals() -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.map_err(|error| CliError::Signals(error.kind()))?;
    let entered = runtime.enter();
    let mut hangup = listen(SignalKind::hangup())?;
    let StopSignals { mut terminate, mut interrupt, mut quit } = StopSignals::listen()?;
    drop(entered);
    let wait = async move {
        let signal = tokio::select! {
            _ = hangup.recv() => SignalKind::hangup(),
            _ = interrupt.recv() => SignalKind::interrupt(),
            _ = quit.recv() => SignalKind::quit(),
            _ = terminate.recv() => SignalKind::terminate(),
        };
        remove_unfinished();
        // As a shell shows a program that a signal ended.
        exit(128 + signal.as_raw_value())
    };
    let spawned = thread::Builder::new().name("signals".into()).spawn(move || runtime.block_on(wait));
    spawned.map(drop).map_err(|error| CliError::Signals(error.kind()))
}

impl OtherSignals {
    /// Starts to receive them.
    ///
    /// # Errors
    /// [`CliError::Signals`]
    pub(super) fn listen() -> Result<Self, CliError> {
        let user_defined = [listen(SignalKind::user_defined1())?, listen(SignalKind::user_defined2())?];
        Ok(Self { hangup: listen(SignalKind::hangup())?, user_defined })
    }

    /// Reloads the TLS files at SIGHUP; ignores SIGUSR1 and SIGUSR2. Does not end.
    pub(super) async fn handle(&mut self, tls: Option<Tls>) {
        let Self { hangup, user_defined: [first, second] } = self;
        let mut reloads: Vec<JoinHandle<()>> = Vec::new();
        loop {
            tokio::select! {
                _ = hangup.recv() => {
                    reloads.retain(|reload| !reload.is_finished());
                    if reloads.len() >= MAX_RELOADS {
                        log::warn!("SIGHUP: {MAX_RELOADS} reloads of the TLS files hang, and there is no further one; restart the server");
                        continue;
                    }
                    let tls = tls.clone();
                    // A file may hang, on a dead mount for example: a thread that keeps neither the other signals nor later
                    // reloads nor the end of the process waiting.
                    reloads.push(thread::spawn(move || reload(tls.as_ref())));
                }
                _ = first.recv() => {}
                _ = second.recv() => {}
            }
        }
    }
}

/// Reloads the TLS files in the background when they have changed.
pub(super) fn watch_files(tls: Option<&Tls>) {
    if let Some(tls) = tls.cloned() {
        thread::spawn(move || watch(&tls));
    }
}

fn reload(tls: Option<&Tls>) {
    match tls.map(Tls::reload) {
        None => log::info!("SIGHUP: no TLS files to reload, and the log goes to standard error"),
        Some(Ok(())) => log::info!("SIGHUP: the TLS files were reloaded; new connections use them"),
        Some(Err(error)) => log::error!("SIGHUP: the TLS files were not reloaded, those in use are kept: {error}"),
    }
}

/// Reloads the files when they have changed, and have been the same for an interval: a renewal replaces them one after the other.
/// Files that could not be loaded are tried again each minute: what was wrong may show in none of them.
fn watch(tls: &Tls) {
    let mut changes = Changes::new(tls.files_state());
    loop {
        thread::sleep(WATCH_INTERVAL);
        if !changes.are_due(tls.files_state()) {
            continue;
        }
        match tls.reload() {
            Ok(()) => log::info!("the TLS files have changed and were reloaded; new connections use them"),
            Err(error) => {
                changes.note_failure();
                log::error!("the TLS files have changed and were not reloaded, those in use are kept: {error}");
            }
        }
    }
}

/// The states of files at the looks of a watch.
struct Changes<S> {
    tried: S,
    seen: S,
    /// The looks until files that could not be loaded are tried again.
    until_retry: Option<u32>,
}

impl<S: PartialEq + Clone> Changes<S> {
    fn new(in_use: S) -> Self {
        Self { tried: in_use.clone(), seen: in_use, until_retry: None }
    }

    /// Whether the files are to be loaded, which then has been tried.
    fn are_due(&mut self, now: S) -> bool {
        let is_stable = std::mem::replace(&mut self.seen, now) == self.seen;
        self.until_retry = self.until_retry.map(|looks| looks.saturating_sub(1));
        let is_due = is_stable && (self.seen != self.tried || self.until_retry == Some(0));
        if is_due {
            self.tried = self.seen.clone();
            self.until_retry = None;
        }
        is_due
    }

    /// Notes that they could not be loaded.
    fn note_failure(&mut self) {
        self.until_retry = Some(RETRY_LOOKS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_files_are_loaded_when_they_are_stable_and_tried_again_after_a_failure() {
        let mut changes = Changes::new(1);
        assert_eq!([1, 2, 3, 3, 3].map(|state| changes.are_due(state)), [false, false, false, true, false]);
        changes.note_failure();
        let mut looks = (0..2 * RETRY_LOOKS).map(|_| changes.are_due(3));
        assert_eq!(looks.position(|is_due| is_due), Some(29), "after a minute");
        assert!(looks.all(|is_due| !is_due), "which succeeded");
        drop(looks);
        assert_eq!([4, 4].map(|state| changes.are_due(state)), [false, true]);
    }
}
