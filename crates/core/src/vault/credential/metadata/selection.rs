//! The selection of a list of metadata, by names.

use crate::store::credential_metadata::{CriticalityFilter, MetadataFilter};
use crate::store::id::{DeviceId, UserId};
use crate::store::{domain, lookup, user};
use crate::text::canonical_number;
use crate::vault::VaultError;
use crate::vault::operation::OperationContext;

/// The criticality of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Criticality {
    Low,
    Medium,
    High,
    /// Of the protocols that have it; no credential can be saved with it.
    Critical,
}

impl Criticality {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// That of a password for which none was saved.
    pub(super) const DEFAULT: Self = Self::Medium;

    /// Returns the text in stored settings.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }
}

/// Selects credentials by conditions that all hold. `None` and empty do not filter.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "as the fields of the metadata")]
pub struct MetadataSelection {
    pub username: Option<String>,
    pub active: Option<bool>,
    pub device_id: Option<DeviceId>,
    pub hostname: Option<String>,
    /// The full or short name of a domain.
    pub domain: Option<String>,
    /// One tag of each of these, ignoring case.
    pub tags: Vec<Vec<String>>,
    pub criticality: Option<Criticality>,
    /// The text of the owner, or the id of the platform user of that name.
    pub owner: Option<String>,
    pub jit_enabled: Option<bool>,
    pub reconciliation_enabled: Option<bool>,
}

/// Looks up the names of a selection. Returns `None` when nothing can have one of them.
pub(super) fn filter(
    context: &mut OperationContext<'_>,
    selection: &MetadataSelection,
) -> Result<Option<MetadataFilter>, VaultError> {
    let connection = context.connection();
    let domain = match &selection.domain {
        None => None,
        Some(name) => match domain::find(connection, name)? {
            Some(known) => Some(known.name),
            None => return Ok(None),
        },
    };
    let mut tags = Vec::with_capacity(selection.tags.len());
    for names in &selection.tags {
        let mut ids = Vec::new();
        for name in names {
            ids.extend(lookup::find_tag(connection, name)?);
        }
        tags.push(ids);
    }
    let owners = match &selection.owner {
        None => None,
        Some(owner) => {
            let id = canonical_number(owner).map(UserId::new);
            let named = id.map(|id| user::name(connection, id)).transpose()?.flatten();
            Some([owner.clone(), named.unwrap_or_else(|| owner.clone())])
        }
    };
    Ok(Some(MetadataFilter {
        id: None,
        username: selection.username.clone(),
        active: selection.active,
        device: selection.device_id,
        hostname: selection.hostname.clone(),
        domain,
        tags,
        criticality: selection
            .criticality
            .map(|level| CriticalityFilter { level: level.as_str(), is_default: level == Criticality::DEFAULT }),
        owners,
        jit_enabled: selection.jit_enabled,
        reconcile: selection.reconciliation_enabled,
    }))
}
