//! Registered domains and platform users. A request may name only registered ones.

use super::access::application::{checked_name, taken};
use super::operation::{Done, OperationContext, Permit, Subject};
use super::{Noun, Vault, VaultError};
use crate::store::lock::lock_name;
use crate::store::{domain, user};

impl Vault {
    /// Registers a domain.
    ///
    /// # Errors
    /// [`VaultError::Taken`]; [`VaultError::Invalid`].
    pub async fn add_domain(&self, permit: Permit, name: &str, short_name: Option<&str>) -> Result<(), VaultError> {
        let (name, short_name) = (name.to_string(), short_name.map(String::from));
        let rule = move |context: &mut OperationContext<'_>| {
            let name = checked_name(&name)?;
            let short_name = short_name.as_deref().map(checked_name).transpose()?;
            // A name of one domain may be the short name of another, which no unique index refuses.
            lock_name(context.connection(), "domain")?;
            let id = domain::insert(context.connection(), name, short_name).map_err(taken(Noun::Domain))?;
            Ok(Done::new(Subject::Domain(id), ()))
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }

    /// Lists all domains: name and short name.
    pub async fn domains(&self, permit: Permit) -> Result<Vec<(String, Option<String>)>, VaultError> {
        self.query(permit, |context| Ok(Done::new(Subject::Collection, domain::all(context.connection())?))).await
    }

    /// Registers a platform user, for whom proxy sessions may be created.
    ///
    /// # Errors
    /// [`VaultError::Taken`]; [`VaultError::Invalid`].
    pub async fn add_user(&self, permit: Permit, name: &str) -> Result<(), VaultError> {
        let name = name.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let (name, now) = (checked_name(&name)?, context.micros());
            let id = user::insert(context.connection(), name, now).map_err(taken(Noun::User))?;
            Ok(Done::new(Subject::User(id), ()))
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }

    /// Lists the names of all platform users.
    pub async fn users(&self, permit: Permit) -> Result<Vec<String>, VaultError> {
        self.query(permit, |context| Ok(Done::new(Subject::Collection, user::all(context.connection())?))).await
    }
}
