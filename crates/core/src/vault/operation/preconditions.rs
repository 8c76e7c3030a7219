//! Conditional requests (RFC 9110, section 13): `If-Match` guards writes, `If-None-Match` avoids resending an object that
//! the client knows.

use serde::{Deserialize, Serialize};

use super::{OperationContext, Precondition, Subject};
use crate::store::StoreError;
use crate::vault::VaultError;

/// The entity tag of an object's state.
///
/// Covers everything that a read of the object shows, except views and custody. Secrets are covered by their version
/// number. Unrelated to the tags that users set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ETag(String);

impl std::fmt::Display for ETag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The entity tags that a precondition names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityTags {
    /// `*`: any state of an object that exists.
    Any,
    /// One of these.
    Listed(Vec<String>),
}

impl EntityTags {
    /// Whether the current ETag is among the tags; `None` for a missing object.
    fn matches(&self, current: Option<&ETag>) -> bool {
        match (self, current) {
            (_, None) => false,
            (EntityTags::Any, Some(_)) => true,
            (EntityTags::Listed(tags), Some(current)) => tags.contains(&current.0),
        }
    }
}

/// The preconditions of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// `If-Match`: the object must have one of these ETags.
    pub if_match: Option<EntityTags>,
    /// `If-None-Match`: the object must have none of these ETags.
    pub if_none_match: Option<EntityTags>,
}

impl Preconditions {
    /// Whether the request has any precondition.
    pub fn any(&self) -> bool {
        self.if_match.is_some() || self.if_none_match.is_some()
    }

    fn if_match_fails(&self, current: Option<&ETag>) -> bool {
        self.if_match.as_ref().is_some_and(|tags| !tags.matches(current))
    }

    fn if_none_match_fails(&self, current: Option<&ETag>) -> bool {
        self.if_none_match.as_ref().is_some_and(|tags| tags.matches(current))
    }
}

/// Locks the row of an object and computes its ETag. The lock keeps the ETag valid until the transaction ends.
pub(in crate::vault) type LockedETag<Id> = fn(&mut OperationContext<'_>, Id) -> Result<Option<ETag>, VaultError>;

impl OperationContext<'_> {
    /// Whether the request has any precondition.
    pub(in crate::vault) fn has_preconditions(&self) -> bool {
        self.request().options.preconditions.any()
    }

    /// Computes an ETag from the label of a kind of object and its full state.
    pub(in crate::vault) fn etag(&self, label: &str, state: &impl Serialize) -> ETag {
        let representation = self.request().options.representation;
        let digest = self.vault.keyed_digest.digest(&("etag", representation, label, state));
        ETag(hex::encode(&digest[..16]))
    }

    /// Ends a read whose precondition does not hold. With [`Precondition::NotModified`] the changes of the read are
    /// committed, custody included.
    ///
    /// # Errors
    /// [`Precondition::NotModified`]; [`Precondition::Failed`].
    pub(in crate::vault) fn check_if_none_match(&self, subject: Subject, current: &ETag) -> Result<(), VaultError> {
        let preconditions = &self.request().options.preconditions;
        if preconditions.if_match_fails(Some(current)) {
            return Err(Precondition::Failed { etag: Some(current.clone()) }.into());
        }
        if preconditions.if_none_match_fails(Some(current)) {
            return Err(Precondition::NotModified { subject, etag: current.clone() }.into());
        }
        Ok(())
    }

    /// Checks the preconditions before a change; `object` is `None` before an insert. Computes the ETag only when the request
    /// has a precondition.
    ///
    /// # Errors
    /// [`Precondition::Failed`].
    pub(in crate::vault) fn check_preconditions<Id>(
        &mut self,
        object: Option<Id>,
        etag: LockedETag<Id>,
    ) -> Result<(), VaultError> {
        self.preconditions_checked = true;
        if !self.has_preconditions() {
            return Ok(());
        }
        let current = match object {
            Some(id) => Some(etag(self, id)?.ok_or(StoreError::NotFound)?),
            None => None,
        };
        let preconditions = &self.request().options.preconditions;
        if preconditions.if_match_fails(current.as_ref()) || preconditions.if_none_match_fails(current.as_ref()) {
            return Err(Precondition::Failed { etag: None }.into());
        }
        Ok(())
    }

    /// Computes the ETag of a saved object when the request has preconditions, for the next request of the client.
    pub(in crate::vault) fn etag_after<Id>(
        &mut self,
        object: Id,
        etag: LockedETag<Id>,
    ) -> Result<Option<ETag>, VaultError> {
        if self.has_preconditions() { etag(self, object) } else { Ok(None) }
    }

    /// Refuses a change whose rule did not check the preconditions of its request.
    pub(super) fn require_preconditions_checked(&self) -> Result<(), VaultError> {
        let action = self.permit.action();
        let ignored = self.has_preconditions() && !self.preconditions_checked;
        if action.is_conditional() && action.is_write() && ignored {
            return Err(Precondition::Failed { etag: None }.into());
        }
        Ok(())
    }
}
