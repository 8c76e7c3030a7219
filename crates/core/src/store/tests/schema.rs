//! Compares the migrations of both engines, and finds columns with sealed values.

use crate::store::catalogue::{ColumnType, described};
use crate::store::reseal;

#[test]
fn both_engines_have_the_same_migrations_each_with_its_way_back() {
    let names = |engine: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(engine);
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
const UNSEALED: [&str; 19] = [
    "audit_chain.last_mac",
    "audit_checkpoint.mac",
    "audit_checkpoint.record_mac",
    "audit_record.mac",
    "audit_record.previous",
    "change_template.mac",
    "client_secret.hash",
    "data_key.wrapped",
    "idempotency.key_mac",
    "idempotency.request_mac",
    "identity.mac",
    "login_attempt.account",
    "login_attempt.digest",
    "proxy_session.token_hash",
    "secret_head.mac",
    "signing_key.public_key",
    "single_use.digest",
    "static_token.hash",
    "vault_meta.value",
];

#[test]
fn every_column_with_sealed_values_is_re_sealed_and_names_its_data_key() {
    for (name, table) in &described() {
        let is_sealed = |column: &str| reseal::SEALED_COLUMNS.contains(&(name.as_str(), column));
        for column in table.columns.iter().filter(|column| column.kind == ColumnType::Binary) {
            let column = &column.name;
            let is_listed = UNSEALED.contains(&format!("{name}.{column}").as_str());
            assert!(is_listed || is_sealed(column), "{name}.{column}: sealed, or in the list of those that are not?");
        }
        let has_key = table.columns.iter().any(|column| column.name == "data_key_id");
        let holds_values = reseal::SEALED_COLUMNS.iter().any(|(sealed, _)| sealed == name);
        assert_eq!(has_key, holds_values, "table {name}");
    }
}
