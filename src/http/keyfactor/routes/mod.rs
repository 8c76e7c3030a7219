//! The endpoint tables, by noun. They have one base path; the others lead to it.

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

const STATUS: &str = "/Status/Endpoints";

/// Returns every endpoint, and the versions that it has.
pub(super) fn endpoints(require_requested_with: bool) -> Vec<(Versions, Endpoint)> {
    let nouns = [provider::entries(), provider::providers(), security::identities(), security::roles()];
    let mut rows: Vec<Row> = nouns.into_iter().flatten().collect();
    let names = rows.iter().map(|row| format!("{} {}", row.method, row.path));
    let names: Arc<[String]> = names.chain([format!("GET {STATUS}")]).collect();
    let list = move |call| {
        let names = Arc::clone(&names);
        async move { status::endpoints(call, &names).await }
    };
    rows.push(
        Row::new(Method::GET, STATUS, Versions::Both, list)
            .summary("The endpoints of these families")
            .ok("Method and path of each", schema_of_list::<String>),
    );
    rows.into_iter().map(|row| (row.versions, row.endpoint(require_requested_with))).collect()
}
