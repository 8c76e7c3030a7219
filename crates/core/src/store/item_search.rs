//! Searching the credentials that an authorization sees by their properties.

use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper};

use super::credential::{CredentialKind, CredentialRow};
use super::device::DeviceRow;
use super::id::{AuthorizationId, TagId};
use super::schema::{credential, device};
use super::tag::{TaggedKind, objects_with};
use super::visibility::seen_credentials;
use super::{AnyConnection, StoreError};
use crate::network::address_key;
use crate::text::case_folded;

/// The properties that narrow a search. `None` narrows nothing.
#[derive(Clone, Debug, Default)]
pub struct CredentialFilter {
    /// A tag of the credential or of its device.
    pub tag: Option<TagId>,
    /// The name as an item: the identifier, or `hostname/username` of a password without one.
    pub name: Option<String>,
    /// The username, as stored.
    pub username: Option<String>,
    /// The address or the hostname of the device.
    pub address: Option<String>,
}

/// Returns at most `limit` active credentials that the authorization sees and that the filter selects, with their devices.
pub fn search_credentials(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    filter: &CredentialFilter,
    limit: i64,
) -> Result<Vec<(CredentialRow, DeviceRow)>, StoreError> {
    let mut query = credential::table
        .inner_join(device::table)
        .filter(seen_credentials(authorization))
        .filter(credential::active.and(device::active))
        .into_boxed();
    if let Some(tag) = filter.tag {
        let by_device = credential::device_id.eq_any(objects_with(tag, TaggedKind::Device.as_str()));
        query = query.filter(credential::id.eq_any(objects_with(tag, TaggedKind::Credential.as_str())).or(by_device));
    }
    if let Some(name) = &filter.name {
        // A hostname contains no slash; a username may.
        query = match name.split_once('/') {
            None => query.filter(credential::identifier.eq(name)),
            Some((hostname, username)) => {
                let unnamed = credential::identifier
                    .is_null()
                    .and(credential::kind.eq(CredentialKind::Password.as_str()))
                    .and(credential::username.eq(username))
                    .and(device::hostname_key.eq(case_folded(hostname)));
                query.filter(credential::identifier.eq(name).or(unnamed))
            }
        };
    }
    if let Some(username) = &filter.username {
        query = query.filter(credential::username.eq(username));
    }
    if let Some(address) = &filter.address {
        let by_name = device::hostname_key.eq(case_folded(address));
        query = query.filter(device::ip_key.eq(address_key(address)).or(by_name));
    }
    let rows = query.order(credential::id).limit(limit);
    Ok(rows.select((CredentialRow::as_select(), DeviceRow::as_select())).load(connection)?)
}
