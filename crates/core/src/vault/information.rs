//! Protected information: a secret text with a name and a type (contract, section 7).
//!
//! The older service creates, reads and deactivates. Listing, updating through a repeated identifier (the text before is
//! kept as a version) and activating are additions.

use serde::{Deserialize, Serialize};

use super::access::{Visible, seen_information, visible_information};
use super::device::registered;
use super::identifier::IdentifierPolicy;
use super::operation::{Done, ETag, OperationContext, Permit, Principal, Subject};
use super::pagination::{List, ListRequest};
use super::secrets::{self, Sealed, SecretOwner};
use super::whole_list::ListedRow;
use super::{Field, Noun, Switchable, Vault, VaultError};
use crate::crypto::SecretText;
use crate::store::id::InformationId;
use crate::store::information::{self, InformationChanges, InformationRow};
use crate::store::information_lookup::InformationLookup;
use crate::store::link::{self, LinkedObject};
use crate::store::lock::lock_name;
use crate::store::lookup::LookupKind;
use crate::store::{StoreError, list};
use crate::text::{canonical_number, is_storable};

/// A protected-information record, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as in the contract, section 7.1")]
pub struct Information {
    pub id: InformationId,
    pub identifier: Option<String>,
    pub name: String,
    pub information_type: String,
    pub service: String,
    pub url: String,
    pub users_allowed: String,
}

impl From<InformationRow> for Information {
    fn from(row: InformationRow) -> Self {
        Self {
            id: row.id,
            identifier: row.identifier,
            name: row.name,
            information_type: row.kind,
            service: row.service,
            url: row.url,
            users_allowed: row.users_allowed,
        }
    }
}

impl ListedRow for Information {
    fn text_bytes(&self) -> usize {
        let texts = [&self.name, &self.information_type, &self.service, &self.url, &self.users_allowed];
        texts.into_iter().chain(&self.identifier).map(String::len).sum()
    }
}

/// Parameters of a request to create or update a record. `None`: not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 7.1")]
pub struct InformationInput {
    pub content: Option<SecretText>,
    pub name: Option<String>,
    pub identifier: Option<String>,
    pub information_type: Option<String>,
    pub service: Option<String>,
    pub url: Option<String>,
    pub users_allowed: Option<String>,
}

/// A record with its text, for a client that may read it.
#[derive(Debug)]
pub struct ReadInformation {
    /// The record.
    pub information: Information,
    /// Its text.
    pub content: SecretText,
    /// Its ETag.
    pub etag: ETag,
}

/// A saved record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedInformation {
    /// Whether it is new.
    pub created: bool,
    /// The saved record.
    pub information: Information,
    /// Its ETag, for a client that sends preconditions.
    pub etag: Option<ETag>,
}

impl Vault {
    /// Lists the active records that the client sees, oldest first.
    pub async fn list_information(
        &self,
        permit: Permit,
        request: ListRequest,
    ) -> Result<List<Information>, VaultError> {
        let query = |context: &mut OperationContext<'_>, request: &ListRequest| {
            let authorization = context.authorization()?;
            let list = request.list(
                context.deadline(),
                |row: &InformationRow| row.id,
                |selection| list::information(context.connection(), authorization, selection),
            )?;
            Ok(Done::new(Subject::Collection, list.map(Information::from)))
        };
        self.list(permit, request, query).await
    }

    /// Returns one record with its text, by its id or identifier.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], also for one that the client does not see; [`VaultError::Inactive`].
    pub async fn read_information(&self, permit: Permit, key: String) -> Result<ReadInformation, VaultError> {
        let lookup = lookup(permit.principal(), &key);
        let at_once = |context: &mut OperationContext<'_>, found| {
            let Some((row, content)) = seen_information(context, found) else { return Ok(None) };
            context.found(Subject::Information(row.id));
            require_active(&row)?;
            let content = secrets::current_of(context, SecretOwner::Information(row.id), content)?;
            read(context, row, content).map(Some)
        };
        let query = move |context: &mut OperationContext<'_>| {
            let row = resolve(context, &key)?;
            require_active(&row)?;
            let content = secrets::current(context, SecretOwner::Information(row.id))?;
            read(context, row, content)
        };
        let ((information, content, etag), recorded) = self.reveal_at_once_or(permit, lookup, at_once, query).await?;
        let content = self.unseal(&recorded, &content).await?;
        Ok(ReadInformation { information, content, etag })
    }

    /// Creates a record, or updates the record with the same identifier.
    ///
    /// # Errors
    /// [`VaultError::Missing`] without a text; [`VaultError::NotFound`] for an identifier of a record that the client does
    /// not see.
    pub async fn save_information(
        &self,
        permit: Permit,
        input: InformationInput,
        identifiers: IdentifierPolicy,
    ) -> Result<SavedInformation, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| save(context, &input, identifiers);
        let revalidate = |context: &mut OperationContext<'_>, saved: &SavedInformation| {
            let row = information::by_id(context.connection(), saved.information.id)?.ok_or(StoreError::NotFound)?;
            require_visible(context, row).map(drop)
        };
        self.execute_idempotent(permit, rule, revalidate).await.map(|(saved, _)| saved)
    }

    /// Deactivates a record.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::Inactive`].
    pub async fn deactivate_information(&self, permit: Permit, key: String) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let row = resolve_for_change(context, &key)?;
            if !row.active {
                return Err(VaultError::Inactive(Switchable::Information));
            }
            set_active(context, &row, false)
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }

    /// Activates a record.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::AlreadyActive`].
    pub async fn activate_information(&self, permit: Permit, key: String) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let row = resolve_for_change(context, &key)?;
            if row.active {
                return Err(VaultError::AlreadyActive(Switchable::Information));
            }
            set_active(context, &row, true)
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }
}

