//! Credentials that many requests create at the same time. On PostgreSQL the writer looks for them and inserts them together.

use chaveiro::store::{Database, DatabaseLocation};
use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::operation::Action;
use diesel::connection::SimpleConnection;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient, device, noticed};

/// What differs between the requests beyond their names.
fn kinds() -> [Value; 23] {
    [
        json!({}),
        json!({ "additional": "additional", "type": "" }),
        json!({ "credential_type": "Local User" }),
        json!({ "tags": "one,two" }),
        json!({ "tags": "Two,two, one", "credential_type": "Domain User" }),
        json!({ "tags": "one,granted" }),
        json!({ "additional_settings": { "secret_key": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" } }),
        json!({ "content": "" }),
        json!({ "content": "c".repeat(70_000) }),
        json!({ "identifier": "" }),
        json!({ "hostname": "inactive" }),
        json!({ "hostname": "missing" }),
        json!({ "ip": "10.0.0.9" }),
        json!({ "credential_type": "unknown" }),
        json!({ "credential_type": "domain user", "type": "server", "vendor": "Debian", "site": "LISBON" }),
        json!({ "type": "local administrator" }),
        json!({ "type": "Server" }),
        json!({ "vendor": "HPE", "device_tags": "rack" }),
        json!({ "type": "Switch", "domain": "CORP" }),
        json!({ "domain": "corp", "tags": "one" }),
        json!({ "domain": "lab.example, corp" }),
        json!({ "domain": "corp,unknown" }),
        json!({ "domain": "unknown,corp" }),
    ]
}

/// The number of the kinds that the devices take.
const TAKEN: usize = 17;

/// Four requests of each kind, each for a credential of its own.
fn requests() -> Vec<Value> {
    let request = |number: usize| {
        let name = format!("user-{number}");
        let content = format!("secret of {name}");
        let mut sent =
            json!({ "hostname": "a", "ip": "10.0.0.1", "username": name, "identifier": name, "content": content });
        let kinds = kinds();
        let more = kinds[number % kinds.len()].as_object().unwrap();
        sent.as_object_mut().unwrap().extend(more.clone());
        sent
    };
    (0..4 * kinds().len()).map(request).collect()
}

/// A vault with one writer, and a client that sees the devices.
async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start_with(|settings| settings.store.writers = 1).await;
    let client = app.client().await;
    for hostname in ["a", "busy", "inactive"] {
        client.create_device(hostname, "10.0.0.1").await;
    }
    // Its tags are known then.
    let mut inactive = device("inactive", "10.0.0.1");
    inactive["device_tags"] = json!("one,two");
    client.post("/iso/pam/device", &inactive).await.expect(201);
    client.delete("/iso/pam/device/inactive").await.expect(200);
    let granted = app.client().await;
    app.link(&granted, LinkTarget::Tag("granted".into())).await;
    app.vault.add_domain(app.operator(Action::DOMAIN_ADD).await, "corp.example", Some("CORP")).await.unwrap();
    app.vault.add_domain(app.operator(Action::DOMAIN_ADD).await, "lab.example", None).await.unwrap();
    (app, client)
}

/// Saves credentials while they wait for the writer together, on PostgreSQL. Returns the answers.
async fn save_together(app: &TestApp, sent: &[(&TestClient, &Value)]) -> Vec<(u16, Option<String>)> {
    let all = join_all(sent.iter().map(|(client, sent)| save(client, sent)));
    if !app.database.is_postgresql() {
        return all.await;
    }
    // The writer waits for a device that somebody else has locked.
    let mut other = Database::connect(&DatabaseLocation::parse(&app.database.url).unwrap(), true).unwrap().unwrap();
    other.connection().batch_execute("BEGIN; SELECT FROM device WHERE hostname = 'busy' FOR UPDATE").unwrap();
    let busy = json!({ "hostname": "busy", "ip": "10.0.0.1", "username": "busy" });
    let waits =
        "SELECT CAST(COUNT(*) AS INTEGER) FROM pg_locks WHERE locktype = 'tuple' AND relation = 'device'::regclass";
    let others = async {
        noticed("the wait for the device", async || app.database.numbers(waits) == [1]).await;
        let released = async {
            noticed("the requests", async || app.vault.queue_depth() == sent.len()).await;
            other.connection().batch_execute("COMMIT").unwrap();
        };
        join(all, released).await.0
    };
    join(save(sent[0].0, &busy), others).await.1
}

/// Returns the status of the answer, and of a refusal all of it.
async fn save(client: &TestClient, sent: &Value) -> (u16, Option<String>) {
    let answer = client.post("/iso/pam/credential", sent).await;
    (answer.status.as_u16(), Some(answer.text).filter(|_| answer.status != 201))
}

/// The rows of the credentials, by username, without what depends on the order of the requests.
fn stored(app: &TestApp) -> Vec<String> {
    app.database.texts(
        "SELECT username || ' ' || (CASE WHEN identifier = username THEN 'named' WHEN identifier IS NULL THEN 'unnamed' ELSE 'other' END)
            || ' ' || credential_type || ' ' || additional || ' ' || tags || ' ' || domain || ' ' || (CASE WHEN active THEN 1 ELSE 0 END)
            || ' ' || (SELECT MIN(authorization_id) || ' ' || COUNT(*) FROM authorization_link
                WHERE object_kind = 'credential' AND object_id = c.id)
            || ' ' || (SELECT COUNT(*) FROM tagging WHERE object_kind = 'credential' AND object_id = c.id)
            || ' ' || (SELECT COUNT(*) FROM secret JOIN secret_head USING (kind, owner_id)
                WHERE kind LIKE 'credential.%' AND owner_id = c.id AND version = current_version)
            || ' ' || (SELECT COUNT(*) FROM audit_record WHERE object = 'credential:' || c.id)
         FROM credential c ORDER BY username",
    )
}

#[actix_web::test]
async fn many_that_are_created_at_once_are_those_that_are_created_one_by_one() {
    let requests = requests();
    let (app, client) = vault().await;
    let blind = app.client().await;
    let unseen: Vec<_> = requests.iter().filter(|sent| sent["hostname"] == "a").map(renamed).collect();
    let seen = requests.iter().map(|sent| (&client, sent));
    let all: Vec<_> = seen.chain(unseen.iter().map(|sent| (&blind, sent))).collect();
    let answers = save_together(&app, &all).await;
    if app.database.is_postgresql() {
        // Each row names the transaction and the statement that inserted it.
        let statements = app.database.texts("SELECT DISTINCT xmin || ' ' || cmin FROM credential");
        assert!(statements.len() < 4 * TAKEN, "{} statements", statements.len());
        // Which of them come together depends on the order in which the requests arrive.
        let of_one_statement = "SELECT username FROM credential c WHERE domain <> '' AND EXISTS
            (SELECT FROM credential o WHERE o.xmin = c.xmin AND o.cmin = c.cmin AND o.id <> c.id)";
        assert_ne!(app.database.texts(of_one_statement), [""; 0], "accounts with domains that share a statement");
    }

    let (other, other_client) = vault().await;
    let other_blind = other.client().await;
    if app.database.is_postgresql() {
        save(&other_client, &json!({ "hostname": "busy", "ip": "10.0.0.1", "username": "busy" })).await;
    }
    for (number, ((_, sent), answer)) in all.iter().zip(&answers).enumerate() {
        let who = if number < requests.len() { &other_client } else { &other_blind };
        assert_eq!(save(who, sent).await, *answer, "{sent}");
    }
    assert_eq!(stored(&app), stored(&other));
    let saved = requests.iter().zip(&answers).filter(|(_, (status, _))| *status == 201);
    assert_eq!(saved.clone().count(), 4 * TAKEN);
    assert!(answers[requests.len()..].iter().all(|(status, _)| *status != 201));
    for (sent, _) in saved.filter(|(sent, _)| sent["content"] != "") {
        let key = format!("{}@a", sent["username"].as_str().unwrap());
        assert_eq!(client.password(&key).await, sent["content"]);
        blind.get(&format!("/iso/pam/credential/{key}")).await.expect_number(1009);
    }
    assert!(app.verify_audit().await.broken.is_none());
}

/// A request for another credential.
fn renamed(sent: &Value) -> Value {
    let mut sent = sent.clone();
    for name in ["username", "identifier"] {
        sent[name] = json!(format!("unseen {}", sent["username"].as_str().unwrap()));
    }
    sent
}

#[actix_web::test]
async fn of_many_that_create_the_same_at_once_one_does_and_the_others_update_it() {
    let (app, client) = vault().await;
    let sent = |name: usize, content: usize| {
        json!({
            "hostname": "a", "ip": "10.0.0.1", "username": format!("u{name}"), "identifier": format!("i{name}"),
            "content": format!("content {content}"),
        })
    };
    let all: Vec<_> = (0..64).map(|number| sent(number % 8, number)).collect();
    let answers = save_together(&app, &all.iter().map(|sent| (&client, sent)).collect::<Vec<_>>()).await;
    assert!(answers.iter().all(|answer| *answer == (201, None)), "{answers:?}");
    let rows = app.database.texts(
        "SELECT username || ' ' || identifier || ' ' || highest_version FROM credential
         JOIN secret_head h ON h.kind = 'credential.password' AND owner_id = id WHERE identifier LIKE 'i_' ORDER BY username",
    );
    assert_eq!(rows, (0..8).map(|name| format!("u{name} i{name} 8")).collect::<Vec<_>>());
    for name in 0..8 {
        let password = client.password(&format!("i{name}")).await;
        assert!(all.iter().any(|sent| sent["identifier"] == format!("i{name}") && sent["content"] == password));
    }
    assert!(app.verify_audit().await.broken.is_none());
}

#[actix_web::test]
async fn of_many_that_change_the_same_device_at_once_none_is_refused() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    let sent = |number: usize| {
        let site = ["Lisbon", "Porto"][number % 2];
        let (username, content) = (format!("u{}", number % 8), format!("content {number}"));
        json!({ "hostname": "a", "ip": "10.0.0.1", "username": username, "site": site, "content": content })
    };
    let all: Vec<_> = (0..48).map(sent).collect();
    let answers = join_all(all.iter().map(|sent| save(&client, sent))).await;
    assert!(answers.iter().all(|answer| *answer == (201, None)), "{answers:?}");
    let versions = "SELECT highest_version FROM secret_head WHERE kind = 'credential.password'";
    let versions = app.database.numbers(versions);
    assert_eq!(versions, [6; 8]);
    assert!(app.verify_audit().await.broken.is_none());
}
