//! Mounts families: routes, 405 for unknown methods, 404 for unknown paths, and the family's own response to a panic.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::guard::{Guard, fn_guard};
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, WWW_AUTHENTICATE};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, Route, web};
use futures_util::FutureExt;

use super::log_limit::LogLimit;
use super::origin::{FamilyName, credentials};
use super::path::set_path;
use super::service::Service;
use super::{head, request_id, source};
use crate::http::challenge;
use crate::http::endpoint::Endpoint;
use crate::http::family::{Families, Family, RouteFailure, Unserved};

/// The log of the process has one line a minute about these.
static UNREADABLE_SOURCES: LogLimit = LogLimit::new(Duration::from_secs(60));

/// Registers endpoints of a family, one resource for each path, in a scope of its requests: those of other families are not
/// compared with its paths.
///
/// A literal path (`…/credential/batch`) comes before a path with a key that also matches it, and gets the methods of
/// that path too, so that an item with this name can still be read.
pub(crate) fn mount(config: &mut web::ServiceConfig, family: &Arc<dyn Family>, endpoints: &[Endpoint]) {
    let mut paths: Vec<&str> = Vec::new();
    for endpoint in endpoints {
        if !paths.contains(&endpoint.path.as_str()) {
            paths.push(&endpoint.path);
        }
    }
    let mut scope = web::scope("").guard(is_of(family));
    let keyed = |path: &str| paths.iter().copied().find(|other| name_in(path, other).is_some());
    let (names, others): (Vec<&str>, Vec<&str>) = paths.iter().partition(|path| keyed(path).is_some());
    for path in names.into_iter().chain(others) {
        let keyed = keyed(path);
        let pattern = match keyed.and_then(|template| name_in(path, template).map(|name| (template, name))) {
            Some((template, name)) => template.replace("{key}", &format!("{{key:{name}}}")),
            None => path.to_string(),
        };
        let mut resource = web::resource(pattern);
        let mut allowed = Vec::new();
        for endpoint in endpoints.iter().filter(|one| one.path == path || Some(one.path.as_str()) == keyed) {
            for method in endpoint.methods() {
                allowed.push(method.to_string());
                resource = resource.route(endpoint.route(method));
            }
        }
        let unknown_method = unknown_method(Some(Arc::clone(family)), allowed.join(", "));
        let family = Arc::clone(family);
        let catch = from_fn(move |request, next| catch_panic(Arc::clone(&family), request, next));
        scope = scope.service(resource.default_service(unknown_method).wrap(catch));
    }
    config.service(scope);
}

/// Returns the guard of the requests of a family.
fn is_of(family: &Arc<dyn Family>) -> impl Guard + use<> {
    let name = family.name();
    fn_guard(move |context| context.req_data().get::<FamilyName>().is_some_and(|family| family.0 == name))
}

/// Returns the segment of `path` at the key of `template`.
fn name_in<'a>(path: &'a str, template: &str) -> Option<&'a str> {
    let name = path.strip_prefix(template.strip_suffix("{key}")?)?;
    (!name.is_empty() && !name.contains(['/', '{'])).then_some(name)
}

/// Responds to an unknown method of a known path: 405, with the methods of the path, in the form of its family.
pub(super) fn unknown_method(family: Option<Arc<dyn Family>>, allowed: String) -> Route {
    web::to(move |request: HttpRequest| {
        let (family, allowed) = (family.clone(), HeaderValue::from_str(&allowed));
        async move {
            let mut response = match family {
                Some(family) => family.refuse(request, Unserved::UnknownMethod).await,
                None => HttpResponse::MethodNotAllowed().finish(),
            };
            if let Ok(allowed) = allowed {
                response.headers_mut().insert(ALLOW, allowed);
            }
            response
        }
    })
}

/// Responds to an unknown path: 404, in the form of its family.
pub(crate) fn unknown_path(families: Families) -> Route {
    web::to(move |request: HttpRequest| {
        let family = families.owner(request.path()).cloned();
        async move {
            match family {
                Some(family) => family.refuse(request, Unserved::UnknownPath).await,
                None => HttpResponse::NotFound().finish(),
            }
        }
    })
}

/// Responds to a panic of a handler, and to one that is not done by the deadline of the request, in the form of its family.
async fn catch_panic(
    family: Arc<dyn Family>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    let failed = request.request().clone();
    let handled = AssertUnwindSafe(next.call(request)).catch_unwind();
    let failure = match tokio::time::timeout(deadline(&failed), handled).await {
        Ok(Ok(answered)) => return answered,
        Ok(Err(_)) => RouteFailure::Panic,
        Err(_) => {
            log::error!("request {}: not done by its deadline; answered 503", request_id::request_id(&failed));
            RouteFailure::Overdue
        }
    };
    let response = family.fail(&failed, failure);
    Ok(ServiceResponse::new(failed, response))
}

/// Returns how long a request may take until its response begins.
fn deadline(request: &HttpRequest) -> Duration {
    let seconds = Service::from_request(request).map(|service| service.vault.settings().http.deadline_seconds);
    seconds.map_or(Duration::MAX, |seconds| Duration::from_secs(seconds.max(1)))
}

/// Routes a request to the family of its path, and lets that add headers to the response. A request with too large a head, or without
/// a readable source address, gets no further, and has no route.
pub(crate) async fn prepare(
    families: Families,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    let routed = families.routed(request.path()).map(|(owner, path)| (Arc::clone(owner), path.into_owned()));
    let owner = routed.map(|(owner, path)| {
        if path != request.path() {
            set_path(&mut request, path);
        }
        request.extensions_mut().insert(FamilyName(owner.name()));
        owner
    });
    let refusing = owner.as_ref().and_then(|owner| Some((owner, failure(request.request())?)));
    let mut answered = match refusing {
        Some((owner, failure)) => {
            let response = owner.fail(request.request(), failure);
            request.into_response(response)
        }
        None => next.call(request).await?.map_into_boxed_body(),
    };
    if answered.status() == StatusCode::UNAUTHORIZED && credentials(answered.request(), "dpop").is_some() {
        answered.headers_mut().append(WWW_AUTHENTICATE, challenge::DPOP_INVALID_TOKEN);
    }
    if let Some(owner) = owner {
        let request = answered.request().clone();
        owner.decorate(&request, answered.headers_mut());
    }
    Ok(answered)
}

/// Returns why a request gets no further.
fn failure(request: &HttpRequest) -> Option<RouteFailure> {
    if !head::is_within_limit(request) {
        return Some(RouteFailure::HeadTooLarge);
    }
    (!has_source(request)).then_some(RouteFailure::UnreadableSource)
}

/// Whether the source address of a request is known. Logs a request of a trusted proxy that does not send it, within a limit:
/// a client without a token can send any number of them.
fn has_source(request: &HttpRequest) -> bool {
    let Some(service) = Service::from_request(request) else { return true };
    let found = source::source_address(request, service).is_some();
    if !found && let Some(suppressed) = UNREADABLE_SOURCES.permit(service.vault.clock()) {
        let (id, header) = (request_id::request_id(request), service.vault.settings().http.forwarded_header.as_str());
        log::warn!(
            "request {id}: the trusted proxy sends no readable address in {header}; answered 400, as were {suppressed} \
             requests since the last such line"
        );
    }
    found
}
