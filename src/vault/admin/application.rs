//! Applications, from the command line.

use super::{AdminError, exists, named};
use crate::store::{AnyConnection, client};
use crate::vault::Vault;

/// An application and how many authorizations it has.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ApplicationSummary {
    pub name: String,
    pub active: bool,
    pub authorizations: usize,
}

impl Vault {
    /// Registers an application.
    pub async fn create_application(&self, name: &str) -> Result<(), AdminError> {
        let name = named(name, "the application")?;
        let change = move |connection: &mut AnyConnection, now: i64| {
            let id = client::insert_application(connection, &name, now).map_err(exists(&name))?;
            Ok(((), format!("application:{id}")))
        };
        self.administer("application.create", change).await
    }

    /// All applications.
    pub async fn applications(&self) -> Result<Vec<ApplicationSummary>, AdminError> {
        let read = |connection: &mut AnyConnection| {
            let authorizations = client::authorizations(connection)?;
            let of = |id: i32| authorizations.iter().filter(|row| row.application_id == id).count();
            let applications = client::applications(connection)?;
            Ok(applications
                .into_iter()
                .map(|row| ApplicationSummary { authorizations: of(row.id), name: row.name, active: row.active })
                .collect())
        };
        Ok(self.0.store.read(read).await?)
    }

    /// Switches an application off, and with it all of its clients.
    pub async fn disable_application(&self, name: &str) -> Result<(), AdminError> {
        let name = name.to_string();
        let change = move |connection: &mut AnyConnection, _: i64| {
            let row = application(connection, &name)?;
            client::set_application_active(connection, row, false)?;
            Ok(((), format!("application:{row}")))
        };
        self.administer("application.disable", change).await
    }
}

/// The number of the application of that name.
pub(super) fn application(connection: &mut AnyConnection, name: &str) -> Result<i32, AdminError> {
    let row = client::application_by_name(connection, name)?;
    row.map(|row| row.id).ok_or_else(|| AdminError::Unknown(format!("application {name}")))
}
