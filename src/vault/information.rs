//! Protected information: a text of its own, with a name and a type (contract, section 7).
//!
//! The older service knows creating, reading and deactivating. Listing, updating through a repeated identifier (the
//! text before is kept as a version) and activating are additions.

use serde::{Deserialize, Serialize};

use super::device::registered;
use super::input::{is_storable, key_number};
use super::listing::{ListRequest, Listed};
use super::secrets::{self, Sealed};
use super::{Action, Call, Object, StateTag, Vault, VaultError, Work};
use crate::crypto::{SecretKind, SecretText};
use crate::store::claim::claim;
use crate::store::information::{self, InformationChanges, InformationRow};
use crate::store::link::{self, LinkedKind};
use crate::store::lookup::LookupKind;
use crate::store::{AnyConnection, StoreError, list, visibility};

/// An information, without its text.
pub type Information = InformationRow;

/// What a client sends to create or update an information. `None` is not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 7.1")]
pub struct InformationInput {
    pub content: Option<SecretText>,
    pub name: Option<String>,
    pub identifier: Option<String>,
    pub kind: Option<String>,
    pub service: Option<String>,
    pub url: Option<String>,
    pub users_allowed: Option<String>,
}

/// An information on its way to a client that may read it.
#[derive(Debug)]
pub struct ReadInformation {
    /// The information.
    pub information: Information,
    /// Its text.
    pub content: SecretText,
    /// The tag of its state.
    pub state_tag: StateTag,
}

/// An information after it was saved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedInformation {
    /// Whether it is new.
    pub created: bool,
    /// The information as it now is.
    pub information: Information,
    /// The tag of its state, for a call that has conditions.
    pub state_tag: Option<StateTag>,
}

impl Vault {
    /// The active information that the client sees, oldest first.
    pub async fn list_information(
        &self,
        call: &Call,
        request: Result<ListRequest, VaultError>,
    ) -> Result<Listed<Information>, VaultError> {
        let query = |connection: &mut AnyConnection, call: &Call| {
            let listed = request?.answer(
                |information: &Information| information.id,
                |filter, page| list::information(connection, call.client.id, filter, page),
            )?;
            Ok((listed, None))
        };
        self.look(call, Action::InformationList, query).await
    }

    /// One information with its text, by its number or identifier.
    ///
    /// # Errors
    /// [`VaultError::InformationNotFound`], also for one that the client does not see;
    /// [`VaultError::InformationInactive`].
    pub async fn read_information(&self, call: &Call, key: String) -> Result<ReadInformation, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let row = visible(work, &key)?;
            if !row.active {
                return Err(VaultError::InformationInactive);
            }
            let content = secrets::current(work, SecretKind::Information, row.id)?.ok_or(StoreError::NotFound)?;
            let tag = tag(work, &row, &content);
            work.call.unless_known(Object::Information(row.id), &tag)?;
            Ok((row, content, tag))
        };
        let (information, content, state_tag) = self.perform(call, Action::InformationRead, rule).await?;
        let content = self.unseal(call, Action::InformationRead, &content).await?;
        Ok(ReadInformation { information, content, state_tag })
    }

    /// Creates the information, or updates the one of that identifier.
    ///
    /// # Errors
    /// [`VaultError::ContentMissing`]; [`VaultError::InformationNotFound`] when the identifier belongs to one that the
    /// client does not see.
    pub async fn save_information(
        &self,
        call: &Call,
        input: Result<InformationInput, VaultError>,
    ) -> Result<SavedInformation, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| save(work, input.as_ref().map_err(Clone::clone)?);
        self.perform_once(call, Action::InformationSave, rule).await
    }

    /// Switches the information off.
    pub async fn deactivate_information(&self, call: &Call, key: String) -> Result<(), VaultError> {
        let rule = move |work: &mut Work<'_, '_>| match for_change(work, &key)? {
            row if row.active => set_active(work, row.id, false),
            _ => Err(VaultError::InformationInactive),
        };
        self.perform(call, Action::InformationDeactivate, rule).await
    }

    /// Switches the information on.
    pub async fn activate_information(&self, call: &Call, key: String) -> Result<(), VaultError> {
        let rule = move |work: &mut Work<'_, '_>| match for_change(work, &key)? {
            row if !row.active => set_active(work, row.id, true),
            _ => Err(VaultError::InformationAlreadyActive),
        };
        self.perform(call, Action::InformationActivate, rule).await
    }
}

