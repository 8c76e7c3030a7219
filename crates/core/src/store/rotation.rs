//! Tables of rotation policies and just-in-time access. A row exists once a setting was sent.

use std::collections::HashSet;

use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
};

use super::changes::{changed, changed_nullable};
use super::id::{CredentialId, DeviceId};
use super::schema::{credential, jit_policy, rotation_policy};
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
    pub granted_place: Option<String>,
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
    pub granted_place: Option<String>,
}

impl RotationChanges {
    /// Leaves out the columns that have the value already.
    fn without_unchanged(self, row: &RotationRow) -> Self {
        Self {
            automatic_change: changed(self.automatic_change, &row.automatic_change),
            agent_based: changed(self.agent_based, &row.agent_based),
            plugin: changed_nullable(self.plugin, &row.plugin),
            template: changed_nullable(self.template, &row.template),
            use_own_credential: changed(self.use_own_credential, &row.use_own_credential),
            authentication_id: changed(self.authentication_id, &row.authentication_id),
            reconcile: changed(self.reconcile, &row.reconcile),
            reconciliation_id: changed(self.reconciliation_id, &row.reconciliation_id),
            reconciliation_plugin: changed_nullable(self.reconciliation_plugin, &row.reconciliation_plugin),
            reconciliation_template: changed_nullable(self.reconciliation_template, &row.reconciliation_template),
        }
    }
}

impl JitChanges {
    /// Leaves out the columns that have the value already.
    fn without_unchanged(self, row: &JitRow) -> Self {
        Self {
            enabled: changed(self.enabled, &row.enabled),
            create_and_delete: changed(self.create_and_delete, &row.create_and_delete),
            enable_and_disable: changed(self.enable_and_disable, &row.enable_and_disable),
            use_own_credential: changed(self.use_own_credential, &row.use_own_credential),
            authentication_id: changed(self.authentication_id, &row.authentication_id),
            creation_plugin: changed_nullable(self.creation_plugin, &row.creation_plugin),
            creation_template: changed_nullable(self.creation_template, &row.creation_template),
            deletion_plugin: changed_nullable(self.deletion_plugin, &row.deletion_plugin),
            deletion_template: changed_nullable(self.deletion_template, &row.deletion_template),
            enable_plugin: changed_nullable(self.enable_plugin, &row.enable_plugin),
            enable_template: changed_nullable(self.enable_template, &row.enable_template),
            disable_plugin: changed_nullable(self.disable_plugin, &row.disable_plugin),
            disable_template: changed_nullable(self.disable_template, &row.disable_template),
        }
    }
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

/// Applies changes to the rotation policy of a credential, whose row is created on first use. Returns whether anything was
/// written: the columns that have the value already are not.
pub fn store(
    connection: &mut AnyConnection,
    credential: CredentialId,
    changes: &RotationChanges,
) -> Result<bool, StoreError> {
    let stored = find(connection, credential)?;
    let changes = match &stored {
        Some(row) => changes.clone().without_unchanged(row),
        None => {
            diesel::insert_into(rotation_policy::table)
                .values((
                    rotation_policy::credential_id.eq(credential),
                    rotation_policy::automatic_change.eq(false),
                    rotation_policy::agent_based.eq(false),
                    rotation_policy::use_own_credential.eq(false),
                    rotation_policy::reconcile.eq(false),
                ))
                .execute(connection)?;
            changes.clone()
        }
    };
    if changes == RotationChanges::default() {
        return Ok(stored.is_none());
    }
    diesel::update(rotation_policy::table.find(credential)).set(&changes).execute(connection)?;
    Ok(true)
}

/// Returns the just-in-time access policy of a credential.
pub fn find_jit(connection: &mut AnyConnection, credential: CredentialId) -> Result<Option<JitRow>, StoreError> {
    Ok(jit_policy::table.find(credential).first(connection).optional()?)
}

/// Applies changes to the just-in-time access policy of a credential, whose row is created on first use. Returns whether
/// anything was written, as [`store`].
pub fn store_jit(
    connection: &mut AnyConnection,
    credential: CredentialId,
    changes: &JitChanges,
) -> Result<bool, StoreError> {
    let stored = find_jit(connection, credential)?;
    let changes = match &stored {
        Some(row) => changes.clone().without_unchanged(row),
        None => {
            diesel::insert_into(jit_policy::table)
                .values((
                    jit_policy::credential_id.eq(credential),
                    jit_policy::enabled.eq(false),
                    jit_policy::create_and_delete.eq(false),
                    jit_policy::enable_and_disable.eq(false),
                    jit_policy::use_own_credential.eq(false),
                ))
                .execute(connection)?;
            changes.clone()
        }
    };
    if changes == JitChanges::default() {
        return Ok(stored.is_none());
    }
    diesel::update(jit_policy::table.find(credential)).set(&changes).execute(connection)?;
    Ok(true)
}

/// Sets the place that the logins of other credentials were granted for, in the rotation policy of a credential.
pub fn set_granted_place(
    connection: &mut AnyConnection,
    credential: CredentialId,
    place: &str,
) -> Result<(), StoreError> {
    let row = diesel::update(rotation_policy::table.find(credential));
    row.set(rotation_policy::granted_place.eq(place)).execute(connection)?;
    Ok(())
}

/// As [`set_granted_place`], unless the place is another one than `before` by now.
pub fn replace_granted_place(
    connection: &mut AnyConnection,
    credential: CredentialId,
    before: &str,
    place: &str,
) -> Result<(), StoreError> {
    let row = rotation_policy::table.find(credential).filter(rotation_policy::granted_place.eq(before));
    diesel::update(row).set(rotation_policy::granted_place.eq(place)).execute(connection)?;
    Ok(())
}

/// As [`set_granted_place`], in the just-in-time access policy.
pub fn set_granted_place_of_jit(
    connection: &mut AnyConnection,
    credential: CredentialId,
    place: &str,
) -> Result<(), StoreError> {
    diesel::update(jit_policy::table.find(credential)).set(jit_policy::granted_place.eq(place)).execute(connection)?;
    Ok(())
}

/// Returns the rotation policies of the credentials of a device that name another credential.
pub fn with_login_at(connection: &mut AnyConnection, device: DeviceId) -> Result<Vec<RotationRow>, StoreError> {
    let at_device = credential::table.filter(credential::device_id.eq(device)).select(credential::id);
    let has_login =
        rotation_policy::authentication_id.is_not_null().or(rotation_policy::reconciliation_id.is_not_null());
    Ok(rotation_policy::table
        .filter(rotation_policy::credential_id.eq_any(at_device))
        .filter(has_login)
        .load(connection)?)
}

/// Returns the just-in-time access policies of the credentials of a device.
pub fn jit_at(connection: &mut AnyConnection, device: DeviceId) -> Result<Vec<JitRow>, StoreError> {
    let at_device = credential::table.filter(credential::device_id.eq(device)).select(credential::id);
    Ok(jit_policy::table.filter(jit_policy::credential_id.eq_any(at_device)).load(connection)?)
}
