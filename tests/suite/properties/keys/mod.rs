//! Keys are rotated while the vault serves, and a crash at any step leaves a vault that goes on.

mod copied;
mod crash;
mod data_key;
mod load;
mod root_key;
mod signing_key;

use std::time::Duration;

use chaveiro::crypto::{DataKey, RootKeyLocation};
use chaveiro::vault::operation::Action;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient, TestDatabase};

/// Longer than the vault waits for other nodes before it deletes a former key.
const WAIT: Duration = Duration::from_secs(6);

fn credential(identifier: &str, content: &str) -> Value {
    json!({ "hostname": "a", "ip": "10.0.0.1", "username": identifier, "identifier": identifier, "content": content })
}

/// Unwraps a data key that is in the database.
fn unwrap(database: &TestDatabase, id: i32) -> DataKey {
    let wrapped = hexadecimal(database, "wrapped", &format!("data_key WHERE id = {id}")).pop().unwrap();
    let root_key = RootKeyLocation::find(database.dir.path()).load().unwrap().unwrap();
    root_key.unwrap_key(("values", id), &hex::decode(wrapped).unwrap()).unwrap()
}

/// The bytes of a column, in hexadecimal digits.
pub(crate) fn hexadecimal(database: &TestDatabase, column: &str, from: &str) -> Vec<String> {
    let expression =
        if database.is_postgresql() { format!("encode({column}, 'hex')") } else { format!("lower(hex({column}))") };
    database.texts(&format!("SELECT {expression} FROM {from}"))
}

/// The ids of the data keys that seal values, with their states.
fn data_keys(database: &TestDatabase) -> Vec<String> {
    database.texts("SELECT id || ' ' || state FROM data_key WHERE purpose = 'values' ORDER BY id")
}

/// Whether anything in the database begins like a value under a data key: a binary column, or digits in a text.
fn holds_value_under(database: &TestDatabase, id: i32) -> bool {
    let header = format!("01{}", hex::encode(id.to_be_bytes()));
    let of_secrets = hexadecimal(database, "sealed", "secret");
    let of_results = database.texts("SELECT result FROM idempotency");
    let quoted = format!("\"{header}");
    of_secrets.iter().any(|sealed| sealed.starts_with(&header)) || of_results.iter().any(|text| text.contains(&quoted))
}

async fn rotate(app: &TestApp) -> (i32, i32) {
    let rotated = app.vault.rotate_data_key(app.operator(Action::KEY_ROTATE).await).await.unwrap();
    (rotated.former, rotated.current)
}

/// Runs the job that re-seals to its end.
async fn run_jobs(app: &TestApp) {
    app.vault.schedule_jobs().await.unwrap();
    app.vault.run_due_jobs().await.unwrap();
    app.clock.advance(WAIT);
    app.vault.run_due_jobs().await.unwrap();
}

/// A vault with a device and `count` credentials, whose passwords are `secret of ID`.
async fn vault(count: usize) -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    for number in 0..count {
        let identifier = format!("i{number}");
        client.save_credential(&credential(&identifier, &format!("secret of {identifier}"))).await;
    }
    (app, client)
}
