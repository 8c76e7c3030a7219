//! Writing the rows of a vault into an empty database.

use diesel::connection::SimpleConnection;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use diesel::{PgConnection, QueryResult, RunQueryDsl};
use serde_json::Value;

use super::{Line, has_generated_id, number};
use crate::store::catalogue::{self, ColumnType, Tables};
use crate::store::connection::{LockWait, found_by_text, on_engine};
use crate::store::{AnyConnection, Database, StoreError};

/// A value to insert.
enum Bound {
    Integer(Option<i32>),
    BigInt(Option<i64>),
    Text(Option<String>),
    Binary(Option<Vec<u8>>),
    Bool(Option<bool>),
}

impl Bound {
    /// Converts a value for a column, or `None` for one of another type.
    fn new(value: &Value, kind: ColumnType) -> Option<Self> {
        let is_null = value.is_null();
        let present = |found: bool| found || is_null;
        match kind {
            ColumnType::Integer => {
                let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
                present(number.is_some()).then_some(Self::Integer(number))
            }
            ColumnType::BigInt => present(value.as_i64().is_some()).then(|| Self::BigInt(value.as_i64())),
            ColumnType::Bool => present(value.as_bool().is_some()).then(|| Self::Bool(value.as_bool())),
            ColumnType::Text => present(value.is_string()).then(|| Self::Text(value.as_str().map(String::from))),
            ColumnType::Binary => {
                let bytes = value.as_str().and_then(|text| hex::decode(text).ok());
                present(bytes.is_some()).then_some(Self::Binary(bytes))
            }
        }
    }
}

/// Whether a value fits a column.
pub fn fits(value: &Value, column: &catalogue::Column) -> bool {
    (column.is_nullable || !value.is_null()) && Bound::new(value, column.kind).is_some()
}

/// An `INSERT` of one row. It is prepared once for each table.
struct Insert<'a> {
    start: &'a str,
    values: Vec<Bound>,
}

impl<DB> QueryFragment<DB> for Insert<'_>
where
    DB: diesel::backend::Backend,
    Option<i32>: ToSql<Nullable<Integer>, DB>,
    Option<i64>: ToSql<Nullable<BigInt>, DB>,
    Option<String>: ToSql<Nullable<Text>, DB>,
    Option<Vec<u8>>: ToSql<Nullable<Binary>, DB>,
    Option<bool>: ToSql<Nullable<Bool>, DB>,
    DB: diesel::sql_types::HasSqlType<Bool>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.start);
        for (index, value) in self.values.iter().enumerate() {
            out.push_sql(if index == 0 { "" } else { ", " });
            match value {
                Bound::Integer(value) => out.push_bind_param::<Nullable<Integer>, _>(value)?,
                Bound::BigInt(value) => out.push_bind_param::<Nullable<BigInt>, _>(value)?,
                Bound::Text(value) => out.push_bind_param::<Nullable<Text>, _>(value)?,
                Bound::Binary(value) => out.push_bind_param::<Nullable<Binary>, _>(value)?,
                Bound::Bool(value) => out.push_bind_param::<Nullable<Bool>, _>(value)?,
            }
        }
        out.push_sql(")");
        Ok(())
    }
}

found_by_text!(Insert);

/// Fills an empty database in one transaction.
pub struct Restore<'a> {
    connection: &'a mut AnyConnection,
    tables: Tables,
}

