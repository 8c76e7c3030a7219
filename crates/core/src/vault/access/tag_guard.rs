//! Tags that grant visibility. Setting a tag makes the object visible to every client linked to the tag, so a client may set
//! a linked tag only if it is linked to it too.

use crate::store::known_tag::{self, KnownTag};
use crate::text::{case_folded, comma_separated};
use crate::vault::operation::OperationContext;
use crate::vault::{Field, VaultError};

/// Checks the new tags of an object, sent in `field` of a request. Existing tags (`before`) are allowed. `known` were looked up for
/// the principal.
///
/// # Errors
/// [`VaultError::Invalid`] for a new tag that is linked to authorizations, none of which is the principal's.
pub(in crate::vault) fn require_tags_allowed(
    context: &mut OperationContext<'_>,
    field: Field,
    before: &str,
    tags: Option<&str>,
    known: &[KnownTag],
) -> Result<(), VaultError> {
    let (Some(tags), Some(authorization)) = (tags, context.principal().authorization()) else { return Ok(()) };
    let kept: Vec<String> = comma_separated(before).map(case_folded).collect();
    for key in comma_separated(tags).map(case_folded).filter(|key| !kept.contains(key)) {
        let may_be_set = match known.iter().find(|tag| tag.key == key) {
            Some(tag) => tag.may_be_set,
            // It may have been used since.
            None => known_tag::find(context.connection(), authorization, &key)?.is_none_or(|tag| tag.may_be_set),
        };
        if !may_be_set {
            let expected = "one of the tags may be set only by a client that is linked to it";
            return Err(VaultError::invalid(field, expected));
        }
    }
    Ok(())
}
