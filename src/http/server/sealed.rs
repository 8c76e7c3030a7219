//! The server of a sealed vault: a family serves what it has to say of the seal, and every other request is answered 503 in the
//! form of its family. There is no vault yet, and so no authentication, no audit record and no trusted proxy.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::KeepAlive;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Route, web};

use super::metrics::Metrics;
use super::tls::Tls;
use super::{connection, mount, observe};
use crate::config::HttpSettings;
use crate::http::family::{Families, RouteFailure};
use crate::vault::keys::Seal;

/// How long the requests in progress may take when the vault is unsealed, in seconds. Others wait for the server that follows.
const SHUTDOWN_SECONDS: u64 = 1;

/// The application data of handlers while the vault is sealed.
#[derive(Clone)]
pub struct SealedService {
    /// What collects the shares.
    pub seal: Arc<Seal>,
    /// The metrics of `/metrics`.
    pub metrics: Arc<Metrics>,
}

/// Serves a sealed vault on a bound address, until the handle of the server stops it. Signals are the caller's.
///
/// # Errors
/// An error of the listening socket.
pub fn serve_sealed(
    service: SealedService,
    settings: &HttpSettings,
    families: Families,
    listener: TcpListener,
    tls: Option<&Tls>,
) -> std::io::Result<Server> {
    let data = web::Data::new(service);
    let app = move || {
        let preparing = families.clone();
        let app = App::new()
            .app_data(data.clone())
            .wrap(from_fn(move |request, next| mount::prepare(preparing.clone(), request, next)))
            .wrap(from_fn(observe::observe));
        let served = families.iter().map(|family| (family, family.sealed_endpoints()));
        let app = served
            .fold(app, |app, (family, endpoints)| app.configure(|config| mount::mount(config, family, &endpoints)));
        app.default_service(refused(families.clone()))
    };
    let unread = Duration::from_secs(settings.unread_seconds.into());
    let mut server = HttpServer::new(app)
        .on_connect(move |connection, data| connection::prepare(connection, data, unread))
        .client_request_timeout(connection::REQUEST_HEAD_TIME)
        .disable_signals()
        .keep_alive(KeepAlive::Disabled)
        .shutdown_timeout(SHUTDOWN_SECONDS);
    if settings.workers > 0 {
        server = server.workers(settings.workers);
    }
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls.configuration())?,
        None => server.listen(listener)?,
    };
    Ok(server.run())
}

/// Responds to a request that needs the vault.
fn refused(families: Families) -> Route {
    web::to(move |request: HttpRequest| {
        let response = match families.owner(request.path()) {
            Some(family) => family.fail(&request, RouteFailure::Sealed),
            None => HttpResponse::ServiceUnavailable().finish(),
        };
        std::future::ready(response)
    })
}
