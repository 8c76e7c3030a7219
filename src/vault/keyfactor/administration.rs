//! Administration of identities from the command line: who they are, their passwords, their roles.

use super::identity::kind_word;
use super::password::verifier;
use super::{role, signature};
use crate::crypto::SecretText;
use crate::directory::AccountKind;
use crate::store::keyfactor::identity::{self, IdentityRow};
use crate::store::keyfactor::role as role_rows;
use crate::store::{AnyConnection, folded};
use crate::vault::Vault;
use crate::vault::admin::{AdminError, exists, role_named};

/// The shortest password, in characters.
const SHORTEST_PASSWORD: usize = 12;

/// An identity, without what its password is checked with.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct IdentitySummary {
    pub id: i32,
    pub account: String,
    pub identity_type: String,
    pub roles: Vec<String>,
    pub has_password: bool,
    pub valid: bool,
}

/// A role, for the person at the keyboard.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RoleSummary {
    pub id: i32,
    pub name: String,
    pub permissions: String,
}

impl Vault {
    /// Makes an identity of an account that the directory knows.
    pub async fn add_identity(&self, account: &str) -> Result<(), AdminError> {
        let found = self.known_account(Some(account)).await;
        let found = found.map_err(|error| AdminError::Invalid(error.to_string()))?;
        let vault = self.clone();
        let change = move |connection: &mut AnyConnection, now: i64| {
            if identity::by_account(connection, &found.name)?.is_some() {
                return Err(AdminError::Exists(format!("identity {}", found.name)));
            }
            let id =
                identity::insert(connection, &found.name, kind_word(found.kind), now).map_err(exists(&found.name))?;
            signature::sign(connection, &vault.0.identities, id)?;
            Ok(((), format!("identity:{id}")))
        };
        self.administer("identity.create", change).await
    }

    /// All identities.
    pub async fn identities(&self) -> Result<Vec<IdentitySummary>, AdminError> {
        let vault = self.clone();
        let read = move |connection: &mut AnyConnection| {
            let rows = identity::all(connection)?;
            let summary = |row: IdentityRow| {
                let roles = role_rows::of_identity(connection, row.id)?;
                let numbers: Vec<i32> = roles.iter().map(|role| role.id).collect();
                Ok(IdentitySummary {
                    valid: signature::is_valid(&vault.0.identities, &row, &numbers),
                    id: row.id,
                    account: row.account_name,
                    identity_type: row.identity_type,
                    roles: roles.into_iter().map(|role| role.name).collect(),
                    has_password: row.password.is_some(),
                })
            };
            rows.into_iter().map(summary).collect()
        };
        Ok(self.0.store.read(read).await?)
    }

    /// All roles.
    pub async fn roles(&self) -> Result<Vec<RoleSummary>, AdminError> {
        let rows = self.0.store.read(role_rows::all).await?;
        let summary =
            |row: role_rows::RoleRow| RoleSummary { id: row.id, name: row.name, permissions: row.permissions };
        Ok(rows.into_iter().map(summary).collect())
    }

    /// Gives a user a password, with which it may call by Basic authentication.
    pub async fn set_identity_password(&self, account: &str, password: &SecretText) -> Result<(), AdminError> {
        if password.expose().chars().count() < SHORTEST_PASSWORD {
            return Err(AdminError::Invalid(format!("a password has at least {SHORTEST_PASSWORD} characters")));
        }
        let verifier = verifier(password).map_err(|_| AdminError::Invalid("the password cannot be used".into()))?;
        self.write_password(account, Some(verifier)).await
    }

    /// Takes the password of an identity away.
    pub async fn clear_identity_password(&self, account: &str) -> Result<(), AdminError> {
        self.write_password(account, None).await
    }

    async fn write_password(&self, account: &str, verifier: Option<String>) -> Result<(), AdminError> {
        let (vault, account) = (self.clone(), account.to_string());
        let change = move |connection: &mut AnyConnection, _: i64| {
            let row = vault.sound_identity(connection, &account)?;
            if row.identity_type != kind_word(AccountKind::User) {
                return Err(AdminError::Invalid(format!("{account} is a group, and groups have no password")));
            }
            identity::set_password(connection, row.id, verifier.as_deref())?;
            signature::sign(connection, &vault.0.identities, row.id)?;
            Ok(((), format!("identity:{}", row.id)))
        };
        self.administer("identity.set-password", change).await
    }

    /// Gives an identity a role.
    pub async fn grant_identity_role(&self, account: &str, name: &str) -> Result<(), AdminError> {
        let (vault, account, name) = (self.clone(), account.to_string(), name.to_string());
        let change = move |connection: &mut AnyConnection, _: i64| {
            let row = vault.sound_identity(connection, &account)?;
            let role = role_named(connection, &name)?;
            if !role_rows::of_identity(connection, row.id)?.iter().any(|held| held.id == role) {
                role_rows::give_to_identity(connection, row.id, role)?;
                signature::sign(connection, &vault.0.identities, row.id)?;
            }
            Ok(((), format!("identity:{}", row.id)))
        };
        self.administer("identity.grant-role", change).await
    }

    /// Takes a role from an identity.
    pub async fn revoke_identity_role(&self, account: &str, name: &str) -> Result<(), AdminError> {
        let (vault, account, name) = (self.clone(), account.to_string(), name.to_string());
        let change = move |connection: &mut AnyConnection, _: i64| {
            let row = known(connection, &account)?;
            let id = role_named(connection, &name)?;
            match role::take(connection, &vault.0.identities, row.id, id)? {
                true => Ok(((), format!("identity:{}", row.id))),
                false => Err(AdminError::Unknown(format!("role {name} of identity {account}"))),
            }
        };
        self.administer("identity.revoke-role", change).await
    }

    /// Forgets an identity; no role holds it any more.
    pub async fn remove_identity(&self, account: &str) -> Result<(), AdminError> {
        let account = account.to_string();
        let change = move |connection: &mut AnyConnection, _: i64| {
            let row = known(connection, &account)?;
            identity::delete(connection, row.id)?;
            Ok(((), format!("identity:{}", row.id)))
        };
        self.administer("identity.delete", change).await
    }

    /// The identity of that account, which has to be as the vault wrote it: what somebody else wrote is not signed.
    fn sound_identity(&self, connection: &mut AnyConnection, account: &str) -> Result<IdentityRow, AdminError> {
        let row = known(connection, account)?;
        match signature::still_valid(connection, &self.0.identities, row.id)? {
            true => Ok(row),
            false => Err(AdminError::Invalid(format!(
                "identity {account} was changed behind the vault's back; delete it and make it anew"
            ))),
        }
    }
}

fn known(connection: &mut AnyConnection, account: &str) -> Result<IdentityRow, AdminError> {
    let row = identity::by_account(connection, &folded(account))?;
    row.ok_or_else(|| AdminError::Unknown(format!("identity {account}")))
}
