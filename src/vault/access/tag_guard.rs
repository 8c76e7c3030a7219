//! Tags that grant visibility. Whoever could set a tag that is linked to an authorization could plant an object in its
//! client's view, or open an object to it, so setting one takes the same link.

use crate::store::link;
use crate::text::{case_folded, comma_separated};
use crate::vault::operation::OperationContext;
use crate::vault::{Field, VaultError};

/// Checks the tags that an object is about to get by `field` of a request. Tags that it has already stay.
///
/// # Errors
/// [`VaultError::Invalid`] for a new tag that is linked to authorizations, none of which is the principal's.
pub(in crate::vault) fn require_tags_allowed(
    context: &mut OperationContext<'_>,
    field: Field,
    before: &str,
    tags: Option<&str>,
) -> Result<(), VaultError> {
    let (Some(tags), Some(authorization)) = (tags, context.principal().authorization()) else { return Ok(()) };
    let kept: Vec<String> = comma_separated(before).map(case_folded).collect();
    for tag in comma_separated(tags).map(case_folded).filter(|tag| !kept.contains(tag)) {
        let holders = link::holders_of_tag(context.connection(), &tag)?;
        if !holders.is_empty() && !holders.contains(&authorization) {
            let expected = "one of the tags may be set only by a client that is linked to it";
            return Err(VaultError::invalid(field, expected));
        }
    }
    Ok(())
}
