//! Finds the only item with some properties, for protocols that search instead of naming.

use regex::Regex;

use super::resolve::{self, Found, VisibleItem};
use super::{Item, opened, sealed_fields};
use crate::network::address_key;
use crate::store::credential::CredentialRow;
use crate::store::device::DeviceRow;
use crate::store::id::TagId;
use crate::store::item_search::{self, CredentialFilter};
use crate::store::{information, lookup};
use crate::text::{case_folded, is_storable};
use crate::vault::access::{check_no_information, visible_credential, visible_information};
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{DenyReason, Noun, Vault, VaultError};

/// The most credentials that a search looks at.
const MAX_SEARCHED: i64 = 2000;

/// A condition on a property.
#[derive(Clone, Debug)]
pub enum Condition {
    /// The property is this text.
    Exact(String),
    /// The expression matches the property. The caller has to anchor it.
    Matches(Regex),
}

impl Condition {
    fn exact(&self) -> Option<String> {
        match self {
            Condition::Exact(text) => Some(text.clone()),
            Condition::Matches(_) => None,
        }
    }

    /// Whether it holds of a property; `key` gives the form in which texts are compared.
    fn holds(&self, property: &str, key: impl Fn(&str) -> String) -> bool {
        match self {
            Condition::Exact(text) => key(text) == key(property),
            Condition::Matches(expression) => expression.is_match(property),
        }
    }
}

/// The properties of the searched item. `None`: any.
#[derive(Clone, Debug, Default)]
pub struct ItemSearch {
    /// A tag of the credential or of its device, ignoring case.
    pub tag: Option<String>,
    /// The name of the item.
    pub name: Option<Condition>,
    /// The username.
    pub username: Option<Condition>,
    /// The address or the hostname of the device, ignoring case and spelling.
    pub address: Option<Condition>,
    /// The additional information of the credential.
    pub additional: Option<Condition>,
    /// The type of the device, ignoring case.
    pub device_type: Option<Condition>,
    /// Refuses a password of which a newer one may be in force.
    pub fail_on_change: bool,
}

/// An item that a search has found.
#[derive(Debug)]
pub struct SearchedItem {
    /// The item.
    pub item: Item,
    /// Its name; `None` for an SSH key without an identifier.
    pub name: Option<String>,
    /// The additional information of a credential.
    pub additional: String,
    /// The type of the device of a credential.
    pub device_type: String,
    /// Whether a newer secret may be in force, since a change was not proved.
    pub is_doubted: bool,
}

/// A match before its secret is read.
struct Match {
    item: VisibleItem,
    name: Option<String>,
    additional: String,
    device_type: String,
}

impl Vault {
    /// Returns the only active item that has all of the properties. Protected information has no other property than its name.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], also for items that the client does not see, and for one without a secret; [`VaultError::Ambiguous`];
    /// [`VaultError::TooMany`]; [`DenyReason::ExclusiveCustody`] if no other item has the properties; [`VaultError::BeingChanged`] if that is to
    /// fail.
    pub async fn search_item(&self, permit: Permit, search: ItemSearch) -> Result<SearchedItem, VaultError> {
        let writer = permit.secret_writer();
        let query = move |context: &mut OperationContext<'_>| {
            let Match { item, name, additional, device_type } = only_match(context, &search)?;
            context.found(item.subject());
            let found = resolve::found(context, item, None)?;
            if found.version.number == 0 {
                return Err(VaultError::NotFound(Noun::ItemSecret));
            }
            let is_doubted = sealed_fields(&found.fields).any(|sealed| sealed.is_doubted());
            if is_doubted && search.fail_on_change {
                return Err(VaultError::BeingChanged);
            }
            Ok(Done::new(found.subject, (found, name, additional, device_type, is_doubted)))
        };
        let ((found, name, additional, device_type, is_doubted), recorded) = self.search(permit, query).await?;
        let Found { version, fields, .. } = found;
        let item = Item { version, fields: opened(self, &recorded, &writer, fields).await? };
        Ok(SearchedItem { item, name, additional, device_type, is_doubted })
    }
}

