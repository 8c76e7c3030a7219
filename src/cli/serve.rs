//! `chaveiro serve`

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use super::signals::{OtherSignals, StopSignals};
use super::{CliError, Common};
use crate::clock::Clock;
use crate::http::{self, Metrics, Service, Tls};
use crate::store::CommitObserver;
use crate::vault::{BackgroundTasks, Vault, VaultLocation};

/// Options of `serve` and `quickstart`.
#[derive(Args)]
pub(super) struct Options {
    /// Address and port to listen on. The default is http.listen of the settings (127.0.0.1:8080).
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) listen: Option<SocketAddr>,
    /// Make a new vault also where a root key or audit heads lie already.
    #[arg(long)]
    pub(super) init: bool,
}

pub(super) async fn run(common: &Common, options: &Options) -> Result<(), CliError> {
    let server = Server::open(common, options)?;
    server.run().await
}

/// Keeps the memory of this process, with the keys, out of core dumps and away from other processes of its user (ptrace).
fn forbid_core_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let limited = setrlimit(Resource::Core, none);
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable).and(limited) {
        log::warn!("core dumps cannot be switched off: {error}");
    }
}

/// An open vault and the socket that it is served on.
pub(super) struct Server {
    pub(super) vault: Vault,
    pub(super) address: SocketAddr,
    metrics: Arc<Metrics>,
    listener: TcpListener,
    tls: Option<Tls>,
    signals: OtherSignals,
}

impl Server {
    /// Opens the vault and binds the address.
    pub(super) fn open(common: &Common, options: &Options) -> Result<Self, CliError> {
        // First, so that none of them ends the process while it starts.
        let signals = OtherSignals::listen()?;
        forbid_core_dumps();
        let mut settings = common.settings()?;
        let tls = Tls::load(&settings.tls)?;
        if let Some(listen) = options.listen {
            settings.http.listen = listen;
        }
        let metrics = Arc::new(Metrics::default());
        let observer: Arc<dyn CommitObserver> = metrics.clone();
        let listen = |error: std::io::Error| CliError::Listen(settings.http.listen, error.kind());
        let listener = TcpListener::bind(settings.http.listen).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let location = VaultLocation { init: options.init, ..common.location()? };
        let vault = Vault::open(&location, &settings, Clock::system(), &observer)?;
        Ok(Self { vault, address, metrics, listener, tls, signals })
    }

    /// Serves until SIGTERM, and then completes the requests in progress; SIGINT does not wait for them. Every write that
    /// was acknowledged is durable either way. SIGHUP reloads the TLS files.
    pub(super) async fn run(self) -> Result<(), CliError> {
        let service = Service { vault: self.vault.clone(), metrics: self.metrics };
        let address = self.address;
        let failed = move |error: std::io::Error| CliError::Listen(address, error.kind());
        let scheme = self.vault.settings().tls.scheme();
        let families = http::families(self.vault.settings());
        let server = http::serve(service, families, self.listener, self.tls.as_ref()).map_err(failed)?;
        let stopping = Duration::from_secs(self.vault.settings().http.shutdown_seconds);
        let stop = StopSignals::listen()?.stop(server.handle(), stopping);
        log::info!("serving on {scheme}://{address}");
        if self.tls.is_none() && !address.ip().is_loopback() {
            log::warn!(
                "tls-missing: {address} is reachable from other machines over plain HTTP, which shows secrets and tokens; set tls.certificate and tls.key, or listen on 127.0.0.1 behind a proxy with TLS"
            );
        }
        let tasks = BackgroundTasks::new(&self.vault);
        let served = tokio::select! {
            served = server => served.map_err(failed),
            () = tasks.run() => Ok(()),
            () = stop => Ok(()),
            () = self.signals.handle(self.tls) => Ok(()),
        };
        tasks.flush().await;
        self.vault.close();
        log::info!("stopped; every acknowledged write is kept");
        served
    }
}
