//! Trusted issuers and their rules, as held in memory.

use std::collections::HashMap;
use std::sync::Arc;

use super::claims::ClaimConditions;
use crate::key_set::{KeyDocument, KeyLocation, KeySet};
use crate::store::id::{AuthorizationId, IssuerRuleId, TrustedIssuerId};
use crate::store::trusted_issuer::{self, IssuerRuleRow, TrustedIssuerRow};
use crate::store::{AnyConnection, StoreError};

/// An active issuer.
#[derive(Debug)]
pub(in crate::vault::access) struct LiveIssuer {
    pub(super) id: TrustedIssuerId,
    pub(super) name: String,
    pub(super) audience: String,
    pub(super) keys: IssuerKeys,
    /// Whether a token may be presented several times.
    pub(super) reusable_tokens: bool,
    pub(super) rules: Vec<LiveRule>,
}

/// Where the keys of an issuer are.
#[derive(Debug)]
pub(super) enum IssuerKeys {
    Fetched(KeyLocation),
    Given(Arc<KeySet>),
}

/// A rule.
#[derive(Debug)]
pub(super) struct LiveRule {
    pub(super) id: IssuerRuleId,
    pub(super) name: String,
    pub(super) client_id: String,
    pub(super) claims: ClaimConditions,
}

/// The active issuers by their claim `iss`. Those of one differ by audience.
pub(in crate::vault::access) type LiveIssuers = HashMap<String, Vec<LiveIssuer>>;

/// Loads the active issuers. `client_ids` are the authorizations that were loaded before; a rule of a later one is skipped until
/// the next refresh.
pub(in crate::vault::access) fn read(
    connection: &mut AnyConnection,
    client_ids: &HashMap<AuthorizationId, &String>,
) -> Result<LiveIssuers, StoreError> {
    let mut rules: HashMap<TrustedIssuerId, Vec<LiveRule>> = HashMap::new();
    for row in trusted_issuer::rules(connection)? {
        rules.entry(row.trusted_issuer_id).or_default().extend(live_rule(row, client_ids));
    }
    let mut issuers = LiveIssuers::new();
    for row in trusted_issuer::all(connection)?.into_iter().filter(|row| row.active) {
        let Some(keys) = keys(&row) else {
            log::error!("the issuer {} cannot be read and is treated as disabled", row.id);
            continue;
        };
        let rules = rules.remove(&row.id).unwrap_or_default();
        let TrustedIssuerRow { id, name, audience, reusable_tokens, .. } = row;
        issuers.entry(row.issuer).or_default().push(LiveIssuer { id, name, audience, keys, reusable_tokens, rules });
    }
    Ok(issuers)
}

fn live_rule(row: IssuerRuleRow, client_ids: &HashMap<AuthorizationId, &String>) -> Option<LiveRule> {
    let client_id = client_ids.get(&row.authorization_id)?.to_string();
    let Some(claims) = ClaimConditions::from_json(&row.claims) else {
        log::error!("the rule {} of an issuer cannot be read and is treated as removed", row.id);
        return None;
    };
    Some(LiveRule { id: row.id, name: row.name, client_id, claims })
}

fn keys(row: &TrustedIssuerRow) -> Option<IssuerKeys> {
    if let Some(text) = &row.jwks {
        return KeySet::parse(text).ok().map(|keys| IssuerKeys::Given(Arc::new(keys)));
    }
    let document = match &row.jwks_url {
        Some(url) => KeyDocument::KeySet(url.clone()),
        None => KeyDocument::Discovery(row.issuer.clone()),
    };
    let location = KeyLocation { document, ca_pem: row.ca_pem.clone(), allow_private: row.allow_private };
    Some(IssuerKeys::Fetched(location))
}
