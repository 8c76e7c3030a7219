//! The conventions of version 2 that no page of the vendor could be read for (contract senhasegura-v2, section 9). All of them are
//! guesses, and all forms among them are here, so that each can be changed in one place: the envelope of a list, the body of an
//! error, the names and bounds of pages, the fields of a row of a list, and the objects of owner and device.
//!
//! Known, and elsewhere: headers, statuses, filters, and the members of `credential`. The `id` beside them is a guess too: see `wire`.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::vault::credential::{CredentialMetadata, MetadataPage, Owner};
use crate::vault::id::UserId;

/// The rows of a page without a size.
pub(super) const DEFAULT_PAGE_SIZE: i32 = 50;
/// The most rows of a page.
pub(super) const MAX_PAGE_SIZE: i32 = 200;
pub(super) const EXPECTED_PAGE_SIZE: &str = "expected a whole number from 1 to 200";

/// The parameters of pages: by number, as in other parts of the vendor's API by offset, never both.
pub(super) const PAGING: &[(&str, &str)] = &[
    (PAGE, "The number of the page, from 1"),
    (PER_PAGE, "The most rows of a page, 1 to 200; 50 unless sent"),
    (LIMIT, "The most rows of a page, 1 to 200; 50 unless sent"),
    (OFFSET, "The number of rows before the page; not together with page and per_page"),
];
pub(super) const PAGE: &str = "page";
pub(super) const PER_PAGE: &str = "per_page";
pub(super) const LIMIT: &str = "limit";
pub(super) const OFFSET: &str = "offset";

/// The page of a list, as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paging {
    Numbered { page: i32, per_page: i32 },
    Offset { limit: i32, offset: i32 },
}

/// A field of a request, and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Issue {
    /// The parameter.
    pub(super) field: &'static str,
    /// What is expected of it.
    pub(super) issue: &'static str,
}

/// The body of an error.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorBody<'a> {
    error: ErrorDetails<'a>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ErrorDetails<'a> {
    /// A stable name.
    code: &'static str,
    message: &'a str,
    /// The fields that the error is about.
    details: Vec<Issue>,
    /// The id in the header X-Request-Id.
    request_id: &'a str,
}

/// Returns the body of an error.
pub(super) fn error<'a>(
    code: &'static str,
    message: &'a str,
    issue: Option<Issue>,
    request_id: &'a str,
) -> ErrorBody<'a> {
    ErrorBody { error: ErrorDetails { code, message, details: issue.into_iter().collect(), request_id } }
}

/// Describes the body of a list.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description")]
pub(super) struct CredentialList {
    data: Vec<CredentialRow>,
    pagination: Pagination,
}

/// Describes the page of a list.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description")]
pub(super) struct Pagination {
    /// With `per_page`, unless limit or offset was sent.
    page: Option<i32>,
    per_page: Option<i32>,
    /// With offset, where one of them was sent.
    limit: Option<i32>,
    offset: Option<i32>,
    /// Whether rows follow.
    has_more: bool,
}

/// A row of a list: the minimum fields.
#[derive(Serialize, ToSchema)]
pub(super) struct CredentialRow {
    id: i32,
    credential: CredentialRowPart,
    device: DevicePart,
}

#[derive(Serialize, ToSchema)]
pub(super) struct CredentialRowPart {
    username: String,
    active: bool,
    password_type: String,
}

impl From<&CredentialMetadata> for CredentialRow {
    fn from(metadata: &CredentialMetadata) -> Self {
        let CredentialMetadata { id, username, active, credential_type, .. } = metadata.clone();
        let credential = CredentialRowPart { username, active, password_type: credential_type };
        Self { id: id.get(), credential, device: metadata.into() }
    }
}

/// The device. The page breaks off after its name.
#[derive(Serialize, ToSchema)]
pub(super) struct DevicePart {
    id: i32,
    name: String,
    /// The domains of the device, separated by commas.
    domain_name: Option<String>,
}

impl From<&CredentialMetadata> for DevicePart {
    fn from(metadata: &CredentialMetadata) -> Self {
        let domains = metadata.domains.join(",");
        Self {
            id: metadata.device_id.get(),
            name: metadata.hostname.clone(),
            domain_name: Some(domains).filter(|domains| !domains.is_empty()),
        }
    }
}

/// The owner, of which the page says that it is an object.
#[derive(Serialize, ToSchema)]
pub(super) struct OwnerPart {
    /// The id of the platform user of this name, if there is one.
    id: Option<i32>,
    name: String,
}

impl From<Owner> for OwnerPart {
    fn from(owner: Owner) -> Self {
        Self { id: owner.id.map(UserId::get), name: owner.name }
    }
}

/// Returns the body of a list.
pub(super) fn list(page: &MetadataPage, paging: Paging) -> Value {
    let rows: Vec<CredentialRow> = page.rows.iter().map(CredentialRow::from).collect();
    let has_more = page.has_more;
    let pagination = match paging {
        Paging::Numbered { page, per_page } => json!({ PAGE: page, PER_PAGE: per_page, "has_more": has_more }),
        Paging::Offset { limit, offset } => json!({ LIMIT: limit, OFFSET: offset, "has_more": has_more }),
    };
    json!({ "data": rows, "pagination": pagination })
}
