//! How the bundled SQLite is built (`.cargo/config.toml`).

use chaveiro::store::{Database, DatabaseLocation};
use diesel::RunQueryDsl;
use diesel::dsl::sql;
use diesel::sql_types::Text;

#[test]
fn it_has_no_mutexes_no_shared_page_cache_and_no_loadable_extensions() {
    let dir = tempfile::tempdir().unwrap();
    let location = DatabaseLocation::Sqlite(dir.path().join("vault.sqlite"));
    let mut database = Database::connect(&location, true).unwrap().unwrap();
    let options = sql::<Text>("SELECT compile_options FROM pragma_compile_options");
    let options: Vec<String> = options.load(database.connection()).unwrap();
    for wanted in ["THREADSAFE=2", "OMIT_LOAD_EXTENSION", "OMIT_SHARED_CACHE", "DEFAULT_MEMSTATUS=0", "ENABLE_QPSG"] {
        assert!(options.iter().any(|option| option == wanted), "{wanted}: {options:?}");
    }
    for unwanted in ["ENABLE_MEMORY_MANAGEMENT", "ENABLE_API_ARMOR", "ENABLE_STAT4", "ENABLE_FTS5"] {
        assert!(!options.iter().any(|option| option.starts_with(unwanted)), "{unwanted}: {options:?}");
    }
}
