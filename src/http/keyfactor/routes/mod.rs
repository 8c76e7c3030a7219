//! The endpoint tables, by noun, below the normalized base path.

mod provider;
mod row;
mod security;

use std::sync::Arc;

use actix_web::http::Method;

use row::Row;

use super::status;
use super::version::Versions;
use crate::http::endpoint::Endpoint;
use crate::http::schema::schema_of_list;
use crate::vault::operation::Action;

const ENDPOINTS: &str = "/Status/Endpoints";
const HEALTH: &str = "/Status/HealthCheck";

/// Returns every endpoint with its versions.
pub(super) fn endpoints(require_requested_with: bool) -> Vec<(Versions, Endpoint)> {
    let nouns = [
        provider::entries(),
        provider::providers(),
        security::identities(),
        security::roles(),
        security::role_assignments(),
        security::claims(),
        security::permission_sets(),
    ];
    let mut rows: Vec<Row> = nouns.into_iter().flatten().collect();
    rows.push(
        Row::new(Method::GET, HEALTH, Versions::Both, Action::HEALTH_CHECK, status::health_check)
            .summary("Whether the service works"),
    );
    let names = rows.iter().map(|row| format!("{} {}", row.method, row.path));
    let names: Arc<[String]> = names.chain([format!("GET {ENDPOINTS}")]).collect();
    let list = move |call| {
        let names = Arc::clone(&names);
        async move { status::endpoints(call, &names).await }
    };
    rows.push(
        Row::new(Method::GET, ENDPOINTS, Versions::Both, Action::ENDPOINT_LIST, list)
            .summary("List the endpoints of this family")
            .ok("Method and path of each", schema_of_list::<String>),
    );
    rows.into_iter().map(|row| (row.versions, row.endpoint(require_requested_with))).collect()
}
