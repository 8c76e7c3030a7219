//! Credentials and SSH keys without any secret, for protocols that show all of their other columns.

use diesel::sql_types::{Nullable, Text};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, IntoSql, NullableExpressionMethods, QueryDsl, Queryable, RunQueryDsl,
    TextExpressionMethods, define_sql_function,
};

use super::credential::CredentialKind;
use super::id::{AuthorizationId, CredentialId, DeviceId, TagId};
use super::list::MAX_SELECTED;
use super::schema::{credential, device, jit_policy, rotation_policy, tagging};
use super::visibility::{credential_is_seen, seen_credentials, sees_at_most};
use super::{AnyConnection, StoreError};
use crate::text::case_folded;

define_sql_function! {
    /// Replaces each occurrence of `from`. To the letter on both engines, unlike `LIKE`.
    fn replace(text: Nullable<Text>, from: Text, to: Text) -> Nullable<Text>;
}

/// The columns of a credential that no secret is kept in, with those of its device and of its policies.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct MetadataRow {
    pub id: CredentialId,
    pub(crate) kind: String,
    pub username: String,
    pub active: bool,
    pub credential_type: String,
    pub tags: String,
    pub parent_id: Option<CredentialId>,
    pub additional: String,
    pub additional_settings: Option<String>,
    pub viewed_at: Option<i64>,
    pub device_id: DeviceId,
    pub hostname: String,
    pub domains: String,
    pub reconcile: Option<bool>,
    pub jit_enabled: Option<bool>,
}

impl MetadataRow {
    /// Whether it is a password or an SSH key.
    pub fn kind(&self) -> CredentialKind {
        CredentialKind::from_stored(&self.kind)
    }
}

/// Conditions that all hold. `None` and empty do not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataFilter {
    /// The id.
    pub id: Option<CredentialId>,
    /// The username (exact match).
    pub username: Option<String>,
    /// Whether it is active.
    pub active: Option<bool>,
    /// The device.
    pub device: Option<DeviceId>,
    /// The hostname, ignoring case.
    pub hostname: Option<String>,
    /// The full name of one of the domains of the device, as registered.
    pub domain: Option<String>,
    /// One tag of each of these.
    pub tags: Vec<Vec<TagId>>,
    /// The criticality, as stored.
    pub criticality: Option<CriticalityFilter>,
    /// The owner: one of these names.
    pub owners: Option<[String; 2]>,
    /// Whether just-in-time access is on.
    pub jit_enabled: Option<bool>,
    /// Whether a failed change is reconciled.
    pub reconcile: Option<bool>,
}

/// A condition on the criticality.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CriticalityFilter {
    /// The level, as stored.
    pub level: &'static str,
    /// Whether a password has it for which none is stored.
    pub is_default: bool,
}

/// Lists the credentials and SSH keys that the authorization sees, active or not, oldest first: at most `limit` after `offset`.
pub fn list(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    filter: &MetadataFilter,
    offset: i64,
    limit: i64,
) -> Result<Vec<MetadataRow>, StoreError> {
    let mut query = credential::table
        .inner_join(device::table)
        .left_join(rotation_policy::table)
        .left_join(jit_policy::table)
        .into_boxed();
    query = if sees_at_most(connection, authorization, MAX_SELECTED)? {
        query.filter(seen_credentials(authorization))
    } else {
        query.filter(credential_is_seen(authorization))
    };
    if let Some(id) = filter.id {
        query = query.filter(credential::id.eq(id));
    }
    if let Some(username) = &filter.username {
        query = query.filter(credential::username.eq(username));
    }
    if let Some(active) = filter.active {
        query = query.filter(credential::active.eq(active));
    }
    if let Some(id) = filter.device {
        query = query.filter(credential::device_id.eq(id));
    }
    if let Some(hostname) = &filter.hostname {
        query = query.filter(device::hostname_key.eq(case_folded(hostname)));
    }
    if let Some(domain) = &filter.domain {
        let listed = || ",".into_sql::<Text>().concat(device::domains).concat(",").nullable();
        query = query.filter(replace(listed(), format!(",{domain},"), "").ne(listed()));
    }
    for tags in &filter.tags {
        let tagged = tagging::table
            .filter(tagging::object_kind.eq("credential"))
            .filter(tagging::tag_id.eq_any(tags.clone()))
            .select(tagging::object_id);
        query = query.filter(credential::id.eq_any(tagged));
    }
    let settings = credential::additional_settings;
    if let Some(CriticalityFilter { level, is_default }) = &filter.criticality {
        let is_level = replace(settings, member("criticality", level), "").ne(settings);
        let is_unset = settings.is_null().or(replace(settings, "\"criticality\":", "").eq(settings).assume_not_null());
        let is_password = credential::kind.eq(CredentialKind::Password.as_str());
        query = if *is_default { query.filter(is_level.or(is_password.and(is_unset))) } else { query.filter(is_level) };
    }
    if let Some(owners) = &filter.owners {
        let [one, other] = owners.each_ref().map(|owner| member("user_credential_owner", owner));
        query = query.filter(replace(settings, one, "").ne(settings).or(replace(settings, other, "").ne(settings)));
    }
    // Without a policy a setting is off.
    if let Some(on) = filter.jit_enabled {
        let enabled = jit_policy::enabled.nullable();
        query = if on { query.filter(enabled.eq(true)) } else { query.filter(enabled.is_null().or(enabled.eq(false))) };
    }
    if let Some(on) = filter.reconcile {
        let enabled = rotation_policy::reconcile.nullable();
        query = if on { query.filter(enabled.eq(true)) } else { query.filter(enabled.is_null().or(enabled.eq(false))) };
    }
    let columns = (
        credential::id,
        credential::kind,
        credential::username,
        credential::active,
        credential::credential_type,
        credential::tags,
        credential::parent_id,
        credential::additional,
        credential::additional_settings,
        credential::viewed_at,
        device::id,
        device::hostname,
        device::domains,
        rotation_policy::reconcile.nullable(),
        jit_policy::enabled.nullable(),
    );
    Ok(query.order(credential::id).offset(offset).limit(limit).select(columns).load(connection)?)
}

/// Returns a member of a JSON object as it is stored. The text of another value cannot contain it: quotes are escaped there.
fn member(name: &str, value: &str) -> String {
    format!("\"{name}\":{}", serde_json::Value::from(value))
}

/// Returns the usernames of those credentials that the authorization sees.
pub fn usernames(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    ids: Vec<CredentialId>,
) -> Result<Vec<(CredentialId, String)>, StoreError> {
    let named = credential::table.filter(credential::id.eq_any(ids)).filter(credential_is_seen(authorization));
    Ok(named.select((credential::id, credential::username)).load(connection)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_looks_like_another_member() {
        let stored = |value: &str| serde_json::json!({ "server_path": value, "z": 1 }).to_string();
        let wanted = member("criticality", "High");
        for value in [wanted.as_str(), "criticality", "\",\"criticality\":\"High", "\\\"criticality\":\"High\""] {
            assert!(!stored(value).contains(&wanted), "{value}");
        }
        assert!(serde_json::json!({ "criticality": "High" }).to_string().contains(&wanted));
    }
}
