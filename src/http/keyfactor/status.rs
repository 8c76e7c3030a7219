//! `GET /Status/Endpoints`, with which the published clients begin.

use actix_web::HttpResponse;

use super::caller::Caller;
use super::error::Refused;
use super::path::{BASE, serves};
use crate::http::routes;

/// The endpoints of these families, each as method and path below the base path.
pub(in crate::http) async fn endpoints(caller: Caller) -> Result<HttpResponse, Refused> {
    caller.vault.note_endpoint_list(&caller.call).await?;
    let ours = routes::all().into_iter().filter(|endpoint| serves(&endpoint.path));
    let names: Vec<String> =
        ours.map(|endpoint| format!("{} {}", endpoint.method, endpoint.path.trim_start_matches(BASE))).collect();
    Ok(caller.answer(names))
}
