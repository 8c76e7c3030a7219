//! Lists of credentials.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::clock::from_micros;
use crate::store::id::{CredentialId, LookupId};
use crate::store::list::{self as list_store, CredentialDetails};
use crate::store::lookup::{self, LookupKind};
use crate::vault::VaultError;
use crate::vault::operation::OperationContext;
use crate::vault::pagination::{List, ListRequest};
use crate::vault::whole_list::ListedRow;

/// A credential in a list, without secrets.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the contract, section 5.1")]
pub struct ListedCredential {
    pub id: CredentialId,
    pub identifier: Option<String>,
    pub username: String,
    pub changed_at: DateTime<Utc>,
    pub viewed_at: Option<DateTime<Utc>>,
    pub hostname: String,
    pub management_ip: String,
    pub credential_type: String,
    /// The id of the type; `None` for a type that is not registered.
    pub type_code: Option<LookupId>,
    pub device_model: String,
    pub device_type: String,
    pub device_vendor: String,
    pub automatic_change: bool,
}

impl ListedRow for ListedCredential {
    fn text_bytes(&self) -> usize {
        let texts = [&self.username, &self.hostname, &self.management_ip, &self.credential_type, &self.device_model];
        let texts = texts.into_iter().chain([&self.device_type, &self.device_vendor]).chain(&self.identifier);
        texts.map(String::len).sum()
    }
}

/// Lists the active credentials that the client sees.
pub(super) fn list(
    context: &mut OperationContext<'_>,
    request: &ListRequest,
) -> Result<List<ListedCredential>, VaultError> {
    let authorization = context.authorization()?;
    let types = lookup::all(context.connection(), LookupKind::CredentialType)?;
    let codes: HashMap<String, LookupId> = types.into_iter().map(|value| (value.name, value.id)).collect();
    let listed = |row: CredentialDetails| ListedCredential {
        automatic_change: row.automatic_change.unwrap_or(false),
        type_code: codes.get(&row.summary.credential_type).copied(),
        id: row.summary.id,
        identifier: row.summary.identifier,
        username: row.summary.username,
        changed_at: from_micros(row.changed_at.max(row.secret_changed_at.unwrap_or_default())),
        viewed_at: row.viewed_at.map(from_micros),
        hostname: row.summary.hostname,
        management_ip: row.summary.ip,
        credential_type: row.summary.credential_type,
        device_model: row.model,
        device_type: row.device_type,
        device_vendor: row.vendor,
    };
    Ok(request.list(
        context.deadline(),
        |row: &ListedCredential| row.id,
        |selection| list_store::credentials_in_detail(context.connection(), authorization, selection, listed),
    )?)
}
