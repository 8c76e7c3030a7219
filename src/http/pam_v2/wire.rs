//! The document of a credential (contract senhasegura-v2, section 6). Absent values are null, times are ISO 8601.

use chrono::SecondsFormat;
use serde::Serialize;
use utoipa::ToSchema;

use super::conventions::{DevicePart, OwnerPart};
use crate::vault::credential::{CredentialMetadata, Criticality};

/// A credential or SSH key without its secrets. Secrets do not implement `Serialize`, so no part of it can hold one.
#[derive(Serialize, ToSchema)]
pub(super) struct CredentialDocument {
    id: i32,
    credential: CredentialPart,
    device: DevicePart,
    jit: EnabledPart,
    reconciliation: EnabledPart,
}

#[derive(Serialize, ToSchema)]
pub(super) struct CredentialPart {
    username: String,
    active: bool,
    /// The credential type; `SSH Key` for SSH keys.
    password_type: String,
    /// The credential whose password it shares.
    parent_credential: Option<ParentPart>,
    tags: Vec<String>,
    /// `low`, `medium`, `high` or `critical`.
    criticality: Option<&'static str>,
    user_credential_owner: Option<OwnerPart>,
    /// The time at which its secret was last shown.
    last_used_at: Option<String>,
    additional_information: Option<String>,
    /// Always null: there are no password policies.
    password_policy: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ParentPart {
    id: i32,
    username: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct EnabledPart {
    credential_enabled: bool,
}

impl From<&CredentialMetadata> for CredentialDocument {
    fn from(metadata: &CredentialMetadata) -> Self {
        Self {
            id: metadata.id.get(),
            credential: metadata.into(),
            device: metadata.into(),
            jit: EnabledPart { credential_enabled: metadata.jit_enabled },
            reconciliation: EnabledPart { credential_enabled: metadata.reconciliation_enabled },
        }
    }
}

impl From<&CredentialMetadata> for CredentialPart {
    fn from(metadata: &CredentialMetadata) -> Self {
        let parent = metadata.parent.clone();
        let time = metadata.viewed_at.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, false));
        Self {
            username: metadata.username.clone(),
            active: metadata.active,
            password_type: metadata.credential_type.clone(),
            parent_credential: parent.map(|(id, username)| ParentPart { id: id.get(), username }),
            tags: metadata.tags.clone(),
            criticality: metadata.criticality.map(criticality_name),
            user_credential_owner: metadata.owner.clone().map(OwnerPart::from),
            last_used_at: time,
            additional_information: non_empty(metadata.additional.clone()),
            password_policy: None,
        }
    }
}

/// Returns the name of a level in filters and documents.
pub(super) fn criticality_name(level: Criticality) -> &'static str {
    match level {
        Criticality::Low => "low",
        Criticality::Medium => "medium",
        Criticality::High => "high",
        Criticality::Critical => "critical",
    }
}

fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
