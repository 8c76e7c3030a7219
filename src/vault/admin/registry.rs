//! What has to be registered before it may be named: domains and platform users, from the command line.

use super::{AdminError, exists, named};
use crate::store::{AnyConnection, domain, user};
use crate::vault::Vault;

impl Vault {
    /// Registers a domain.
    pub async fn add_domain(&self, name: &str, short_name: Option<&str>) -> Result<(), AdminError> {
        let name = named(name, "the domain")?;
        let short_name = short_name.map(|short| named(short, "the short name")).transpose()?;
        let change = move |connection: &mut AnyConnection, _: i64| {
            domain::insert(connection, &name, short_name.as_deref()).map_err(exists(&name))?;
            Ok(((), format!("domain:{name}")))
        };
        self.administer("domain.add", change).await
    }

    /// All domains: name and short name.
    pub async fn domains(&self) -> Result<Vec<(String, Option<String>)>, AdminError> {
        Ok(self.0.store.read(domain::all).await?)
    }

    /// Registers a person in whose name proxy sessions may be asked for.
    pub async fn add_user(&self, name: &str) -> Result<(), AdminError> {
        let name = named(name, "the user")?;
        let change = move |connection: &mut AnyConnection, now: i64| {
            let id = user::insert(connection, &name, now).map_err(exists(&name))?;
            Ok(((), format!("user:{id}")))
        };
        self.administer("user.add", change).await
    }

    /// The names of all users.
    pub async fn users(&self) -> Result<Vec<String>, AdminError> {
        Ok(self.0.store.read(user::all).await?)
    }
}
