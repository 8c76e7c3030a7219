//! A permit counts at the turn of its job: what was taken from a client while its request waits for the writer is refused.

use std::cell::Cell;
use std::time::{Duration, Instant};

use chaveiro::crypto::SecretText;
use chaveiro::store::{Database, DatabaseLocation};
use chaveiro::vault::Vault;
use chaveiro::vault::access::client_authentication::ClientCredentials;
use chaveiro::vault::audit_log::AuditRecord;
use chaveiro::vault::operation::Action;
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::sql_types::Integer;
use futures_util::future::{join, join3};
use serde_json::json;

use crate::support::{Answer, TestApp, TestClient, device, is_to_be_repeated, operator, origin};

const CANARY: &str = "canary-83ab10";

async fn until(what: &str, condition: impl Fn() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < Duration::from_secs(60), "never: {what}");
        actix_web::rt::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Returns the query of the sessions that wait for what a connection to PostgreSQL holds.
fn blocked_by(holder: &mut Database) -> String {
    let pid: i32 = diesel::select(sql::<Integer>("pg_backend_pid()")).get_result(holder.connection()).unwrap();
    format!("SELECT CAST(COUNT(*) AS INTEGER) FROM pg_stat_activity WHERE {pid} = ANY(pg_blocking_pids(pid))")
}

/// Has a client save a device and read a password while another connection holds the database, and notices a change of
/// the grants before it lets go. Gives both answers; nothing where the machine stood still for longer than a write waits for the
/// chain, so that the requests did not have to wait.
async fn notice_while_waiting(app: &TestApp, client: &TestClient) -> Option<(Answer, Answer)> {
    let location = DatabaseLocation::parse(&app.database.url).unwrap();
    let mut holder = Database::connect(&location, false).unwrap().unwrap();
    let hold = if app.database.is_postgresql() {
        "BEGIN; SELECT FROM audit_chain WHERE name LIKE 'node-1/%' FOR UPDATE"
    } else {
        "BEGIN IMMEDIATE"
    };
    let permits = [app.operator(Action::DOMAIN_ADD).await, app.operator(Action::DOMAIN_ADD).await];
    holder.connection().batch_execute(hold).unwrap();
    let depth = || app.vault.queue_depth();
    // On SQLite the writer is at the first job, and the second one is queued. On PostgreSQL both have run and wait for the chain.
    let blocked = app.database.is_postgresql().then(|| blocked_by(&mut holder));
    let queued = usize::from(blocked.is_none());
    let is_busy = || blocked.as_ref().is_none_or(|select| app.database.numbers(select)[0] > 0) && depth() == queued;
    let has_given_up = Cell::new(false);
    let others = async {
        until("the writer is busy", || is_busy() || has_given_up.get()).await;
        let (save, read) = (device("new", "10.0.0.2"), "/iso/pam/credential/i");
        let released = async {
            until("both requests wait", || depth() == queued + 2 || has_given_up.get()).await;
            app.vault.refresh().await.unwrap();
            holder.connection().batch_execute("COMMIT").unwrap();
        };
        let (saved, read, ()) = join3(client.post("/iso/pam/device", &save), client.get(read), released).await;
        (saved, read)
    };
    let [first, second] = permits;
    let busy = async {
        let both =
            join(app.vault.add_domain(first, "a.example", None), app.vault.add_domain(second, "b.example", None));
        let (first, second) = both.await;
        has_given_up.set(is_to_be_repeated(&first) || is_to_be_repeated(&second));
        (first, second)
    };
    let (busy, answers) = join(busy, others).await;
    if has_given_up.get() {
        return None;
    }
    assert_eq!(busy, (Ok(()), Ok(())));
    Some(answers)
}

/// Runs a test on a vault of its own until its requests have waited.
async fn until_waited(test: impl AsyncFn() -> Option<()>) {
    for _ in 0..5 {
        if test().await.is_some() {
            return;
        }
    }
    panic!("no request has waited for its turn");
}

