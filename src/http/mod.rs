//! All that knows HTTP. A handler parses, asks the vault, answers; it decides nothing.
//!
//! [`routes`] is the one table of what is served, from which the OpenAPI description is made as well. The families:
//! [`oauth`] (tokens), [`pam`] (the PAM Core service under `/iso` and `/api`), [`keyfactor`] (under `/KeyfactorAPI`),
//! [`ops`] (health, metrics, docs).

mod body;
mod caller;
mod certificate;
mod conditions;
mod described;
mod fallback;
mod observe;
mod source;
mod tls;

pub mod keyfactor;
pub mod oauth;
pub mod ops;
pub mod pam;
pub mod routes;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::{NormalizePath, TrailingSlash, from_fn};
use actix_web::{App, HttpServer, web};

use crate::vault::Vault;
use ops::metrics::Metrics;
pub use tls::TlsError;

/// How long a client may take to send the head of a request.
const REQUEST_HEAD_TIME: Duration = Duration::from_secs(10);

/// What every handler can reach.
#[derive(Clone)]
pub struct Service {
    /// The vault.
    pub vault: Vault,
    /// The figures for `/metrics`.
    pub metrics: Arc<Metrics>,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The TLS of the settings is not to be had.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] std::io::Error),
}

/// Serves on a bound address, over TLS if the settings say so, until SIGTERM, then lets the requests under way end; SIGINT does not wait for them.
pub fn serve(service: Service, listener: TcpListener) -> Result<Server, ServeError> {
    let tls = tls::configuration(&service.vault.settings().tls)?;
    let settings = service.vault.settings().http.clone();
    let data = web::Data::new(service);
    let api = ops::openapi::description();
    let app = move || {
        App::new()
            .app_data(data.clone())
            .wrap(from_fn(keyfactor::frame))
            .wrap(NormalizePath::new(TrailingSlash::Trim))
            .wrap(from_fn(observe::observe))
            .configure(routes::register)
            .configure(ops::openapi::pages(api.clone()))
            .default_service(web::to(fallback::unknown_route))
    };
    let mut server = HttpServer::new(app)
        .on_connect(tls::note_certificate)
        .client_request_timeout(REQUEST_HEAD_TIME)
        .shutdown_timeout(settings.shutdown_seconds);
    if settings.workers > 0 {
        server = server.workers(settings.workers);
    }
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls)?,
        None => server.listen(listener)?,
    };
    Ok(server.run())
}