impl Database {
    /// Whether a vault could be written here: there is none yet, and no row of one.
    pub fn is_empty(&mut self) -> Result<bool, StoreError> {
        let connection = self.connection();
        let found = catalogue::found(connection)?;
        for table in ["vault_meta", "secret", "audit_record", "authorization"] {
            if found.contains_key(table)
                && number(connection, &format!("SELECT COUNT(*) AS number FROM \"{table}\""))? > 0
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Copies a SQLite database to a new file. Writers go on meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Location`] on PostgreSQL.
    pub fn copy_to(&mut self, path: &std::path::Path) -> Result<(), StoreError> {
        match self.connection() {
            AnyConnection::Sqlite(c) => {
                let path = path.to_str().ok_or_else(|| StoreError::Location("the path is not UTF-8".into()))?;
                diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(path).execute(c)?;
                Ok(())
            }
            AnyConnection::Postgresql(_) => Err(StoreError::Location(
                "a copy of a PostgreSQL database cannot be made here; restore a backup with this version into an empty \
                 database or directory instead: chaveiro backup restore"
                    .into(),
            )),
        }
    }

    /// Runs `work`, which writes the rows of a vault, in one transaction: the vault is there with all of its rows, or not at all.
    /// The tables must exist.
    ///
    /// # Errors
    /// Those of `work`; [`StoreError::Unanswered`] when it is unknown whether the transaction was committed.
    pub fn restore<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Restore<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let connection = self.connection();
        connection.begin(LockWait::Patient)?;
        let restored = Restore::begin(connection).map_err(E::from).and_then(|mut restore| {
            let value = work(&mut restore)?;
            restore.end()?;
            Ok(value)
        });
        let committed = restored.and_then(|value| match connection.command("COMMIT") {
            Ok(()) => Ok(value),
            // The connection is lost, and the answer with it.
            Err(StoreError::Unavailable(_) | StoreError::Connection(_)) => Err(StoreError::Unanswered.into()),
            Err(error) => Err(error.into()),
        });
        if committed.is_err() {
            // The first error counts.
            let _ = connection.command("ROLLBACK");
        }
        committed
    }
}

/// Requires that the database still holds no vault. Another restore, or a first start, waits until this transaction ends.
fn require_no_vault(connection: &mut AnyConnection) -> Result<(), StoreError> {
    if let AnyConnection::Postgresql(c) = connection {
        c.batch_execute("LOCK TABLE vault_meta IN EXCLUSIVE MODE")?;
    }
    if number(connection, "SELECT COUNT(*) AS number FROM vault_meta")? > 0 {
        return Err(StoreError::Location(
            "there is a vault in the database, and a restore needs an empty place".into(),
        ));
    }
    Ok(())
}

impl<'a> Restore<'a> {
    fn begin(connection: &'a mut AnyConnection) -> Result<Self, StoreError> {
        connection.lift_timeouts()?;
        require_no_vault(connection)?;
        // A schema may hold tables of others, which are left alone.
        let ours = catalogue::described();
        let mut tables = catalogue::found(connection)?;
        tables.retain(|name, _| ours.contains_key(name));
        match connection {
            AnyConnection::Sqlite(_) => connection.command("PRAGMA defer_foreign_keys = ON")?,
            AnyConnection::Postgresql(c) => set_deferrable(c, &tables, true)?,
        }
        // Migrations have inserted some rows; those of the backup take their place.
        for table in tables.keys() {
            connection.command(&format!("DELETE FROM \"{table}\""))?;
        }
        Ok(Self { connection, tables })
    }

    /// The tables of the database.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The connection, within the transaction.
    pub fn connection(&mut self) -> &mut AnyConnection {
        self.connection
    }

    /// Prepares the inserts into a table.
    pub fn insert_into(&self, name: &str, columns: &[String]) -> String {
        let columns: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
        format!("INSERT INTO \"{name}\" ({}) VALUES (", columns.join(", "))
    }

    /// Inserts a row by the text of [`Restore::insert_into`].
    pub fn insert(&mut self, start: &str, row: &[Value], kinds: &[ColumnType]) -> Result<(), StoreError> {
        let values = row.iter().zip(kinds).map(|(value, kind)| Bound::new(value, *kind));
        let values = values.collect::<Option<_>>().ok_or(StoreError::Query("a value has an unexpected form"))?;
        let insert = Insert { start, values };
        on_engine!(self.connection, c => insert.execute(c))?;
        Ok(())
    }

    /// Sets the highest id that a table has given. A row with a higher one, of a migration, counts too.
    pub fn set_last_id(&mut self, name: &str, last: i64) -> Result<(), StoreError> {
        let Some(table) = self.tables.get(name).filter(|table| has_generated_id(table)) else { return Ok(()) };
        debug_assert!(!table.columns.is_empty());
        match self.connection {
            AnyConnection::Sqlite(_) => self.connection.command(&format!(
                "INSERT INTO sqlite_sequence (name, seq) SELECT '{name}', 0
                     WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = '{name}');
                 UPDATE sqlite_sequence SET seq = MAX(seq, {last}) WHERE name = '{name}'"
            )),
            AnyConnection::Postgresql(_) => self.connection.command(&format!(
                "SELECT setval(pg_get_serial_sequence('\"{name}\"', 'id'), last, TRUE)
                 FROM (SELECT GREATEST({last}, MAX(id)) AS last FROM \"{name}\") ids
                 WHERE last > 0 AND pg_get_serial_sequence('\"{name}\"', 'id') IS NOT NULL"
            )),
        }
    }

    fn end(self) -> Result<(), StoreError> {
        match self.connection {
            // The commit checks the foreign keys.
            AnyConnection::Sqlite(_) => Ok(()),
            AnyConnection::Postgresql(c) => set_deferrable(c, &self.tables, false),
        }
    }
}

/// Lets the foreign keys be checked at the end of the transaction, since a credential may come before its parent, or at each
/// statement again.
fn set_deferrable(connection: &mut PgConnection, tables: &Tables, is_deferrable: bool) -> Result<(), StoreError> {
    use diesel::connection::SimpleConnection;
    if !is_deferrable {
        connection.batch_execute("SET CONSTRAINTS ALL IMMEDIATE")?;
    }
    let form = if is_deferrable { "DEFERRABLE INITIALLY DEFERRED" } else { "NOT DEFERRABLE" };
    let names: Vec<String> = tables.keys().map(|name| format!("'{name}'")).collect();
    let names = names.join(", ");
    let query = format!(
        "SELECT format('ALTER TABLE %s ALTER CONSTRAINT %I {form}', conrelid::regclass, conname) AS line
         FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
         WHERE contype = 'f' AND connamespace = current_schema()::regnamespace AND relname IN ({names})"
    );
    let statements: Vec<Line> = diesel::sql_query(query).load(connection)?;
    statements.iter().try_for_each(|statement| Ok(connection.batch_execute(&statement.line)?))
}