fn set_active(
    context: &mut OperationContext<'_>,
    row: &Visible<InformationRow>,
    active: bool,
) -> Result<Done<()>, VaultError> {
    let now = context.micros();
    information::set_active(context.connection(), row.id, active, now)?;
    Ok(Done::new(Subject::Information(row.id), ()))
}

fn resolve_for_change(context: &mut OperationContext<'_>, key: &str) -> Result<Visible<InformationRow>, VaultError> {
    let row = resolve(context, key)?;
    context.check_preconditions(Some(row.id), locked_etag)?;
    Ok(row)
}

/// Returns the lookup of a record by its key for a client. `None` for a key that no text in the database equals.
fn lookup(principal: &Principal, key: &str) -> Option<InformationLookup> {
    let authorization = principal.authorization()?;
    let id = canonical_number(key).map(InformationId::new);
    is_storable(key).then(|| InformationLookup { identifier: key.into(), id, authorization })
}

fn require_active(row: &InformationRow) -> Result<(), VaultError> {
    if row.active { Ok(()) } else { Err(VaultError::Inactive(Switchable::Information)) }
}

/// Returns the result of reading a record, its text still sealed.
fn read(
    context: &mut OperationContext<'_>,
    row: Visible<InformationRow>,
    content: Option<Sealed>,
) -> Result<Done<(Information, Sealed, ETag)>, VaultError> {
    let content = content.ok_or(StoreError::NotFound)?;
    let (subject, etag) = (Subject::Information(row.id), etag(context, &row, &content));
    context.check_if_none_match(subject, &etag)?;
    Ok(Done::new(subject, (Information::from(row.into_inner()), content, etag)))
}

/// Computes the ETag of a record and its text.
fn etag(context: &OperationContext<'_>, row: &InformationRow, content: &Sealed) -> ETag {
    context.etag("information", &(Information::from(row.clone()), row.active, content.binding()))
}

/// Computes the ETag of a record and locks its row.
pub(super) fn locked_etag(context: &mut OperationContext<'_>, id: InformationId) -> Result<Option<ETag>, VaultError> {
    let Some(row) = information::locked(context.connection(), id)? else { return Ok(None) };
    let content = secrets::current(context, SecretOwner::Information(id))?;
    Ok(content.map(|content| etag(context, &row, &content)))
}

/// Resolves a key (an id or an identifier) among the records that the principal sees. The contract has no "no access" code,
/// so an invisible record is not found.
///
/// # Errors
/// [`VaultError::NotFound`]; [`VaultError::Ambiguous`] when id and identifier name two records.
pub(super) fn resolve(context: &mut OperationContext<'_>, key: &str) -> Result<Visible<InformationRow>, VaultError> {
    let mut visible = Vec::new();
    if is_storable(key) {
        let by_id = match canonical_number(key) {
            Some(number) => information::by_id(context.connection(), InformationId::new(number))?,
            None => None,
        };
        let by_identifier = information::by_identifier(context.connection(), key)?;
        for row in by_id.into_iter().chain(by_identifier) {
            if visible.iter().all(|known: &Visible<InformationRow>| known.id != row.id) {
                context.found(Subject::Information(row.id));
                visible.extend(visible_information(context, row)?);
            }
        }
    }
    let row = visible.pop().ok_or(VaultError::NotFound(Noun::Information))?;
    if !visible.is_empty() {
        return Err(VaultError::Ambiguous(Vec::new()));
    }
    context.found(Subject::Information(row.id));
    Ok(row)
}

fn require_visible(
    context: &mut OperationContext<'_>,
    row: InformationRow,
) -> Result<Visible<InformationRow>, VaultError> {
    context.found(Subject::Information(row.id));
    visible_information(context, row)?.ok_or(VaultError::NotFound(Noun::Information))
}

/// Creates a record, or updates the record with the same identifier, by the rule of [`Vault::save_information`].
pub(super) fn save(
    context: &mut OperationContext<'_>,
    input: &InformationInput,
    identifiers: IdentifierPolicy,
) -> Result<Done<SavedInformation>, VaultError> {
    let content = input.content.as_ref().filter(|content| !content.is_empty());
    let content = content.ok_or(VaultError::Missing(Field::Content))?;
    let identifier = input.identifier.as_deref().filter(|identifier| !identifier.is_empty());
    let known = match identifier {
        Some(identifier) => {
            identifiers.check(identifier)?;
            lock_name(context.connection(), &format!("information/{identifier}"))?;
            information::by_identifier(context.connection(), identifier)?
        }
        None => None,
    };
    let known = known.map(|row| require_visible(context, row)).transpose()?;
    context.check_preconditions(known.as_ref().map(|row| row.id), locked_etag)?;
    let kind_before = known.as_ref().map_or("", |row| &row.kind);
    let changes = InformationChanges {
        name: input.name.clone(),
        kind: registered(context, LookupKind::InformationType, &input.information_type, kind_before)?,
        service: input.service.clone(),
        url: input.url.clone(),
        users_allowed: input.users_allowed.clone(),
    };
    let now = context.micros();
    let created = known.is_none();
    let id = match known {
        Some(row) => {
            information::update(context.connection(), row.id, &changes, now)?;
            row.id
        }
        None => {
            let authorization = context.authorization()?;
            let id = information::insert(context.connection(), identifier, &changes, now)?;
            link::insert(context.connection(), authorization, LinkedObject::Information(id))?;
            id
        }
    };
    secrets::store(context, SecretOwner::Information(id), content)?;
    let information = information::by_id(context.connection(), id)?.ok_or(StoreError::NotFound)?.into();
    let etag = context.etag_after(id, locked_etag)?;
    Ok(Done::new(Subject::Information(id), SavedInformation { created, information, etag }))
}
