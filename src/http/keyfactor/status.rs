//! `GET /Status/Endpoints`, the first request of the published clients, and `GET /Status/HealthCheck`.

use actix_web::HttpResponse;

use super::call::Call;
use super::error::KeyfactorError;
use super::response;

/// Lists the endpoints of the family, each as method and path below the base path.
pub(super) async fn endpoints(call: Call, names: &[String]) -> Result<HttpResponse, KeyfactorError> {
    call.vault.acknowledge(call.permit).await?;
    Ok(response::ok(names))
}

/// Responds with 204 after writing the audit record, which requires a writable database.
pub(super) async fn health_check(call: Call) -> Result<HttpResponse, KeyfactorError> {
    call.vault.acknowledge(call.permit).await?;
    Ok(response::no_content())
}
