//! Databases of other versions: newer ones are refused by name, and a vault of each release opens.

use crate::support::Program;

#[test]
fn a_database_of_a_newer_version_is_refused_by_name_and_left_alone() {
    let program = Program::initialised();
    let insert = "INSERT INTO __diesel_schema_migrations (version, run_on) VALUES ('9999', CURRENT_TIMESTAMP)";
    program.database.run(insert);
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["database", "migrate"], &["database", "check"]] {
        let finished = program.run(command);
        assert!(finished.code == 4 && finished.stderr.contains("newer version"), "{command:?}: {finished:?}");
        assert!(finished.stderr.contains("9999"), "{finished:?}");
    }
}

#[test]
fn a_missing_or_renamed_table_or_column_is_named_at_the_start_and_by_a_check() {
    for (sql, part) in [
        ("ALTER TABLE custody RENAME TO keeping", "table custody"),
        ("ALTER TABLE device RENAME COLUMN vendor TO maker", "device.vendor"),
        ("ALTER TABLE identity DROP COLUMN password", "identity.password"),
    ] {
        let program = Program::initialised();
        program.database.run(sql);
        for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["database", "check"], &["audit", "verify"]] {
            let finished = program.run(command);
            assert!(finished.code == 4 && finished.stderr.contains(part), "{command:?}: {finished:?}");
        }
    }
}
