//! Migrations of both engines.

use diesel::backend::Backend;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{AnyConnection, TIMEOUTS};
use crate::store::StoreError;

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRESQL_MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgresql");

/// The key of the advisory lock of migrations: each schema holds one vault.
const MIGRATION_LOCK: &str = "hashtextextended('chaveiro/migrations/' || current_schema(), 0)";

/// Returns the version of the newest migration of this program.
pub(in crate::store) fn newest_version() -> String {
    let names = |source: EmbeddedMigrations| MigrationSource::<diesel::sqlite::Sqlite>::migrations(&source);
    let versions = names(SQLITE_MIGRATIONS).unwrap_or_default();
    versions.iter().map(|migration| migration.name().version().to_string()).max().unwrap_or_default()
}

impl AnyConnection {
    /// Applies the pending migrations and returns their number. When several nodes start at once, one applies them
    /// and the others wait.
    ///
    /// # Errors
    /// [`StoreError::Newer`] for a database of a newer version, before anything is written.
    pub(in crate::store) fn migrate(&mut self) -> Result<usize, StoreError> {
        self.migrate_up_to(None)
    }

    /// As [`AnyConnection::migrate`], up to a version, for the backup of an older one.
    pub(in crate::store) fn migrate_up_to(&mut self, last: Option<&str>) -> Result<usize, StoreError> {
        match self {
            AnyConnection::Sqlite(c) => {
                AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")?;
                let applied = run(c, &SQLITE_MIGRATIONS, last);
                match applied {
                    Ok(_) => AnsiTransactionManager::commit_transaction(c)?,
                    Err(_) => AnsiTransactionManager::rollback_transaction(c)?,
                }
                applied
            }
            AnyConnection::Postgresql(c) => {
                // Neither the wait for another node nor the migration of a large table has to fit into the time of a
                // request.
                c.batch_execute("SET statement_timeout = 0; SET lock_timeout = '5min'")?;
                c.batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"))?;
                let applied = run(c, &POSTGRESQL_MIGRATIONS, last);
                c.batch_execute(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK}); {TIMEOUTS}"))?;
                applied
            }
        }
    }

    /// Returns the number of pending migrations.
    pub(in crate::store) fn pending_migrations(&mut self) -> Result<usize, StoreError> {
        match self {
            AnyConnection::Sqlite(c) => Ok(pending(c, &migrations(&SQLITE_MIGRATIONS)?)?.len()),
            AnyConnection::Postgresql(c) => Ok(pending(c, &migrations(&POSTGRESQL_MIGRATIONS)?)?.len()),
        }
    }

    /// Reverts all migrations, newest first. For tests of the `down.sql` files.
    #[cfg(test)]
    pub(in crate::store) fn revert(&mut self) -> Result<(), StoreError> {
        let reverted = match self {
            AnyConnection::Sqlite(c) => c.revert_all_migrations(SQLITE_MIGRATIONS).map(drop),
            AnyConnection::Postgresql(c) => c.revert_all_migrations(POSTGRESQL_MIGRATIONS).map(drop),
        };
        reverted.map_err(|_| StoreError::Migration)
    }
}

/// The migrations of an engine.
type Migrations<DB> = Vec<Box<dyn Migration<DB>>>;

fn migrations<DB: Backend>(source: &impl MigrationSource<DB>) -> Result<Migrations<DB>, StoreError> {
    let mut known = source.migrations().map_err(|_| StoreError::Migration)?;
    known.sort_by(|a, b| a.name().version().cmp(&b.name().version()));
    Ok(known)
}

/// Runs the pending migrations, up to a version.
fn run<DB: Backend>(
    connection: &mut impl MigrationHarness<DB>,
    source: &impl MigrationSource<DB>,
    last: Option<&str>,
) -> Result<usize, StoreError> {
    let known = migrations(source)?;
    let pending = pending(connection, &known)?;
    let is_wanted = |version: String| last.is_none_or(|last| version.as_str() <= last);
    let wanted = pending.iter().take_while(|migration| is_wanted(migration.name().version().to_string()));
    let mut done = 0;
    for migration in wanted {
        connection.run_migration(*migration).map_err(|_| StoreError::Migration)?;
        done += 1;
    }
    Ok(done)
}

/// Returns the pending migrations, oldest first.
fn pending<'a, DB: Backend>(
    connection: &mut impl MigrationHarness<DB>,
    known: &'a Migrations<DB>,
) -> Result<Vec<&'a dyn Migration<DB>>, StoreError> {
    let applied = connection.applied_migrations().map_err(|_| StoreError::Migration)?;
    let is_known = |version: &MigrationVersion<'_>| known.iter().any(|known| known.name().version() == *version);
    if let Some(newer) = applied.iter().filter(|version| !is_known(version)).max() {
        return Err(StoreError::Newer(format!("migration {newer}")));
    }
    let known = known.iter().map(|known| &**known);
    Ok(known.filter(|known| !applied.contains(&known.name().version().as_owned())).collect())
}
