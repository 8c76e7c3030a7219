//! Services for all families: bind, TLS, access log, metrics, properties of a request, body limits, registration.
//!
//! This module knows no family.

mod base_uri;
mod body;
mod body_budget;
mod certificate;
mod connection;
mod failure;
mod forget;
mod forwarded;
mod head;
mod log_limit;
mod media_type;
mod metrics;
mod mount;
mod observe;
mod origin;
mod path;
mod request_id;
mod sealed;
mod security_headers;
mod service;
mod source;
mod tls;

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};

use super::family::Families;
use super::openapi;

pub(crate) use base_uri::base_uris;
pub(crate) use body::{Body, BodyError, Content};
pub(crate) use certificate::fuzz as fuzz_certificate;
pub(crate) use failure::{is_temporary, log_internal_error, record_refused_route, record_unserved};
pub(crate) use forwarded::fuzz as fuzz_forwarded;
pub(crate) use media_type::{Charset, MediaType, looks_like_form};
pub use metrics::Metrics;
#[cfg(test)]
pub(crate) use mount::{mount, prepare, unknown_path};
pub(crate) use origin::{credentials, origin, presented_proof, presented_token};
pub(crate) use request_id::request_id;
pub use sealed::{SealedService, serve_sealed};
pub(crate) use security_headers::is_cross_site;
pub use service::Service;
pub use tls::{Tls, TlsError};

/// Serves the families on a bound address, over `tls` or plain HTTP, until the handle of the server stops it. Signals are the
/// caller's.
///
/// # Errors
/// An error of the listening socket.
pub fn serve(
    service: Service,
    families: Families,
    listener: TcpListener,
    tls: Option<&Tls>,
) -> std::io::Result<Server> {
    let settings = service.vault.settings().http.clone();
    if let Some(tls) = tls {
        let watched = tls.clone();
        service.metrics.watch_certificate(move || watched.expires_at());
    }
    let data = web::Data::new(service);
    let budgets = web::Data::new(body_budget::BodyBudgets::new(settings.max_body_bytes));
    let described = families.clone();
    let api = web::Data::new(openapi::description(move || described.endpoints()));
    let app = move || {
        let preparing = families.clone();
        let app = App::new()
            .app_data(data.clone())
            .app_data(budgets.clone())
            .wrap(from_fn(move |request, next| mount::prepare(preparing.clone(), request, next)))
            .wrap(from_fn(observe::observe));
        let unknown_method = |path: &str, methods| mount::unknown_method(families.owner(path).cloned(), methods);
        // Before the families: the last one takes every path that no other routes, these too.
        let app = app.configure(openapi::pages(api.clone(), unknown_method));
        families
            .iter()
            .fold(app, |app, family| app.configure(|config| mount::mount(config, family, &family.endpoints())))
            .default_service(mount::unknown_path(families.clone()))
    };
    let unread = Duration::from_secs(settings.unread_seconds.into());
    let mut server = HttpServer::new(app)
        .on_connect(move |connection, data| connection::prepare(connection, data, unread))
        .client_request_timeout(connection::REQUEST_HEAD_TIME)
        .disable_signals()
        .keep_alive(Duration::from_secs(settings.keep_alive_seconds.into()))
        .shutdown_timeout(settings.shutdown_seconds);
    if settings.workers > 0 {
        server = server.workers(settings.workers);
    }
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls.configuration())?,
        None => server.listen(listener)?,
    };
    Ok(server.run())
}
