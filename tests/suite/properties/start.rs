//! Starting: the root key is asked for before anything is written, and what is there is kept.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};

use chaveiro::clock::Clock;
use chaveiro::config::Settings;
use chaveiro::crypto::RootKeyError;
use chaveiro::http::Metrics;
use chaveiro::store::CommitObserver;
use chaveiro::vault::operation::Action;
use chaveiro::vault::{StartError, Vault, VaultLocation};
use serde_json::json;

use crate::support::{TestApp, TestDatabase, contents, operator, origin};

fn root_key(dir: &Path) -> PathBuf {
    dir.join("root.key")
}

/// Writes a root key that nobody else may read.
fn write_root_key(dir: &Path, text: &[u8]) {
    fs::write(root_key(dir), text).unwrap();
    fs::set_permissions(root_key(dir), Permissions::from_mode(0o600)).unwrap();
}

fn open_in(dir: &Path, database: &TestDatabase, node: &str) -> Result<Vault, StartError> {
    open_at(VaultLocation::new(dir, Some(&database.url)).unwrap(), node)
}

/// Opens a vault beside a root key that was brought along.
fn open_with_init(database: &TestDatabase, node: &str) -> Result<Vault, StartError> {
    let location = VaultLocation::new(database.dir.path(), Some(&database.url)).unwrap();
    open_at(VaultLocation { init: true, ..location }, node)
}

fn open_at(location: VaultLocation, node: &str) -> Result<Vault, StartError> {
    let mut settings = Settings::defaults().unwrap();
    settings.node.name = node.into();
    settings.store.readers = 1;
    let observer: Arc<dyn CommitObserver> = Arc::new(Metrics::default());
    let clock = Clock::fixed("2026-03-04T05:06:07Z".parse().unwrap());
    Vault::open(&location, &settings, clock, &observer)
}

fn open(database: &TestDatabase) -> Result<Vault, StartError> {
    open_in(database.dir.path(), database, "node-1")
}

/// A database with a vault in it that is closed again.
async fn used() -> TestDatabase {
    let database = TestDatabase::new();
    let vault = open(&database).unwrap();
    vault.create_application(operator(&vault, Action::APPLICATION_CREATE).await, "kept").await.unwrap();
    vault.close();
    database
}