/// A vault with one writer, a client that holds a credential already, so that reading it takes no custody, and a second
/// node: what is changed there, this one hears of when it looks.
async fn vault() -> (TestApp, TestClient, Vault) {
    let app = TestApp::start_with(|settings| settings.store.writers = 1).await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    let credential =
        json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": CANARY });
    client.save_credential(&credential).await;
    assert_eq!(client.password("i").await, CANARY);
    let second = app.second_node();
    (app, client, second)
}

/// Asserts that there is one device, and a record of each refused request.
async fn assert_recorded(app: &TestApp, client: &TestClient, expected: &[(&str, &str)]) {
    assert_eq!(app.database.texts("SELECT hostname FROM device"), ["a"]);
    let records = app.records().await;
    for (action, outcome) in expected {
        let own = |record: &&AuditRecord| record.actor == client.client_id && record.action == *action;
        let last = records.iter().rfind(own).map(|record| record.outcome.as_str());
        assert_eq!(last, Some(*outcome), "{action}");
    }
    assert!(app.verify_audit().await.broken.is_none());
}

const BOTH_REVOKED: [(&str, &str); 2] = [("credential.read", "revoked"), ("device.save", "revoked")];

fn assert_both_refused((saved, read): &(Answer, Answer)) {
    for answer in [saved, read] {
        answer.expect_refusal(401, "Client authentication failed");
        assert!(!answer.text.contains(CANARY));
    }
}

#[actix_web::test]
async fn a_client_that_is_disabled_while_its_requests_wait_is_refused_at_their_turn() {
    until_waited(async || {
        let (app, client, second) = vault().await;
        let permit = operator(&second, Action::AUTHORIZATION_DISABLE).await;
        second.disable_authorization(permit, &client.client_id).await.unwrap();
        assert_both_refused(&notice_while_waiting(&app, &client).await?);
        assert_recorded(&app, &client, &BOTH_REVOKED).await;
        second.close();
        Some(())
    })
    .await;
}

#[actix_web::test]
async fn a_token_that_is_revoked_while_its_requests_wait_is_refused_at_their_turn() {
    until_waited(async || {
        let (app, client, second) = vault().await;
        let credentials = ClientCredentials {
            client_id: client.client_id.clone(),
            client_secret: SecretText::new(client.client_secret.clone()),
        };
        let token = SecretText::new(client.token.clone());
        second.revoke_token(&credentials.into(), origin(), &token).await.unwrap();
        assert_both_refused(&notice_while_waiting(&app, &client).await?);
        assert_recorded(&app, &client, &BOTH_REVOKED).await;
        // The client itself is as good as before, with another token.
        let mut again = client.clone();
        again.token = client.fetch_token().await;
        assert_eq!(again.password("i").await, CANARY);
        second.close();
        Some(())
    })
    .await;
}

#[actix_web::test]
async fn a_client_that_may_only_read_by_then_writes_nothing_and_reads_on() {
    until_waited(async || {
        let (app, client, second) = vault().await;
        let reader = app.read_only_client().await;
        let access = |of: &str| format!("(SELECT access FROM \"authorization\" WHERE client_id = '{of}')");
        app.database.run(&format!(
            "UPDATE \"authorization\" SET access = {} WHERE client_id = '{}';
             UPDATE change_mark SET revision = revision + 1",
            access(&reader.client_id),
            client.client_id
        ));
        let (saved, read) = notice_while_waiting(&app, &client).await?;
        saved.expect_number(1039);
        assert_eq!(read.expect(200)["credential"]["password"], CANARY);
        assert_recorded(&app, &client, &[("credential.read", "ok"), ("device.save", "read-only")]).await;
        second.close();
        Some(())
    })
    .await;
}

#[actix_web::test]
async fn without_a_change_the_same_requests_succeed() {
    until_waited(async || {
        let (app, client, second) = vault().await;
        let (saved, read) = notice_while_waiting(&app, &client).await?;
        saved.expect(201);
        assert_eq!(read.expect(200)["credential"]["password"], CANARY);
        second.close();
        Some(())
    })
    .await;
}
