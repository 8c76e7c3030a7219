//! `/openapi.json` and the page `/docs` to browse it. All files are embedded in the binary.
//!
//! Every link is relative, because a proxy may serve these paths below a prefix.

use actix_web::guard::{Any, Get, Head};
use actix_web::http::header::{CONTENT_ENCODING, LOCATION};
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, Resource};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

/// Marks a request, in its extensions, whose path ended with a slash, which is removed before routing.
pub(crate) struct DirectoryPath;

/// Registers the description and the page.
pub(crate) fn pages(api: OpenApi) -> impl FnOnce(&mut ServiceConfig) {
    |config| {
        let files = Config::new(["../openapi.json"]);
        config.service(resource("/openapi.json").app_data(Data::new(api)).to(description));
        config.service(resource("/docs").to(start));
        config.service(resource("/docs/{file:.*}").app_data(Data::new(files)).to(file));
    }
}

fn resource(path: &str) -> Resource {
    web::resource(path).guard(Any(Get()).or(Head()))
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
