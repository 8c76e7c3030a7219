use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;

fn in_new_directory() -> (tempfile::TempDir, RootKeyLocation) {
    let dir = tempfile::tempdir().unwrap();
    let location = RootKeyLocation::File(dir.path().join(FILE_NAME));
    (dir, location)
}

#[test]
fn a_created_key_is_private_and_loads_again() {
    let (dir, location) = in_new_directory();
    assert!(location.load().unwrap().is_none());
    let key = location.create().unwrap();
    let check = key.check_value().unwrap();
    assert!(location.load().unwrap().unwrap().matches(&check));
    let mode = fs::metadata(dir.path().join(FILE_NAME)).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn an_existing_key_is_never_replaced() {
    let (_dir, location) = in_new_directory();
    location.create().unwrap();
    assert!(matches!(location.create(), Err(RootKeyError::Io(_, io::ErrorKind::AlreadyExists))));
}

#[test]
fn a_key_file_that_others_may_read_is_refused() {
    let (dir, location) = in_new_directory();
    location.create().unwrap();
    for mode in [0o644, 0o640, 0o602, 0o604] {
        fs::set_permissions(dir.path().join(FILE_NAME), fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(location.load(), Err(RootKeyError::Exposed(_, found)) if found == mode));
    }
}

#[test]
fn a_key_file_that_is_a_link_is_refused() {
    let (dir, location) = in_new_directory();
    let elsewhere = tempfile::tempdir().unwrap();
    RootKeyLocation::File(elsewhere.path().join(FILE_NAME)).create().unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join(FILE_NAME), dir.path().join(FILE_NAME)).unwrap();
    let error = location.load().unwrap_err();
    assert!(matches!(error, RootKeyError::NotPrivate(_, NotPrivate::Link)), "{error}");
    assert!(error.to_string().contains("root.key is a symbolic link; put"), "{error}");
}

#[test]
fn a_key_that_is_not_hexadecimal_is_refused_without_being_shown() {
    let (dir, location) = in_new_directory();
    for text in ["", "abc", "zz", &"0".repeat(63), &"0".repeat(66)] {
        let path = dir.path().join(FILE_NAME);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(location.load(), Err(RootKeyError::Malformed(_))), "{text}");
    }
}

#[test]
fn the_environment_wins_over_systemd_and_systemd_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(SYSTEMD_CREDENTIAL), "00").unwrap();
    let systemd = |name: &str| (name == "CREDENTIALS_DIRECTORY").then(|| dir.path().as_os_str().to_owned());
    let nothing = |_: &str| None;
    let data = Path::new("/data");
    for key in ["x", "", " "] {
        let found = RootKeyLocation::find_in(data, |name| (name == VARIABLE).then(|| key.into()));
        assert_eq!(found, RootKeyLocation::Environment(VARIABLE), "{key:?}");
    }
    let credential = RootKeyLocation::SystemdCredential(dir.path().join(SYSTEMD_CREDENTIAL));
    assert_eq!(RootKeyLocation::find_in(data, systemd), credential);
    assert_eq!(RootKeyLocation::find_in(data, nothing), RootKeyLocation::File(data.join(FILE_NAME)));
}

#[test]
fn a_file_that_is_named_wins_and_a_program_is_asked_where_no_key_lies() {
    let dir = tempfile::tempdir().unwrap();
    let (named, command) = (dir.path().join("named"), ["kms".to_string()]);
    let file = RootKeyLocation::File(dir.path().join(FILE_NAME));
    let find = |file: Option<&Path>, command: &[String]| RootKeyLocation::find_with(dir.path(), file, command);
    assert_eq!(find(Some(&named), &command), RootKeyLocation::File(named.clone()));
    assert_eq!(find(None, &[]), file);
    assert_eq!(find(None, &command), RootKeyLocation::Command(RootKeyCommand::new(&command)));
    file.create().unwrap();
    assert_eq!(find(None, &command), file);
    file.remove().unwrap();
    assert!(file.load().unwrap().is_none());
    assert!(matches!(find(None, &command).remove(), Err(RootKeyError::NotAFile(_))));
}

#[test]
fn a_data_key_unwraps_only_under_its_root_key_and_for_its_purpose_and_id() {
    let (root, other) = (RootKey([1; 32]), RootKey([2; 32]));
    let key = DataKey::generate();
    let wrapped = root.wrap(("values", 2), &key).unwrap();
    assert_eq!(root.unwrap_key(("values", 2), &wrapped).unwrap().expose(), key.expose());
    for (root, purpose, id) in [(&root, "audit", 2), (&root, "values", 1), (&root, "values", 3), (&other, "values", 2)]
    {
        assert!(root.unwrap_key((purpose, id), &wrapped).is_err(), "{purpose} {id}");
    }
    assert!(!other.matches(&root.check_value().unwrap()));
}
