//! A server whose root key is in shares: it answers on its address until so many as the threshold were entered.

use std::sync::Arc;
use std::time::Duration;

use super::CliError;
use super::serve::Listening;
use super::signals::StopSignals;
use crate::crypto::RootKeyLocation;
use crate::http::{self, SealedService};
use crate::vault::keys::Seal;
use crate::vault::{StartError, Vault, VaultLocation};

/// Time between attempts to open the vault while its database does not answer: the shares are not to be entered again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Serves the sealed vault until its root key is known, and opens it. Returns `None` when a signal has stopped the server. The
/// listening socket stays open: connections that come meanwhile wait for the server of the open vault.
pub(super) async fn unseal(
    listening: &mut Listening,
    location: &VaultLocation,
    seal: Arc<Seal>,
) -> Result<Option<Vault>, CliError> {
    let (address, http) = (listening.address, listening.settings.http.clone());
    let failed = move |error: std::io::Error| CliError::Listen(address, error.kind());
    let service = SealedService { seal: Arc::clone(&seal), metrics: Arc::clone(&listening.metrics) };
    let families = http::families(&listening.settings);
    let listener = listening.listener.try_clone().map_err(failed)?;
    let server = http::serve_sealed(service, &http, families, listener, listening.tls.as_ref()).map_err(failed)?;
    let handle = server.handle();
    let stop = StopSignals::listen()?.stop(handle.clone(), Duration::from_secs(http.shutdown_seconds));
    let serving = actix_web::rt::spawn(server);
    let status = seal.status();
    log::warn!("{} of {} shares unseal the vault: chaveiro unseal", status.threshold, status.shares);
    log::info!("the vault is sealed; serving on {}", listening.url());
    listening.warn_of_plain_http();
    let root_key = tokio::select! {
        root_key = seal.opened() => Some(root_key),
        () = stop => None,
        () = listening.signals.handle(listening.tls.clone()) => None,
        // It ends by itself only when it has failed, and otherwise when it was stopped.
        served = serving => {
            served.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(failed)?;
            None
        }
    };
    let Some(root_key) = root_key else {
        log::info!("stopped while the vault was sealed");
        return Ok(None);
    };
    log::info!("the shares give the root key; the vault is opened");
    let location = VaultLocation { root_key: RootKeyLocation::Shares(root_key), ..location.clone() };
    let vault = open(listening, &location).await?;
    handle.stop(true).await;
    Ok(Some(vault))
}

/// Opens the vault, as soon as its database answers.
async fn open(listening: &Listening, location: &VaultLocation) -> Result<Vault, CliError> {
    loop {
        match listening.open(location) {
            Err(StartError::Store(error)) if error.is_temporary() => {
                log::warn!("the vault cannot be opened yet: {error}");
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            opened => return Ok(opened?),
        }
    }
}
