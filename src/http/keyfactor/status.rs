//! `GET /Status/Endpoints`, the first request of the published clients.

use actix_web::HttpResponse;

use super::call::Call;
use super::error::KeyfactorError;
use super::response;

/// Lists the endpoints of the family, each as method and path below the base path.
pub(super) async fn endpoints(call: Call, names: &[String]) -> Result<HttpResponse, KeyfactorError> {
    call.vault.note_endpoint_list(&call.request).await?;
    Ok(response::ok(names))
}
