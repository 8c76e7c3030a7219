//! `…/PermissionSets` (contract, section 7).

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::error::KeyfactorError;
use super::filter::Field;
use super::pagination::ListTable;
use super::response;
use crate::vault::access::role::{NameTest, PermissionSet};

/// A permission set.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PermissionSetView {
    /// A GUID.
    id: String,
    name: String,
    /// Access-control strings that bound those of its roles.
    permissions: Vec<String>,
}

impl From<PermissionSet> for PermissionSetView {
    fn from(set: PermissionSet) -> Self {
        Self { id: set.id, name: set.name, permissions: set.permissions }
    }
}

const LIST: ListTable<NameTest, ()> = ListTable {
    field: |name| if name == "name" { Some(Field::Text(NameTest::Name)) } else { None },
    columns: &[("Name", ())],
    default: (),
};

/// `GET …/PermissionSets`
pub(super) async fn list(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let query = call.list(&LIST).await?;
    let list = call.vault.list_permission_sets(call.permit, query).await?;
    Ok(response::list(list, PermissionSetView::from))
}

/// `GET …/PermissionSets/{id}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.segment("id", "expected a GUID").await?;
    let set = call.vault.read_permission_set(call.permit, id).await?;
    Ok(response::ok(PermissionSetView::from(set)))
}
