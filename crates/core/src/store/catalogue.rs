//! The tables as this version knows them, and as they are in a database.
//!
//! `schema.rs`, which is written by hand, is the one description: its text is read here, so that there is no second list.

use std::collections::BTreeMap;

use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{QueryableByName, RunQueryDsl};

use super::{AnyConnection, StoreError};

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the types of SQL")]
pub enum ColumnType {
    Integer,
    BigInt,
    Text,
    Binary,
    Bool,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name.
    pub name: String,
    /// The type.
    pub kind: ColumnType,
    /// Whether it can be NULL.
    pub is_nullable: bool,
}

/// A table: its columns by name, and the columns of its primary key in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The columns, by name.
    pub columns: Vec<Column>,
    /// The columns of the primary key.
    pub key: Vec<String>,
}

/// Tables by their names.
pub type Tables = BTreeMap<String, Table>;

impl ColumnType {
    /// Returns the name, as in `schema.rs` and in backups.
    pub fn as_str(self) -> &'static str {
        match self {
            ColumnType::Integer => "Integer",
            ColumnType::BigInt => "BigInt",
            ColumnType::Text => "Text",
            ColumnType::Binary => "Binary",
            ColumnType::Bool => "Bool",
        }
    }

    /// Returns the type of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Integer, Self::BigInt, Self::Text, Self::Binary, Self::Bool];
        all.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The type of a column in the catalogue of an engine.
    fn from_engine(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "integer" => Some(Self::Integer),
            "bigint" => Some(Self::BigInt),
            "text" => Some(Self::Text),
            "blob" | "bytea" => Some(Self::Binary),
            "boolean" => Some(Self::Bool),
            _ => None,
        }
    }
}

/// Returns the tables that this version uses.
pub fn described() -> Tables {
    let source = include_str!("schema.rs");
    source.split("table! {").skip(1).filter_map(described_table).collect()
}

/// Parses a table of `schema.rs`: `name (keys) { column -> Type, … }`.
fn described_table(text: &str) -> Option<(String, Table)> {
    let (name, rest) = text.split_once('(')?;
    let (key, rest) = rest.split_once(')')?;
    let (columns, _) = rest.split_once('{')?.1.split_once('}')?;
    let columns = columns.split(',').map(str::trim).filter(|column| !column.is_empty());
    let mut columns: Vec<Column> = columns.map(described_column).collect::<Option<_>>()?;
    columns.sort_by(|a, b| a.name.cmp(&b.name));
    let key = key.split(',').map(|column| column.trim().into()).collect();
    Some((name.trim().into(), Table { columns, key }))
}

fn described_column(text: &str) -> Option<Column> {
    let (name, kind) = text.split_once("->")?;
    let kind = kind.trim();
    let inner = kind.strip_prefix("Nullable<").and_then(|rest| rest.strip_suffix('>'));
    let kind_of_value = ColumnType::from_name(inner.unwrap_or(kind))?;
    Some(Column { name: name.trim().into(), kind: kind_of_value, is_nullable: inner.is_some() })
}

#[derive(QueryableByName)]
struct CatalogueColumn {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    column_type: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
    /// The position in the primary key, from 1; 0 outside of it.
    #[diesel(sql_type = BigInt)]
    key: i64,
}

const SQLITE: &str = "SELECT m.name AS table_name, c.name AS column_name, c.type AS column_type,
           NOT c.\"notnull\" AS nullable, c.pk AS key
    FROM sqlite_master m, pragma_table_info(m.name) c
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\'
    ORDER BY table_name, column_name";

const POSTGRESQL: &str = "SELECT c.relname::text AS table_name, a.attname::text AS column_name,
           format_type(a.atttypid, a.atttypmod) AS column_type, NOT a.attnotnull AS nullable,
           COALESCE(array_position(i.indkey::int2[], a.attnum) + 1, 0)::bigint AS key
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname NOT LIKE '\\_\\_%'
    ORDER BY c.relname::text COLLATE \"C\", a.attname::text COLLATE \"C\"";

/// Returns the tables of the database, without those of migrations. A column of a type that the vault does not use is left out.
pub fn found(connection: &mut AnyConnection) -> Result<Tables, StoreError> {
    let query = match connection {
        AnyConnection::Sqlite(_) => SQLITE,
        AnyConnection::Postgresql(_) => POSTGRESQL,
    };
    let rows: Vec<CatalogueColumn> = diesel::sql_query(query).load(connection)?;
    let mut tables = Tables::new();
    let mut keys: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
    for row in rows {
        if row.key > 0 {
            keys.entry(row.table_name.clone()).or_default().push((row.key, row.column_name.clone()));
        }
        let table = tables.entry(row.table_name).or_default();
        if let Some(kind) = ColumnType::from_engine(&row.column_type) {
            table.columns.push(Column { name: row.column_name, kind, is_nullable: row.nullable });
        }
    }
    for (name, table) in &mut tables {
        let mut key = keys.remove(name).unwrap_or_default();
        key.sort();
        table.key = key.into_iter().map(|(_, name)| name).collect();
    }
    Ok(tables)
}

/// Requires the tables and columns that this version uses. Further ones, of a migration that only adds, are accepted.
///
/// # Errors
/// [`StoreError::Schema`] with what is missing.
pub fn require_described(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let found = found(connection)?;
    for (name, expected) in described() {
        let Some(table) = found.get(&name) else {
            return Err(StoreError::Schema(format!("the table {name} is missing")));
        };
        for column in expected.columns {
            if !table.columns.contains(&column) {
                let column = column.name;
                return Err(StoreError::Schema(format!("the column {name}.{column} is missing, or of another type")));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{on_each_engine, run_sql};

    #[test]
    fn the_schema_describes_what_the_migrations_make() {
        let described = described();
        assert!(described.len() > 30 && described["secret"].columns.len() == 7, "{described:?}");
        on_each_engine(|database| {
            database.migrate().unwrap();
            let found = found(database.connection()).unwrap();
            assert_eq!(described.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
            for (name, table) in &described {
                assert_eq!(table, &found[name], "table {name}");
            }
        });
    }

    #[test]
    fn what_is_missing_or_renamed_is_named_and_what_is_more_is_accepted() {
        on_each_engine(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            run_sql(connection, "ALTER TABLE device ADD COLUMN later TEXT; CREATE TABLE later (id INTEGER)");
            assert_eq!(require_described(connection), Ok(()));
            run_sql(connection, "ALTER TABLE device RENAME COLUMN vendor TO maker");
            let error = require_described(connection).unwrap_err().to_string();
            assert!(error.contains("device.vendor"), "{error}");
            run_sql(connection, "ALTER TABLE custody RENAME TO keeping");
            let error = require_described(connection).unwrap_err().to_string();
            assert!(error.contains("table custody"), "{error}");
        });
    }
}
