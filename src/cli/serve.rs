//! `chaveiro serve`

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use super::signals::{self, OtherSignals, StopSignals};
use super::{CliError, Common, sealed};
use crate::clock::Clock;
use crate::config::Settings;
use crate::http::{self, Metrics, Service, Tls};
use crate::store::CommitObserver;
use crate::vault::{BackgroundTasks, StartError, Vault, VaultLocation};

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
    match Server::open(common, options).await? {
        Some(server) => server.run().await,
        None => Ok(()),
    }
}

/// Keeps the memory of this process, with the keys, out of core dumps and away from other processes of its user (ptrace).
fn forbid_core_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let limited = setrlimit(Resource::Core, none);
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable).and(limited) {
        log::warn!("core dumps cannot be switched off: {error}");
    }
}

/// What a server needs beside its vault.
pub(super) struct Listening {
    pub(super) settings: Settings,
    pub(super) address: SocketAddr,
    pub(super) metrics: Arc<Metrics>,
    pub(super) listener: TcpListener,
    pub(super) tls: Option<Tls>,
    pub(super) signals: OtherSignals,
}

impl Listening {
    /// Binds the address.
    fn bind(common: &Common, options: &Options) -> Result<Self, CliError> {
        // First, so that none of them ends the process while it starts.
        let signals = OtherSignals::listen()?;
        forbid_core_dumps();
        let mut settings = common.settings()?;
        let tls = Tls::load(&settings.tls)?;
        if let Some(listen) = options.listen {
            settings.http.listen = listen;
        }
        let listen = |error: std::io::Error| CliError::Listen(settings.http.listen, error.kind());
        let listener = TcpListener::bind(settings.http.listen).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Self { settings, address, metrics: Arc::new(Metrics::default()), listener, tls, signals })
    }

    /// Opens the vault.
    pub(super) fn open(&self, location: &VaultLocation) -> Result<Vault, StartError> {
        let observer: Arc<dyn CommitObserver> = self.metrics.clone();
        Vault::open(location, &self.settings, Clock::system(), &observer)
    }

    /// The URL of the server.
    pub(super) fn url(&self) -> String {
        format!("{}://{}", self.settings.tls.scheme(), self.address)
    }

    pub(super) fn warn_of_plain_http(&self) {
        let address = self.address;
        if self.tls.is_none() && !address.ip().is_loopback() {
            log::warn!(
                "tls-missing: {address} is reachable from other machines over plain HTTP, which shows secrets and tokens; set tls.certificate and tls.key, or listen on 127.0.0.1 behind a proxy with TLS"
            );
        }
    }
}

/// An open vault and the socket that it is served on.
pub(super) struct Server {
    pub(super) vault: Vault,
    listening: Listening,
}

impl Server {
    /// Binds the address and opens the vault. A sealed one is served as such until it is unsealed; returns `None` when a signal
    /// has stopped the server before.
    pub(super) async fn open(common: &Common, options: &Options) -> Result<Option<Self>, CliError> {
        let mut listening = Listening::bind(common, options)?;
        signals::watch_files(listening.tls.as_ref());
        let location = VaultLocation { init: options.init, ..common.location()? };
        let vault = match listening.open(&location) {
            Err(StartError::Sealed(seal)) => sealed::unseal(&mut listening, &location, seal).await?,
            opened => Some(opened?),
        };
        Ok(vault.map(|vault| Self { vault, listening }))
    }

    /// The URL of the server.
    pub(super) fn url(&self) -> String {
        self.listening.url()
    }

    /// Serves until SIGTERM, and then completes the requests in progress; SIGINT does not wait for them. Every write that
    /// was acknowledged is durable either way. SIGHUP reloads the TLS files.
    pub(super) async fn run(self) -> Result<(), CliError> {
        let Self { vault, listening } = self;
        let service = Service { vault: vault.clone(), metrics: Arc::clone(&listening.metrics) };
        let url = listening.url();
        let address = listening.address;
        let failed = move |error: std::io::Error| CliError::Listen(address, error.kind());
        let families = http::families(vault.settings());
        listening.warn_of_plain_http();
        let Listening { listener, tls, mut signals, .. } = listening;
        let server = http::serve(service, families, listener, tls.as_ref()).map_err(failed)?;
        let stopping = Duration::from_secs(vault.settings().http.shutdown_seconds);
        let stop = StopSignals::listen()?.stop(server.handle(), stopping);
        log::info!("serving on {url}");
        let tasks = BackgroundTasks::new(&vault);
        let served = tokio::select! {
            served = server => served.map_err(failed),
            () = tasks.run() => Ok(()),
            () = stop => Ok(()),
            () = signals.handle(tls) => Ok(()),
        };
        tasks.flush().await;
        vault.close();
        log::info!("stopped; every acknowledged write is kept");
        served
    }
}
