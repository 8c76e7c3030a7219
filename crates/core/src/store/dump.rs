//! All rows of the vault, read on one snapshot, and written into an empty database of either engine.
//!
//! A row is a JSON array of the columns by name: numbers, texts, booleans, and bytes in hexadecimal. The engine builds it, so that
//! no table needs code of its own here.

mod restore;

use diesel::sql_types::{BigInt, Text};
use diesel::{QueryResult, QueryableByName, RunQueryDsl};
use serde_json::Value;

pub use restore::{Restore, fits};

use super::catalogue::{ColumnType, Table, Tables, described};
use super::connection::on_engine;
use super::{AnyConnection, DatabaseLocation, StoreError, catalogue};

/// A row: the values of the columns, in the order of [`Table::columns`].
pub type Row = Vec<Value>;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// A snapshot of the whole database, on a connection of its own. Writers go on meanwhile.
pub struct DatabaseSnapshot {
    connection: AnyConnection,
    tables: Tables,
}

impl DatabaseSnapshot {
    /// Takes a snapshot.
    ///
    /// # Errors
    /// [`StoreError::Schema`] for a database that is not one of this version.
    pub fn begin(location: &DatabaseLocation) -> Result<Self, StoreError> {
        let mut connection = location.connect()?;
        connection.begin_snapshot()?;
        connection.lift_timeouts()?;
        // The first query takes the snapshot.
        catalogue::require_described(&mut connection)?;
        Ok(Self { connection, tables: described() })
    }

    /// The connection, within the transaction of the snapshot.
    pub fn connection(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }

    /// The tables.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Returns the number of rows of a table.
    pub fn count(&mut self, table: &str) -> Result<i64, StoreError> {
        number(&mut self.connection, &format!("SELECT COUNT(*) AS number FROM \"{table}\"{}", filter(table)))
    }

    /// Returns the highest id that a table ever gave, 0 for a table without such ids. No id is used again, because sealed values
    /// are bound to them.
    pub fn last_id(&mut self, name: &str) -> Result<i64, StoreError> {
        let Some(table) = self.tables.get(name) else { return Ok(0) };
        if !has_generated_id(table) {
            return Ok(0);
        }
        let query = match self.connection {
            AnyConnection::Sqlite(_) => {
                format!("SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = '{name}'), 0) AS number")
            }
            AnyConnection::Postgresql(_) => format!(
                "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence('\"{name}\"', 'id')::regclass), 0) AS number"
            ),
        };
        number(&mut self.connection, &query)
    }

    /// Calls `each` for every row of a table, by primary key. One row is in memory at a time.
    pub fn rows<E: From<StoreError>>(
        &mut self,
        name: &str,
        mut each: impl FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let table = self.tables.get(name).ok_or(StoreError::NotFound)?;
        let query = diesel::sql_query(select(&self.connection, name, table));
        let mut take = |line: QueryResult<Line>| each(parse(&line.map_err(StoreError::from)?.line, table)?);
        match &mut self.connection {
            AnyConnection::Sqlite(c) => {
                query.load_iter::<Line, _>(c).map_err(StoreError::from)?.try_for_each(&mut take)
            }
            AnyConnection::Postgresql(c) => {
                let lines = query.load_iter::<Line, diesel::pg::PgRowByRowLoadingMode>(c);
                lines.map_err(StoreError::from)?.try_for_each(&mut take)
            }
        }
    }
}

/// Leaves out the check value and the shares of the root key, which belong to this place and not to the vault.
fn filter(table: &str) -> &'static str {
    if table == "vault_meta" { " WHERE name NOT IN ('root_key_check', 'root_key_split')" } else { "" }
}

fn has_generated_id(table: &Table) -> bool {
    let is_id = |name: &str, kind| name == "id" && kind == ColumnType::Integer;
    table.key == ["id"] && table.columns.iter().any(|column| is_id(&column.name, column.kind))
}

fn number(connection: &mut AnyConnection, query: &str) -> Result<i64, StoreError> {
    let found: Number = on_engine!(connection, c => diesel::sql_query(query).get_result(c))?;
    Ok(found.number)
}

fn select(connection: &AnyConnection, name: &str, table: &Table) -> String {
    let (array, bytes) = match connection {
        AnyConnection::Sqlite(_) => ("json_array", ("CASE WHEN {} IS NULL THEN NULL ELSE lower(hex({})) END")),
        AnyConnection::Postgresql(_) => ("json_build_array", ("encode({}, 'hex')")),
    };
    let value = |name: &str, kind| {
        let column = format!("\"{name}\"");
        if kind == ColumnType::Binary { bytes.replace("{}", &column) } else { column }
    };
    let values: Vec<String> = table.columns.iter().map(|column| value(&column.name, column.kind)).collect();
    let key: Vec<String> = table.key.iter().map(|column| format!("\"{column}\"")).collect();
    let text = if matches!(connection, AnyConnection::Postgresql(_)) { "::text" } else { "" };
    format!(
        "SELECT {array}({}){text} AS line FROM \"{name}\"{} ORDER BY {}",
        values.join(", "),
        filter(name),
        key.join(", ")
    )
}

/// Parses a row. SQLite has 0 and 1 for booleans.
fn parse(line: &str, table: &Table) -> Result<Row, StoreError> {
    let mut row: Row = serde_json::from_str(line).map_err(|_| StoreError::Query("a row has an unexpected form"))?;
    for (value, column) in row.iter_mut().zip(&table.columns) {
        if column.kind == ColumnType::Bool
            && let Some(number) = value.as_i64()
        {
            *value = Value::Bool(number != 0);
        }
    }
    Ok(row)
}

#[cfg(test)]
mod tests;
