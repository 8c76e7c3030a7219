//! What the client may do with a path (contract facades, section 2.5). Says nothing about whether an item exists.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::call::Call;
use super::error::VaultKvError;
use super::wire::{Envelope, Repeated};
use crate::http::family::is_below;
use crate::http::server::request_id;

const PATHS: VaultKvError = VaultKvError::Input("paths must be a list of paths in a JSON object");

/// The body of a question about paths.
#[derive(Deserialize, ToSchema)]
pub(super) struct Paths {
    /// The paths, without `/v1`.
    paths: Option<List>,
    /// As `paths`.
    path: Option<List>,
}

/// A list, or a string with commas.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum List {
    Listed(Vec<String>),
    Joined(String),
}

impl List {
    fn into_vec(self) -> Vec<String> {
        match self {
            List::Listed(paths) => paths,
            List::Joined(paths) => paths.split(',').map(|path| path.trim().into()).collect(),
        }
    }
}

/// `POST` and `PUT /v1/sys/capabilities-self`
pub(super) async fn capabilities_self(mut call: Call, mount: String) -> Result<HttpResponse, VaultKvError> {
    let paths = match call.json::<Paths>(&["paths", "path"], "expected a JSON object with the member paths").await {
        Ok(body) => body.paths.or(body.path).map(List::into_vec).unwrap_or_default(),
        Err(error) => return Err(call.refuse(error).await),
    };
    if paths.is_empty() {
        return Err(call.refuse(PATHS).await);
    }
    call.vault.acknowledge(call.permit.clone()).await?;
    let only = if let [path] = paths.as_slice() { Some(capabilities(&mount, path)) } else { None };
    let mut answers: BTreeMap<String, &[&str]> =
        paths.iter().map(|path| (path.clone(), capabilities(&mount, path))).collect();
    answers.extend(only.map(|only| ("capabilities".into(), only)));
    Ok(Repeated::from(Envelope::data(&request_id(&call.http), answers)).respond(StatusCode::OK))
}

/// Returns what the routes of this family take on a path.
fn capabilities(mount: &str, path: &str) -> &'static [&'static str] {
    let path = path.trim_start_matches('/');
    match path.trim_end_matches('/') {
        "auth/token/lookup-self" | "sys/mounts" => &["read"],
        "auth/token/revoke-self" | "sys/capabilities-self" => &["update"],
        path if is_below(path, &format!("{mount}/data")) => &["read"],
        path if is_below(path, &format!("{mount}/metadata")) => &["list"],
        path if is_below(path, &format!("sys/internal/ui/mounts/{mount}")) => &["read"],
        _ => &["deny"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_capabilities_of_its_route() {
        for (path, expected) in [
            ("secret/data/erp", "read"),
            ("/secret/data/a/b", "read"),
            ("secret/metadata", "list"),
            ("secret/metadata/a/", "list"),
            ("secret/metadatax", "deny"),
            ("secret/erp", "deny"),
            ("other/data/erp", "deny"),
            ("sys/mounts", "read"),
            ("sys/internal/ui/mounts/secret", "read"),
            ("auth/token/renew-self", "deny"),
            ("auth/token/revoke-self", "update"),
            ("", "deny"),
        ] {
            assert_eq!(capabilities("secret", path), [expected], "{path}");
        }
    }
}
