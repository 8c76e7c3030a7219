//! Compares `schema.rs`, which is written by hand, with the catalogues of both engines.

use std::collections::BTreeMap;

use diesel::sql_types::{BigInt, Bool, Text};

use super::*;

/// A column as `name Type`, or `name Nullable<Type>`; a key as `primary key (a, b)`.
type Tables = BTreeMap<String, Vec<String>>;

/// Parses the tables of `schema.rs`: `table! { name (keys) { column -> Type, … } }`.
fn described() -> Tables {
    let source = include_str!("../schema.rs");
    source.split("table! {").skip(1).map(described_table).collect()
}

fn described_table(text: &str) -> (String, Vec<String>) {
    let (name, rest) = text.split_once('(').unwrap();
    let (keys, rest) = rest.split_once(')').unwrap();
    let (_, rest) = rest.split_once('{').unwrap();
    let (columns, _) = rest.split_once('}').unwrap();
    let columns = columns.split(',').map(str::trim).filter(|column| !column.is_empty());
    let mut lines: Vec<String> = columns
        .map(|column| {
            let (name, kind) = column.split_once("->").unwrap();
            format!("{} {}", name.trim(), kind.trim())
        })
        .collect();
    lines.sort();
    let keys: Vec<&str> = keys.split(',').map(str::trim).collect();
    lines.push(format!("primary key ({})", keys.join(", ")));
    (name.trim().into(), lines)
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
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\'";

const POSTGRESQL: &str = "SELECT c.relname::text AS table_name, a.attname::text AS column_name,
           format_type(a.atttypid, a.atttypmod) AS column_type, NOT a.attnotnull AS nullable,
           COALESCE(array_position(i.indkey::int2[], a.attnum) + 1, 0)::bigint AS key
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname NOT LIKE '\\_\\_%'";

/// Returns the tables of the database.
fn catalogue(connection: &mut AnyConnection) -> Tables {
    let query = match connection {
        AnyConnection::Sqlite(_) => SQLITE,
        AnyConnection::Postgresql(_) => POSTGRESQL,
    };
    let found: Vec<CatalogueColumn> = diesel::sql_query(query).load(connection).unwrap();
    let mut keys: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
    let mut tables = Tables::new();
    for column in found {
        let kind = diesel_type(&column.column_type);
        let kind = if column.nullable { format!("Nullable<{kind}>") } else { kind.into() };
        if column.key > 0 {
            keys.entry(column.table_name.clone()).or_default().push((column.key, column.column_name.clone()));
        }
        tables.entry(column.table_name).or_default().push(format!("{} {kind}", column.column_name));
    }
    for (table, lines) in &mut tables {
        lines.sort();
        let mut key = keys.remove(table).unwrap_or_default();
        key.sort();
        let key: Vec<String> = key.into_iter().map(|(_, name)| name).collect();
        lines.push(format!("primary key ({})", key.join(", ")));
    }
    tables
}

fn diesel_type(column_type: &str) -> &'static str {
    match column_type.to_ascii_lowercase().as_str() {
        "integer" => "Integer",
        "bigint" => "BigInt",
        "text" => "Text",
        "blob" | "bytea" => "Binary",
        "boolean" => "Bool",
        other => panic!("no table has a column of the type {other}"),
    }
}

#[test]
fn the_schema_describes_what_the_migrations_make() {
    let described = described();
    assert!(described.len() > 30 && described["secret"].contains(&"sealed Binary".to_string()), "{described:?}");
    on_each_engine(|database| {
        database.migrate().unwrap();
        let found = catalogue(database.connection());
        let names = |tables: &Tables| tables.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&described), names(&found));
        for (name, lines) in &described {
            assert_eq!(lines, &found[name], "table {name}");
        }
    });
}

#[test]
fn both_engines_have_the_same_migrations_each_with_its_way_back() {
    let names = |engine: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .inspect(|entry| assert!(entry.path().join("up.sql").exists() && entry.path().join("down.sql").exists()))
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgresql"));
    for (number, name) in (1..).zip(names("sqlite")) {
        assert!(name.starts_with(&format!("{number:04}_")), "{name} leaves a gap");
    }
}

/// The binary columns that hold no sealed value.
const UNSEALED: [&str; 14] = [
    "audit_chain.last_mac",
    "audit_record.mac",
    "audit_record.previous",
    "client_secret.hash",
    "data_key.wrapped",
    "idempotency.key_mac",
    "idempotency.request_mac",
    "identity.mac",
    "proxy_session.token_hash",
    "secret_head.mac",
    "signing_key.public_key",
    "single_use.digest",
    "static_token.hash",
    "vault_meta.value",
];

#[test]
fn every_column_with_sealed_values_is_re_sealed_and_names_its_data_key() {
    let tables = described();
    let is_sealed = |table: &str, column: &str| reseal::SEALED_COLUMNS.contains(&(table, column));
    for (table, lines) in &tables {
        for column in lines.iter().filter_map(|line| line.split_once(' ')) {
            let name = format!("{table}.{}", column.0);
            let is_binary = column.1.contains("Binary") && !UNSEALED.contains(&name.as_str());
            assert!(!is_binary || is_sealed(table, column.0), "{name}: sealed, or in the list of those that are not?");
        }
        let has_key = lines.iter().any(|line| line.starts_with("data_key_id "));
        let holds_values = reseal::SEALED_COLUMNS.iter().any(|(sealed, _)| sealed == table);
        assert_eq!(has_key, holds_values, "table {table}");
    }
}
