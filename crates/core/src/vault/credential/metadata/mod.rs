//! Credentials and SSH keys without their secrets: no custody is taken, and no time of view changes.
//!
//! No type of this module can hold a secret: it reads the columns of [`MetadataRow`], and never the table of secrets.

mod selection;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

pub use selection::{Criticality, MetadataSelection};

use super::resolve;
use crate::clock::from_micros;
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::credential_metadata::{self, MetadataFilter, MetadataRow};
use crate::store::id::{CredentialId, DeviceId, UserId};
use crate::store::user;
use crate::text::comma_separated;
use crate::vault::access::{Visible, check_no_credential};
use crate::vault::operation::{Done, ETag, OperationContext, Permit, Subject};
use crate::vault::{Noun, Vault, VaultError};

/// The labels of the ETags.
const LABEL: &str = "credential-metadata";
const LIST_LABEL: &str = "credential-metadata-list";

/// A credential or SSH key without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialMetadata {
    /// Its id.
    pub id: CredentialId,
    /// Its username.
    pub username: String,
    /// Whether it is active.
    pub active: bool,
    /// Its type; that of an SSH key says so.
    pub credential_type: String,
    /// The id and username of the credential whose password it shares, if the client sees it.
    pub parent: Option<(CredentialId, String)>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its criticality; `None` for an SSH key without one.
    pub criticality: Option<Criticality>,
    /// Its owner, if one was set.
    pub owner: Option<Owner>,
    /// The time at which its secret was last shown.
    pub viewed_at: Option<DateTime<Utc>>,
    /// Free text.
    pub additional: String,
    /// The device.
    pub device_id: DeviceId,
    /// The hostname of the device.
    pub hostname: String,
    /// The full names of the domains of the device.
    pub domains: Vec<String>,
    /// Whether just-in-time access is on.
    pub jit_enabled: bool,
    /// Whether a failed change of the password is reconciled.
    pub reconciliation_enabled: bool,
}

/// The owner of a credential: a text, which may be the name of a platform user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Owner {
    pub id: Option<UserId>,
    pub name: String,
}

/// A page of metadata, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataPage {
    /// The rows.
    pub rows: Vec<CredentialMetadata>,
    /// Whether rows follow.
    pub has_more: bool,
}

/// What a protocol shows of a state, with the ETag of just that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Represented {
    /// The representation.
    pub body: Value,
    /// Its ETag.
    pub etag: ETag,
}

impl Vault {
    /// Returns the metadata of a credential or SSH key, active or not, as `represent` shows it.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::NoAccess`] when the client does not see it.
    pub async fn read_credential_metadata(
        &self,
        permit: Permit,
        id: CredentialId,
        represent: impl Fn(&CredentialMetadata) -> Value + Send + Sync + 'static,
    ) -> Result<Represented, VaultError> {
        let query = move |context: &mut OperationContext<'_>| {
            let row = visible(context, id)?;
            let filter = MetadataFilter { id: Some(row.id), ..MetadataFilter::default() };
            let metadata = page(context, &filter, 0, 1)?.rows.pop().ok_or(VaultError::NotFound(Noun::Credential))?;
            represented(context, Subject::Credential(id), LABEL, represent(&metadata))
        };
        self.query(permit, query).await
    }

    /// Lists the metadata of the selected credentials and SSH keys that the client sees, as `represent` shows the page: at most
    /// `limit` after `offset`.
    ///
    /// # Errors
    /// [`VaultError::Precondition`].
    pub async fn list_credential_metadata(
        &self,
        permit: Permit,
        selection: MetadataSelection,
        offset: i64,
        limit: i64,
        represent: impl Fn(&MetadataPage) -> Value + Send + Sync + 'static,
    ) -> Result<Represented, VaultError> {
        let query = move |context: &mut OperationContext<'_>| {
            let found = match selection::filter(context, &selection)? {
                Some(filter) => page(context, &filter, offset, limit)?,
                None => MetadataPage { rows: Vec::new(), has_more: false },
            };
            represented(context, Subject::Collection, LIST_LABEL, represent(&found))
        };
        self.query(permit, query).await
    }
}

fn visible(context: &mut OperationContext<'_>, id: CredentialId) -> Result<Visible<CredentialRow>, VaultError> {
    let Some(row) = credential::by_id(context.connection(), id)? else {
        check_no_credential(context)?;
        return Err(VaultError::NotFound(Noun::Credential));
    };
    context.found(Subject::Credential(row.id));
    resolve::require_visible(context, row)
}

fn represented(
    context: &mut OperationContext<'_>,
    subject: Subject,
    label: &str,
    body: Value,
) -> Result<Done<Represented>, VaultError> {
    let etag = context.etag(label, &body);
    context.check_if_none_match(subject, &etag)?;
    Ok(Done::new(subject, Represented { body, etag }))
}

fn page(
    context: &mut OperationContext<'_>,
    filter: &MetadataFilter,
    offset: i64,
    limit: i64,
) -> Result<MetadataPage, VaultError> {
    let authorization = context.authorization()?;
    let mut rows = credential_metadata::list(context.connection(), authorization, filter, offset, limit + 1)?;
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > size;
    rows.truncate(size);
    let parents: Vec<CredentialId> = rows.iter().filter_map(|row| row.parent_id).collect();
    let parents: HashMap<_, _> =
        credential_metadata::usernames(context.connection(), authorization, parents)?.into_iter().collect();
    let settings: Vec<_> = rows.iter().map(|row| StoredSettings::parse(row.additional_settings.as_deref())).collect();
    let owners = settings.iter().filter_map(|settings| settings.owner.as_deref()).collect();
    let users: HashMap<_, _> = user::ids(context.connection(), owners)?.into_iter().collect();
    let metadata = |(row, settings)| metadata(row, settings, &parents, &users);
    Ok(MetadataPage { rows: rows.into_iter().zip(settings).map(metadata).collect(), has_more })
}

/// The additional settings that are shown.
struct StoredSettings {
    criticality: Option<Criticality>,
    owner: Option<String>,
}

impl StoredSettings {
    fn parse(stored: Option<&str>) -> Self {
        let settings: Value = stored.and_then(|stored| serde_json::from_str(stored).ok()).unwrap_or_default();
        let text = |name| settings[name].as_str().filter(|text: &&str| !text.is_empty());
        let level = text("criticality");
        Self {
            criticality: Criticality::ALL.into_iter().find(|known| Some(known.as_str()) == level),
            owner: text("user_credential_owner").map(String::from),
        }
    }
}

fn metadata(
    row: MetadataRow,
    settings: StoredSettings,
    parents: &HashMap<CredentialId, String>,
    users: &HashMap<String, UserId>,
) -> CredentialMetadata {
    let list = |text: &str| comma_separated(text).map(String::from).collect();
    let default = (row.kind() == CredentialKind::Password).then_some(Criticality::DEFAULT);
    CredentialMetadata {
        id: row.id,
        username: row.username,
        active: row.active,
        credential_type: row.credential_type,
        parent: row.parent_id.and_then(|id| Some((id, parents.get(&id)?.clone()))),
        tags: list(&row.tags),
        criticality: settings.criticality.or(default),
        owner: settings.owner.map(|name| Owner { id: users.get(&name).copied(), name }),
        viewed_at: row.viewed_at.map(from_micros),
        additional: row.additional,
        device_id: row.device_id,
        hostname: row.hostname,
        domains: list(&row.domains),
        jit_enabled: row.jit_enabled.unwrap_or(false),
        reconciliation_enabled: row.reconcile.unwrap_or(false),
    }
}