/// Opening is refused for the root key, and nothing that lies there was touched.
#[track_caller]
fn expect_refusal(database: &TestDatabase, named: impl Fn(&RootKeyError) -> bool) {
    let before = contents(database);
    match open(database).map(drop) {
        Err(StartError::RootKey(error)) => {
            assert!(named(&error), "{error:?}");
            assert!(error.to_string().contains("root.key"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert!(contents(database) == before, "something was written");
}

#[actix_web::test]
async fn an_empty_place_gets_a_private_root_key_and_a_vault_that_works() {
    let database = TestDatabase::new();
    let vault = open(&database).unwrap();
    vault.create_application(operator(&vault, Action::APPLICATION_CREATE).await, "first").await.unwrap();
    assert!(vault.is_ready().await);
    let made = root_key(database.dir.path());
    assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o7777, 0o600);
    let text = fs::read_to_string(made).unwrap();
    assert!(text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_ne!(text, "0".repeat(64));
    vault.close();
}

#[actix_web::test]
async fn two_places_have_two_root_keys() {
    let keys = [used().await, used().await].map(|database| fs::read(root_key(database.dir.path())).unwrap());
    assert_ne!(keys[0], keys[1]);
}

#[actix_web::test]
async fn a_second_start_keeps_everything() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    let credential = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": "p" });
    client.save_credential(&credential).await;
    let key = fs::read(root_key(app.database.dir.path())).unwrap();

    let app = app.restart().await;
    assert_eq!(fs::read(root_key(app.database.dir.path())).unwrap(), key);
    let mut again = app.anonymous();
    again.token = client.token;
    assert_eq!(again.password("i").await, "p", "by the token of before");
    (again.client_id, again.client_secret) = (client.client_id, client.client_secret);
    again.token = again.fetch_token().await;
    assert_eq!(again.password("i").await, "p", "by the secret of before");
}

#[actix_web::test]
async fn without_its_root_key_a_used_database_is_left_alone() {
    let database = used().await;
    fs::remove_file(root_key(database.dir.path())).unwrap();
    expect_refusal(&database, |error| matches!(error, RootKeyError::Missing(_)));
}

#[actix_web::test]
async fn under_another_root_key_a_used_database_is_left_alone() {
    let database = used().await;
    write_root_key(database.dir.path(), "ab".repeat(32).as_bytes());
    expect_refusal(&database, |error| matches!(error, RootKeyError::Wrong(_)));
}

#[actix_web::test]
async fn a_root_key_that_others_may_touch_is_refused_though_it_is_the_right_one() {
    let database = used().await;
    for mode in [0o640, 0o604, 0o644, 0o620, 0o602, 0o660, 0o666, 0o610] {
        fs::set_permissions(root_key(database.dir.path()), Permissions::from_mode(mode)).unwrap();
        expect_refusal(&database, |error| matches!(error, RootKeyError::Exposed(_, found) if *found == mode));
    }
    fs::set_permissions(root_key(database.dir.path()), Permissions::from_mode(0o400)).unwrap();
    open(&database).unwrap().close();
}

#[actix_web::test]
async fn what_is_not_64_hexadecimal_digits_is_no_root_key() {
    let database = used().await;
    let good = fs::read_to_string(root_key(database.dir.path())).unwrap();
    let marked = format!("\u{feff}{good}");
    let texts = ["", "not a key", &good[1..], &format!("{good}0"), &"zz".repeat(32), &marked]
        .map(|text| text.as_bytes().to_vec());
    let utf_16 = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for text in texts.into_iter().chain([vec![0xff; 64], utf_16]) {
        write_root_key(database.dir.path(), &text);
        expect_refusal(&database, |error| matches!(error, RootKeyError::Malformed(_)));
    }
    // The end of a line, which an editor leaves, does no harm.
    for ending in ["\n", "\r\n"] {
        write_root_key(database.dir.path(), format!("{good}{ending}").as_bytes());
        open(&database).unwrap().close();
    }
}

#[actix_web::test]
async fn an_empty_place_with_a_bad_root_key_stays_empty() {
    let database = TestDatabase::new();
    write_root_key(database.dir.path(), b"not a key");
    expect_refusal(&database, |error| matches!(error, RootKeyError::Malformed(_)));
    write_root_key(database.dir.path(), "ab".repeat(32).as_bytes());
    fs::set_permissions(root_key(database.dir.path()), Permissions::from_mode(0o644)).unwrap();
    expect_refusal(&database, |error| matches!(error, RootKeyError::Exposed(..)));
}

#[actix_web::test]
async fn a_root_key_that_was_brought_along_is_the_one_that_is_used() {
    let database = TestDatabase::new();
    let brought = "ab".repeat(32);
    write_root_key(database.dir.path(), brought.as_bytes());
    assert!(matches!(open(&database).map(drop), Err(StartError::Leftovers(_))));
    open_with_init(&database, "node-1").unwrap().close();
    assert_eq!(fs::read_to_string(root_key(database.dir.path())).unwrap(), brought);
    write_root_key(database.dir.path(), "cd".repeat(32).as_bytes());
    expect_refusal(&database, |error| matches!(error, RootKeyError::Wrong(_)));
}

#[actix_web::test]
async fn a_second_node_with_the_same_root_key_sees_what_the_first_one_wrote() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let elsewhere = tempfile::tempdir().unwrap();
    write_root_key(elsewhere.path(), &fs::read(root_key(app.database.dir.path())).unwrap());
    let second = open_in(elsewhere.path(), &app.database, "node-2").unwrap();
    assert!(second.authenticate(client.presented(), origin()).is_ok());
    let applications = second.applications(operator(&second, Action::APPLICATION_LIST).await).await.unwrap();
    assert_eq!(applications.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(), ["tests"]);
    second.create_application(operator(&second, Action::APPLICATION_CREATE).await, "from the second").await.unwrap();
    assert_eq!(app.vault.applications(app.operator(Action::APPLICATION_LIST).await).await.unwrap().len(), 2);
    second.close();
}

#[actix_web::test]
async fn nodes_that_start_at_once_on_an_empty_database_share_its_keys() {
    let database = TestDatabase::new();
    write_root_key(database.dir.path(), "ab".repeat(32).as_bytes());
    let line = Barrier::new(4);
    let start = |number: usize| {
        line.wait();
        open_with_init(&database, &format!("node-{number}"))
    };
    let vaults: Vec<Vault> = std::thread::scope(|scope| {
        let nodes: Vec<_> = (0..4).map(|number| scope.spawn(move || start(number))).collect();
        nodes.into_iter().map(|node| node.join().unwrap().unwrap()).collect()
    });
    assert_eq!(database.numbers("SELECT id FROM data_key ORDER BY id"), [1, 2]);
    assert_eq!(database.numbers("SELECT id FROM signing_key"), [1]);
    for vault in vaults {
        assert!(vault.is_ready().await);
        vault.close();
    }
}
