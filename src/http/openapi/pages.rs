//! `/openapi.json` and the page `/docs` to browse it. All files are embedded in the binary.
//!
//! Every link is relative, because a proxy may serve these paths below a prefix.

use std::sync::OnceLock;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ContentType, LOCATION};
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpMessage, HttpRequest, HttpResponse, Resource, Responder, Route};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

/// The policy of the page: its own scripts, and requests to this server, which "Try it out" sends.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                           connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Marks a request, in its extensions, whose path ended with a slash, which is removed before routing.
pub(crate) struct DirectoryPath;

/// The description as JSON, built for the first request and shared by all workers: before it is serialized, the document takes
/// 10 MB.
pub(crate) struct Description {
    build: Box<dyn Fn() -> OpenApi + Send + Sync>,
    json: OnceLock<Option<Bytes>>,
}

impl Description {
    /// Creates the description of what the function builds.
    pub(super) fn new(build: impl Fn() -> OpenApi + Send + Sync + 'static) -> Self {
        Self { build: Box::new(build), json: OnceLock::new() }
    }

    /// Returns the JSON; `None` if the document cannot be serialized.
    fn json(&self) -> Option<Bytes> {
        self.json.get_or_init(|| serde_json::to_vec(&(self.build)()).ok().map(Bytes::from)).clone()
    }
}

/// Registers the description and the page. `unknown_method` creates the response to other methods of a path than those that it
/// gets.
pub(crate) fn pages(
    api: Data<Description>,
    unknown_method: impl Fn(&str, String) -> Route,
) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let files = Config::new(["../openapi.json"]);
        let refused = |path| unknown_method(path, "GET, HEAD".into());
        config.service(resource("/openapi.json", refused, description).app_data(api));
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

async fn description(api: Data<Description>) -> HttpResponse {
    match api.json() {
        Some(json) => HttpResponse::Ok().content_type(ContentType::json()).body(json),
        None => HttpResponse::InternalServerError().finish(),
    }
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
    response.insert_header((CONTENT_SECURITY_POLICY, PAGE_POLICY));
    response.content_type(file.content_type).body(file.bytes.into_owned())
}
