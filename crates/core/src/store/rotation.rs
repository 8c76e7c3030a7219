//! Tables of rotation policies and just-in-time access. A row exists once a setting was sent.

use std::collections::HashSet;

use diesel::{AsChangeset, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::id::CredentialId;
use super::schema::{jit_policy, rotation_policy};
use super::{AnyConnection, MAX_BOUND, StoreError};

/// The columns of a rotation policy to write; `None` leaves a column unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = rotation_policy)]
#[expect(missing_docs, reason = "columns")]
pub struct RotationChanges {
    pub automatic_change: Option<bool>,
    pub agent_based: Option<bool>,
    pub plugin: Option<String>,
    pub template: Option<String>,
    pub use_own_credential: Option<bool>,
    pub authentication_id: Option<Option<CredentialId>>,
    pub reconcile: Option<bool>,
    pub reconciliation_id: Option<Option<CredentialId>>,
    pub reconciliation_plugin: Option<String>,
    pub reconciliation_template: Option<String>,
}

/// The just-in-time access policy of a credential.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct JitRow {
    pub credential_id: CredentialId,
    pub enabled: bool,
    pub create_and_delete: bool,
    pub enable_and_disable: bool,
    pub use_own_credential: bool,
    pub authentication_id: Option<CredentialId>,
    pub creation_plugin: Option<String>,
    pub creation_template: Option<String>,
    pub deletion_plugin: Option<String>,
    pub deletion_template: Option<String>,
    pub enable_plugin: Option<String>,
    pub enable_template: Option<String>,
    pub disable_plugin: Option<String>,
    pub disable_template: Option<String>,
}

/// The columns to write; `None` leaves a column unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = jit_policy)]
#[expect(missing_docs, reason = "columns")]
pub struct JitChanges {
    pub enabled: Option<bool>,
    pub create_and_delete: Option<bool>,
    pub enable_and_disable: Option<bool>,
    pub use_own_credential: Option<bool>,
    pub authentication_id: Option<Option<CredentialId>>,
    pub creation_plugin: Option<String>,
    pub creation_template: Option<String>,
    pub deletion_plugin: Option<String>,
    pub deletion_template: Option<String>,
    pub enable_plugin: Option<String>,
    pub enable_template: Option<String>,
    pub disable_plugin: Option<String>,
    pub disable_template: Option<String>,
}

/// A rotation policy.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct RotationRow {
    pub credential_id: CredentialId,
    pub automatic_change: bool,
    pub agent_based: bool,
    pub plugin: Option<String>,
    pub template: Option<String>,
    pub use_own_credential: bool,
    pub authentication_id: Option<CredentialId>,
    pub reconcile: bool,
    pub reconciliation_id: Option<CredentialId>,
    pub reconciliation_plugin: Option<String>,
    pub reconciliation_template: Option<String>,
}

/// Returns those of the credentials that have a plugin.
pub fn with_plugin(connection: &mut AnyConnection, ids: &[CredentialId]) -> Result<HashSet<CredentialId>, StoreError> {
    let mut found = HashSet::new();
    for ids in ids.chunks(MAX_BOUND) {
        let of_these = rotation_policy::table.filter(rotation_policy::credential_id.eq_any(ids.to_vec()));
        let with_plugin = of_these.filter(rotation_policy::plugin.ne(""));
        found.extend(with_plugin.select(rotation_policy::credential_id).load::<CredentialId>(connection)?);
    }
    Ok(found)
}

/// Returns the rotation policy of a credential.
pub fn find(connection: &mut AnyConnection, credential: CredentialId) -> Result<Option<RotationRow>, StoreError> {
    Ok(rotation_policy::table.find(credential).first(connection).optional()?)
}

/// Applies changes to the rotation policy of a credential, whose row is created on first use.
pub fn store(
    connection: &mut AnyConnection,
    credential: CredentialId,
    changes: &RotationChanges,
) -> Result<(), StoreError> {
    let existing = rotation_policy::table.find(credential).select(rotation_policy::credential_id);
    if existing.first::<CredentialId>(connection).optional()?.is_none() {
        diesel::insert_into(rotation_policy::table)
            .values((
                rotation_policy::credential_id.eq(credential),
                rotation_policy::automatic_change.eq(false),
                rotation_policy::agent_based.eq(false),
                rotation_policy::use_own_credential.eq(false),
                rotation_policy::reconcile.eq(false),
            ))
            .execute(connection)?;
    }
    if *changes == RotationChanges::default() {
        return Ok(());
    }
    diesel::update(rotation_policy::table.find(credential)).set(changes).execute(connection)?;
    Ok(())
}

/// Returns the just-in-time access policy of a credential.
pub fn find_jit(connection: &mut AnyConnection, credential: CredentialId) -> Result<Option<JitRow>, StoreError> {
    Ok(jit_policy::table.find(credential).first(connection).optional()?)
}

/// Applies changes to the just-in-time access policy of a credential, whose row is created on first use.
pub fn store_jit(
    connection: &mut AnyConnection,
    credential: CredentialId,
    changes: &JitChanges,
) -> Result<(), StoreError> {
    if find_jit(connection, credential)?.is_none() {
        diesel::insert_into(jit_policy::table)
            .values((
                jit_policy::credential_id.eq(credential),
                jit_policy::enabled.eq(false),
                jit_policy::create_and_delete.eq(false),
                jit_policy::enable_and_disable.eq(false),
                jit_policy::use_own_credential.eq(false),
            ))
            .execute(connection)?;
    }
    if *changes == JitChanges::default() {
        return Ok(());
    }
    diesel::update(jit_policy::table.find(credential)).set(changes).execute(connection)?;
    Ok(())
}
