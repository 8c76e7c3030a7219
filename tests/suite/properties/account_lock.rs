//! The locks of updates on PostgreSQL, where writers run concurrently.

use chaveiro::store::{AnyConnection, Database, DatabaseLocation};
use diesel::connection::SimpleConnection;
use futures_util::future::join;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, TestApp, TestClient, until_waited_for};

/// An account on the device `a`, and a connection that blocks its updates.
struct Blocked {
    app: TestApp,
    client: TestClient,
    account: Value,
    holder: Database,
}

impl Blocked {
    /// Returns `None` on SQLite, where one transaction writes at a time.
    async fn start() -> Option<Self> {
        let app = TestApp::start().await;
        if !app.database.is_postgresql_or_skip() {
            return None;
        }
        let client = app.client().await;
        client.create_device("a", "10.0.0.1").await;
        // Locks of names are those of a whole database, which tests share.
        let (username, identifier) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
        let account = json!({
            "hostname": "a", "ip": "10.0.0.1", "username": username, "identifier": identifier, "content": "first"
        });
        client.save_credential(&account).await;
        let location = DatabaseLocation::parse(&app.database.url).unwrap();
        let holder = Database::connect(&location, false).unwrap().unwrap();
        Some(Self { app, client, account, holder })
    }

    fn hold(&mut self, sql: &str) {
        self.holder
            .connection()
            .batch_execute(&format!("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; {sql}"))
            .unwrap();
    }

    /// Saves a changed account while something is held, which is released once the save waits for it.
    async fn save_waiting(&mut self, changed: &Value) -> Answer {
        let released = async |connection: &mut AnyConnection| {
            until_waited_for(connection).await;
            connection.batch_execute("COMMIT").unwrap();
        };
        let save = self.client.post_again("/iso/pam/credential", changed);
        let (answer, ()) = join(save, released(self.holder.connection())).await;
        answer
    }
}

#[actix_web::test]
async fn a_save_waits_for_the_locks_of_the_names_that_it_assigns_and_of_no_other() {
    let Some(mut blocked) = Blocked::start().await else { return };
    let [username, identifier] =
        ["username", "identifier"].map(|name| blocked.account[name].as_str().unwrap().to_string());
    let device = blocked.app.database.numbers("SELECT id FROM device")[0];
    let names = [format!("username/{device}/{username}"), format!("identifier/{identifier}")];
    for name in &names {
        blocked
            .hold(&format!("SELECT pg_advisory_xact_lock(hashtextextended('{name}', 'credential'::regclass::bigint))"));
        let mut update = blocked.account.clone();
        update["content"] = json!(name);
        for without_identifier in [false, true] {
            if without_identifier {
                update.as_object_mut().unwrap().remove("identifier");
            }
            blocked.client.save_credential(&update).await;
        }
        assert_eq!(blocked.client.password(&identifier).await, *name);
        let mut renamed = update;
        if name.starts_with("username") {
            renamed["identifier"] = json!(Uuid::new_v4().to_string());
        } else {
            renamed["username"] = json!(Uuid::new_v4().to_string());
            renamed["identifier"] = json!(identifier);
        }
        blocked.save_waiting(&renamed).await.expect(201);
        blocked.client.save_credential(&blocked.account).await;
    }
}

#[actix_web::test]
async fn an_update_that_waits_for_its_account_sees_what_it_may_after_that() {
    let Some(mut blocked) = Blocked::start().await else { return };
    let mut update = blocked.account.clone();
    update["content"] = json!("second");
    blocked.hold("SELECT FROM credential FOR UPDATE; DELETE FROM authorization_link");
    let answer = blocked.save_waiting(&update).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(blocked.app.database.numbers("SELECT version FROM secret WHERE kind = 'credential.password'"), [1]);
}
