//! The filters of a list (contract senhasegura-v2, section 5). Filters on secrets do not exist, and are unknown parameters.

use super::error::ApiError;
use super::query::Query;
use super::wire::criticality_name;
use crate::text::{MAX_TAGS, comma_separated};
use crate::vault::credential::{Criticality, MetadataSelection};
use crate::vault::id::DeviceId;

/// The parameters, for the description.
pub(super) const FILTERS: &[(&str, &str)] = &[
    (USERNAME, "Username, to the letter"),
    (ACTIVE, "true or false"),
    (DEVICE_ID, "The number of the device"),
    (DEVICE_NAME, "Hostname, ignoring case"),
    (DOMAIN, "A registered domain of the device, by its full or short name"),
    (TAGS, "Tags, ignoring case: one of a list separated by commas; repeated, one of each list"),
    (CRITICALITY, "low, medium, high or critical"),
    (OWNER, "The owner by name, or by the number of a platform user"),
    (JIT, "true or false"),
    (RECONCILIATION, "true or false"),
];

const USERNAME: &str = "credential.username";
const ACTIVE: &str = "credential.active";
const DEVICE_ID: &str = "device_id";
const DEVICE_NAME: &str = "device.name";
const DOMAIN: &str = "device.domain_name";
const TAGS: &str = "credential.tags";
const CRITICALITY: &str = "credential.criticality";
const OWNER: &str = "credential.user_credential_owner";
const JIT: &str = "jit.credential_enabled";
const RECONCILIATION: &str = "reconciliation.credential_enabled";

/// Parses the filters of a query.
pub(super) fn selection(query: &Query) -> Result<MetadataSelection, ApiError> {
    let text = |name| Ok::<_, ApiError>(query.one(name)?.map(String::from));
    Ok(MetadataSelection {
        username: text(USERNAME)?,
        active: query.boolean(ACTIVE)?,
        device_id: query
            .number(DEVICE_ID, 1..=i32::MAX, "expected a whole number from 1 to 2147483647")?
            .map(DeviceId::new),
        hostname: text(DEVICE_NAME)?,
        domain: text(DOMAIN)?,
        tags: tags(query)?,
        criticality: query.one(CRITICALITY)?.map(criticality).transpose()?,
        owner: text(OWNER)?,
        jit_enabled: query.boolean(JIT)?,
        reconciliation_enabled: query.boolean(RECONCILIATION)?,
    })
}

fn tags(query: &Query) -> Result<Vec<Vec<String>>, ApiError> {
    let lists: Vec<Vec<String>> =
        query.all(TAGS)?.into_iter().map(|list| comma_separated(list).map(String::from).collect()).collect();
    if lists.iter().map(Vec::len).sum::<usize>() > MAX_TAGS {
        return Err(ApiError::invalid(TAGS, "must not name more than 64 tags"));
    }
    if lists.iter().any(Vec::is_empty) {
        return Err(ApiError::invalid(TAGS, "must name a tag"));
    }
    Ok(lists)
}

fn criticality(name: &str) -> Result<Criticality, ApiError> {
    let named = Criticality::ALL.into_iter().find(|level| criticality_name(*level) == name);
    named.ok_or_else(|| ApiError::invalid(CRITICALITY, "expected low, medium, high or critical"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> Result<MetadataSelection, ApiError> {
        selection(&Query::parse(query).unwrap())
    }

    #[test]
    fn a_comma_is_or_and_a_repetition_is_and() {
        let tags = |query: &str| parsed(query).unwrap().tags;
        assert_eq!(tags("credential.tags=a&credential.tags=b"), [["a"], ["b"]]);
        assert_eq!(tags("credential.tags=a,b"), [["a", "b"]]);
        assert_eq!(tags("credential.tags=a,%20b%2Cc&credential.tags=d"), [vec!["a", "b", "c"], vec!["d"]]);
        for query in ["credential.tags=", "credential.tags=,", "credential.tags=a&credential.tags=%20"] {
            assert!(parsed(query).is_err(), "{query}");
        }
        assert!(parsed(&"credential.tags=a&".repeat(65)).is_err());
    }

    #[test]
    fn the_criticality_is_one_of_four() {
        assert_eq!(parsed("credential.criticality=high").unwrap().criticality, Some(Criticality::High));
        for level in ["urgent", "High", "1", ""] {
            assert!(parsed(&format!("credential.criticality={level}")).is_err(), "{level}");
        }
    }
}