fn only_match(context: &mut OperationContext<'_>, search: &ItemSearch) -> Result<Match, VaultError> {
    let mut found = information(context, search)?;
    let mut exclusive = false;
    for (row, device) in credentials(context, search)? {
        if resolve::is_exclusive(context, &row)? {
            context.found(Subject::Credential(row.id));
            exclusive = true;
            continue;
        }
        let (name, additional) = (item_name(&row, &device), row.additional.clone());
        let visible = visible_credential(context, row)?.map(VisibleItem::Credential);
        found.extend(visible.map(|item| Match { item, name, additional, device_type: device.kind }));
    }
    match found.pop() {
        // One whose custody is exclusive is a match all the same: without it, another password would become the only one.
        Some(only) if found.is_empty() && !exclusive => Ok(only),
        Some(_) => Err(VaultError::Ambiguous(Vec::new())),
        None if exclusive => Err(VaultError::Denied(DenyReason::ExclusiveCustody)),
        None => Err(VaultError::NotFound(Noun::Item)),
    }
}

/// Finds the protected information of an exact name, unless another property is asked for.
fn information(context: &mut OperationContext<'_>, search: &ItemSearch) -> Result<Vec<Match>, VaultError> {
    let ItemSearch {
        tag: None,
        name: Some(Condition::Exact(name)),
        username: None,
        address: None,
        additional: None,
        ..
    } = search
    else {
        return Ok(Vec::new());
    };
    if search.device_type.is_some() || !is_storable(name) {
        return Ok(Vec::new());
    }
    let row = information::by_identifier(context.connection(), name)?.filter(|row| row.active);
    let Some(row) = row else {
        check_no_information(context)?;
        return Ok(Vec::new());
    };
    let found = visible_information(context, row)?.map(|row| Match {
        item: VisibleItem::Information(row),
        name: Some(name.clone()),
        additional: String::new(),
        device_type: String::new(),
    });
    Ok(found.into_iter().collect())
}

/// Finds the visible, active credentials with the properties.
fn credentials(
    context: &mut OperationContext<'_>,
    search: &ItemSearch,
) -> Result<Vec<(CredentialRow, DeviceRow)>, VaultError> {
    let exact = |condition: &Option<Condition>| condition.as_ref().and_then(Condition::exact);
    let mut filter = CredentialFilter {
        tag: None,
        name: exact(&search.name),
        username: exact(&search.username),
        address: exact(&search.address),
    };
    let texts = [&search.tag, &filter.name, &filter.username, &filter.address];
    if !texts.into_iter().flatten().all(|text| is_storable(text)) {
        return Ok(Vec::new());
    }
    if let Some(tag) = &search.tag {
        // An unknown tag is searched for like one that only others use.
        filter.tag = Some(lookup::find_tag(context.connection(), tag)?.unwrap_or(TagId::new(0)));
    }
    let authorization = context.authorization()?;
    let rows = item_search::search_credentials(context.connection(), authorization, &filter, MAX_SEARCHED + 1)?;
    if i64::try_from(rows.len()).unwrap_or(i64::MAX) > MAX_SEARCHED {
        return Err(VaultError::TooMany(Noun::Item));
    }
    Ok(rows.into_iter().filter(|(row, device)| has_properties(search, row, device)).collect())
}

fn has_properties(search: &ItemSearch, row: &CredentialRow, device: &DeviceRow) -> bool {
    let holds =
        |condition: &Option<Condition>, check: &dyn Fn(&Condition) -> bool| condition.as_ref().is_none_or(check);
    let name = |condition: &Condition| match condition {
        // The store has compared it.
        Condition::Exact(_) => true,
        Condition::Matches(expression) => item_name(row, device).is_some_and(|name| expression.is_match(&name)),
    };
    let address = |condition: &Condition| {
        condition.holds(&device.ip, address_key) || condition.holds(&device.hostname, case_folded)
    };
    holds(&search.name, &name)
        && holds(&search.username, &|condition| condition.holds(&row.username, str::to_string))
        && holds(&search.address, &address)
        && holds(&search.additional, &|condition| condition.holds(&row.additional, str::to_string))
        && holds(&search.device_type, &|condition| condition.holds(&device.kind, case_folded))
}

/// Returns the name of a credential as an item.
fn item_name(row: &CredentialRow, device: &DeviceRow) -> Option<String> {
    super::name_of(row.kind(), row.identifier.as_deref(), &device.hostname, &row.username)
}
