//! Compares the migrations of both engines.

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
