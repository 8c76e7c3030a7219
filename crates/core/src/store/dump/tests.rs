use serde_json::json;

use super::*;
use crate::store::Database;
use crate::store::tests::{on_each_engine, run_sql};

/// Returns the rows of a table by their columns, through the inserts of a restore and back.
fn copied(database: &mut Database, table: &str, row: &Row) -> Row {
    let described = described();
    let columns = &described[table].columns;
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let kinds: Vec<ColumnType> = columns.iter().map(|column| column.kind).collect();
    database
        .restore::<_, StoreError>(|restore| {
            let start = restore.insert_into(table, &names);
            restore.insert(&start, row, &kinds)?;
            restore.set_last_id(table, 40)
        })
        .unwrap();
    let connection = database.connection();
    let select = select(connection, table, &described[table]);
    let line: Line = on_engine!(connection, c => diesel::sql_query(select).get_result(c)).unwrap();
    parse(&line.line, &described[table]).unwrap()
}

#[test]
fn a_row_comes_back_on_each_engine_with_every_kind_of_value() {
    let rows = [
        ("data_key", json!([1_700_000_000_123_456_i64, 7, "values", 12, null, "current", "00ff10"])),
        (
            "device",
            json!([true, "a\"b\\c,é\u{1f511}", i64::MAX, 3, "", "", "x", "h", 9, "", "", "k", "m", "", "", "v"]),
        ),
        ("domain", json!([1, "corp", "corp", null, null])),
    ];
    on_each_engine(|database| {
        database.migrate().unwrap();
        for (table, row) in &rows {
            let mut row: Row = serde_json::from_value(row.clone()).unwrap();
            let described = described();
            // Values by type, whatever the order of the columns is.
            for (value, column) in row.iter_mut().zip(&described[*table].columns) {
                *value = match (column.kind, column.is_nullable) {
                    (_, true) => Value::Null,
                    (ColumnType::Integer, _) => json!(7),
                    (ColumnType::BigInt, _) => json!(i64::MAX),
                    (ColumnType::Text, _) => json!("a\"b\\c,é\u{1f511}\u{1}\n"),
                    (ColumnType::Binary, _) => json!("00ff10"),
                    (ColumnType::Bool, _) => json!(true),
                };
            }
            assert_eq!(copied(database, table, &row), row, "{table}");
        }
    });
}

#[test]
fn ids_go_on_after_the_highest_that_was_given() {
    on_each_engine(|database| {
        database.migrate().unwrap();
        let row: Row = serde_json::from_value(json!([7, "corp", "corp", null, null])).unwrap();
        copied(database, "domain", &row);
        let insert = "INSERT INTO domain (name, name_key) VALUES ('b', 'b')";
        run_sql(database.connection(), insert);
        let newest = number(database.connection(), "SELECT CAST(MAX(id) AS BIGINT) AS number FROM domain").unwrap();
        assert_eq!(newest, 41);
    });
}

#[test]
fn a_restore_that_fails_leaves_the_database_as_it_was() {
    on_each_engine(|database| {
        database.migrate().unwrap();
        let failed = database.restore::<(), StoreError>(|restore| {
            restore.connection().command("INSERT INTO domain (name, name_key) VALUES ('b', 'b')")?;
            Err(StoreError::NotFound)
        });
        assert_eq!(failed, Err(StoreError::NotFound));
        assert_eq!(number(database.connection(), "SELECT COUNT(*) AS number FROM domain").unwrap(), 0);
        assert!(number(database.connection(), "SELECT COUNT(*) AS number FROM provider_type").unwrap() > 0);
        assert!(database.is_empty().unwrap());
    });
}
