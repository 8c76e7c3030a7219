//! Everything that lies where a vault lives, to compare and to search.

use std::collections::BTreeMap;

use super::TestDatabase;

/// Each place with its bytes: the files of the data directory, on PostgreSQL also each table with its rows as text,
/// in which bytes are hexadecimal. Not to be used while a vault in this process has the SQLite file open: closing
/// another descriptor of it drops the locks that SQLite holds.
pub(crate) fn contents(database: &TestDatabase) -> BTreeMap<String, Vec<u8>> {
    if database.dir.path().join("vault.sqlite").exists() {
        // A process that ended may have left its last pages in the log beside the file. Whoever closes last, as we do
        // here, brings them home.
        database.numbers("SELECT COUNT(*) FROM sqlite_master");
    }
    let files = std::fs::read_dir(database.dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut found: BTreeMap<String, Vec<u8>> = files
        .filter(|path| path.is_file())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    if database.is_postgresql() {
        for table in tables(database) {
            let rows = database.texts(&format!("SELECT t::text FROM \"{table}\" t ORDER BY 1"));
            found.insert(format!("table {table}"), rows.join("\n").into_bytes());
        }
    }
    found
}

fn tables(database: &TestDatabase) -> Vec<String> {
    database.texts("SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1")
}