fn set_active(work: &mut Work<'_, '_>, id: i32, active: bool) -> Result<(), VaultError> {
    let now = work.micros();
    Ok(information::set_active(work.connection(), id, active, now)?)
}

fn for_change(work: &mut Work<'_, '_>, key: &str) -> Result<InformationRow, VaultError> {
    let row = visible(work, key)?;
    work.check_conditions(Some(row.id), locked_state_tag)?;
    Ok(row)
}

/// The tag of an information and its text.
fn tag(work: &Work<'_, '_>, row: &InformationRow, content: &Sealed) -> StateTag {
    let InformationRow {
        id,
        identifier,
        name,
        kind,
        service,
        url,
        users_allowed,
        active,
        created_at: _,
        changed_at: _,
    } = row;
    let row = (id, identifier, name, kind, service, url, users_allowed, active);
    work.state_tag("information", &(row, content.place()))
}

/// The tag of an information's state, which stays what it is until the transaction ends.
pub(super) fn locked_state_tag(work: &mut Work<'_, '_>, id: i32) -> Result<Option<StateTag>, VaultError> {
    let Some(row) = information::locked(work.connection(), id)? else { return Ok(None) };
    let content = secrets::current(work, SecretKind::Information, id)?;
    Ok(content.map(|content| tag(work, &row, &content)))
}

/// The information of a path key: digits are its number, then an identifier. There is no code for "no access", so
/// one that the client does not see is not found.
pub(super) fn visible(work: &mut Work<'_, '_>, key: &str) -> Result<InformationRow, VaultError> {
    if !is_storable(key) {
        return Err(VaultError::InformationNotFound);
    }
    let by_id = match key_number(key) {
        Some(id) => information::by_id(work.connection(), id)?,
        None => None,
    };
    let found = match by_id {
        Some(row) => Some(row),
        None => information::by_identifier(work.connection(), key)?,
    };
    let row = found.ok_or(VaultError::InformationNotFound)?;
    require_visible(work, row.id)?;
    Ok(row)
}

fn require_visible(work: &mut Work<'_, '_>, id: i32) -> Result<(), VaultError> {
    work.touches(Object::Information(id));
    let authorization = work.authorization();
    match visibility::sees_information(work.connection(), authorization, id)? {
        true => Ok(()),
        false => Err(VaultError::InformationNotFound),
    }
}

fn save(work: &mut Work<'_, '_>, input: &InformationInput) -> Result<SavedInformation, VaultError> {
    let content = input.content.as_ref().filter(|content| !content.is_empty()).ok_or(VaultError::ContentMissing)?;
    let identifier = input.identifier.as_deref().filter(|identifier| !identifier.is_empty());
    if let Some(identifier) = identifier {
        super::identifier::check(identifier, work.call.dialect)?;
    }
    let known = match identifier {
        Some(identifier) => {
            claim(work.connection(), &format!("information/{identifier}"))?;
            information::by_identifier(work.connection(), identifier)?
        }
        None => None,
    };
    if let Some(row) = &known {
        require_visible(work, row.id)?;
    }
    work.check_conditions(known.as_ref().map(|row| row.id), locked_state_tag)?;
    let changes = InformationChanges {
        name: input.name.clone(),
        kind: registered(work, LookupKind::InformationType, &input.kind)?,
        service: input.service.clone(),
        url: input.url.clone(),
        users_allowed: input.users_allowed.clone(),
    };
    let (authorization, now) = (work.authorization(), work.micros());
    let created = known.is_none();
    let id = match known {
        Some(row) => {
            information::update(work.connection(), row.id, &changes, now)?;
            row.id
        }
        None => {
            let id = information::insert(work.connection(), identifier, &changes, now)?;
            work.touches(Object::Information(id));
            link::insert(work.connection(), authorization, LinkedKind::Information, id)?;
            id
        }
    };
    secrets::put(work, SecretKind::Information, id, content)?;
    let information = information::by_id(work.connection(), id)?.ok_or(StoreError::NotFound)?;
    let state_tag = work.state_tag_after(id, locked_state_tag)?;
    Ok(SavedInformation { created, information, state_tag })
}
