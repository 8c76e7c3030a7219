//! `/openapi.json` and the page `/docs` to browse it. All files are embedded in the binary.
//!
//! Every link is relative, because a proxy may serve these paths below a prefix.

use actix_web::http::header::{CONTENT_ENCODING, LOCATION};
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpMessage, HttpRequest, HttpResponse, Resource, Responder, Route};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

/// Marks a request, in its extensions, whose path ended with a slash, which is removed before routing.
pub(crate) struct DirectoryPath;

/// Registers the description and the page. `unknown_method` creates the response to other methods of a path than those that it
/// gets.
pub(crate) fn pages(api: OpenApi, unknown_method: impl Fn(&str, String) -> Route) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let files = Config::new(["../openapi.json"]);
        let refused = |path| unknown_method(path, "GET, HEAD".into());
        config.service(resource("/openapi.json", refused, description).app_data(Data::new(api)));
        config.service(resource("/docs", refused, start));
        config.service(resource("/docs/{file:.*}", refused, file).app_data(Data::new(files)));
    }
}

/// Creates a resource with the methods GET and HEAD.
fn resource<H, Args>(path: &'static str, refused: impl Fn(&'static str) -> Route, handler: H) -> Resource
where
    H: Handler<Args> + Clone,
    H::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    let resource = web::resource(path).route(web::get().to(handler.clone())).route(web::head().to(handler));
    resource.default_service(refused(path))
}

async fn description(api: Data<OpenApi>) -> HttpResponse {
    HttpResponse::Ok().json(api.as_ref())
}

/// Redirects to the page below, which finds its parts by its own path.
async fn start(request: HttpRequest) -> HttpResponse {
    let is_directory = request.extensions().get::<DirectoryPath>().is_some();
    let location = if is_directory { "index.html" } else { "docs/index.html" };
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, location)).finish()
}

async fn file(path: Path<String>, files: Data<Config<'static>>) -> HttpResponse {
    let Ok(Some(file)) = utoipa_swagger_ui::serve(&path, files.into_inner()) else {
        return HttpResponse::NotFound().finish();
    };
    let mut response = HttpResponse::Ok();
    if file.gzpipped {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    response.content_type(file.content_type).body(file.bytes.into_owned())
}
