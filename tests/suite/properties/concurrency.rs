//! Many at once: one row, nothing lost, one chain of records for each writer.

use std::collections::HashSet;

use chaveiro::store::{Database, DatabaseLocation};
use chaveiro::vault::operation::Action;
use diesel::connection::SimpleConnection;
use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{SAVE_POLICY, TestApp, TestClient, device, is_to_be_repeated, noticed, permit};

const TASKS: usize = 64;

/// Posts from 64 tasks at once, again where writes meet for too long; each has to be answered 201 in the end. Gives the ids.
async fn post_at_once(client: &TestClient, path: &str, body: impl Fn(usize) -> Value) -> Vec<Value> {
    let bodies: Vec<Value> = (0..TASKS).map(body).collect();
    let answers = join_all(bodies.iter().map(|body| client.post_again(path, body))).await;
    let kind = if path.contains("device") { "device" } else { "credential" };
    answers.iter().map(|answer| answer.expect(201)[kind]["id"].clone()).collect()
}

fn distinct(ids: &[Value]) -> usize {
    ids.iter().map(Value::to_string).collect::<HashSet<_>>().len()
}

async fn verifies(app: &TestApp) -> bool {
    app.verify_audit().await.broken.is_none()
}

#[actix_web::test]
async fn the_same_new_hostname_from_64_tasks_is_one_device() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let ids = post_at_once(&client, "/iso/pam/device", |_| device("a", "10.0.0.1")).await;
    assert_eq!(distinct(&ids), 1);
    assert_eq!(client.get("/iso/pam/device").await.expect(200)["devices"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn the_same_new_identifier_from_64_tasks_is_one_credential() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    let ids = post_at_once(
        &client,
        "/iso/pam/credential",
        |_| json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "same", "content": "p" }),
    )
    .await;
    assert_eq!(distinct(&ids), 1);
    assert_eq!(client.get("/iso/pam/credential").await.expect(200)["credentials"].as_array().unwrap().len(), 1);
    assert_eq!(client.password("same").await, "p");
    assert!(verifies(&app).await);
}

#[actix_web::test]
async fn the_same_new_username_from_64_tasks_is_one_credential_with_every_version_whole() {
    let app = TestApp::start_with(|settings| settings.history.versions = 100).await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    let ids = post_at_once(
        &client,
        "/api/pam/credential",
        |number| json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "content": format!("p{number}") }),
    )
    .await;
    assert_eq!(distinct(&ids), 1);
    let content = client.password("u@a").await;
    assert!((0..TASKS).any(|number| content == format!("p{number}")), "{content}");
    let versions = app.database.numbers("SELECT version FROM secret WHERE kind = 'credential.password' ORDER BY 1");
    let count = i32::try_from(TASKS).unwrap();
    assert_eq!(versions, (1..=count).collect::<Vec<_>>());
    assert!(verifies(&app).await);
}

#[actix_web::test]
async fn the_same_identifier_through_two_nodes_is_one_credential() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    // Its own settings name it otherwise; here it has even the same name, so that both write one chain.
    let second = app.second_node();
    let input = || chaveiro::vault::credential::CredentialInput {
        hostname: Some("a".into()),
        ip: Some("10.0.0.1".into()),
        username: Some("u".into()),
        identifier: Some("same".into()),
        content: Some(chaveiro::crypto::SecretText::new("p".into())),
        ..Default::default()
    };
    let body = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "same", "content": "p" });
    let here = join_all((0..TASKS / 2).map(|_| client.post_again("/iso/pam/credential", &body)));
    let save = async |number: usize| loop {
        let permit = permit(&second, &client, Action::CREDENTIAL_SAVE, format!("second-{number}")).await;
        let saved = second.save_credential(permit, input(), SAVE_POLICY).await;
        if !is_to_be_repeated(&saved) {
            break saved;
        }
    };
    let there = join_all((0..TASKS / 2).map(save));
    let (here, there) = futures_util::future::join(here, there).await;
    here.iter().for_each(|answer| drop(answer.expect(201)));
    assert!(there.iter().all(|saved| saved.as_ref().is_ok_and(|saved| saved.id.get() == 1)), "{there:?}");
    assert_eq!(app.database.numbers("SELECT id FROM credential"), [1]);
    assert!(verifies(&app).await);
    second.close();
}

#[actix_web::test]
async fn a_name_that_two_register_at_once_is_that_of_one_domain() {
    let app = TestApp::start().await;
    let permit = async || app.operator(Action::DOMAIN_ADD).await;
    for number in 0..16 {
        let (name, other) = (format!("corp-{number}"), format!("other-{number}"));
        let (first, second) = (permit().await, permit().await);
        let as_name = app.vault.add_domain(first, &name, None);
        let as_short_name = app.vault.add_domain(second, &other, Some(&name));
        let (first, second) = join(as_name, as_short_name).await;
        assert_ne!(first.is_ok(), second.is_ok(), "{first:?}, {second:?}");
    }
}

#[actix_web::test]
async fn a_client_whose_secret_is_rotated_at_once_has_two_secrets() {
    let app = TestApp::start().await;
    let permit = async || app.operator(Action::AUTHORIZATION_ROTATE_SECRET).await;
    for _ in 0..8 {
        let client = app.client().await;
        let until = app.clock.now();
        let (first, second) = (permit().await, permit().await);
        let first = app.vault.rotate_secret(first, &client.client_id, until);
        let second = app.vault.rotate_secret(second, &client.client_id, until);
        let rotated = join(first, second).await;
        assert!(rotated.0.is_ok() && rotated.1.is_ok());
        let secrets = format!(
            "SELECT CAST(COUNT(*) AS INTEGER) FROM client_secret s JOIN \"authorization\" a ON a.id = s.authorization_id
             WHERE client_id = '{}'",
            client.client_id
        );
        assert_eq!(app.database.numbers(&secrets), [2]);
    }
}

#[actix_web::test]
async fn a_read_returns_no_account_but_that_of_its_key() {
    let app = TestApp::start().await;
    if !app.database.is_postgresql_or_skip() {
        return;
    }
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    let sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "root", "content": "p" });
    client.save_credential(&sent).await;
    let mut other = Database::connect(&DatabaseLocation::parse(&app.database.url).unwrap(), true).unwrap().unwrap();
    other
        .connection()
        .batch_execute("BEGIN; UPDATE credential SET username = 'admin' WHERE username = 'root'")
        .unwrap();
    let waits =
        "SELECT CAST(COUNT(*) AS INTEGER) FROM pg_locks WHERE locktype = 'tuple' AND relation = 'credential'::regclass";
    let renamed = async {
        noticed("the wait for the row", async || app.database.numbers(waits) == [1]).await;
        other.connection().batch_execute("COMMIT").unwrap();
    };
    let read = join(client.get("/iso/pam/credential/root@a"), renamed).await.0;
    read.expect_number(1007);
    assert_eq!(client.password("admin@a").await, "p");
}

#[actix_web::test]
async fn reads_and_writes_of_the_same_credentials_do_not_stand_in_each_others_way() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    let body = |number: usize| {
        json!({ "hostname": "a", "ip": "10.0.0.1", "username": format!("u{}", number % 4),
                "identifier": format!("i{}", number % 4), "content": format!("p{number}") })
    };
    post_at_once(&client, "/iso/pam/credential", body).await;
    let writes = post_at_once(&client, "/iso/pam/credential", body);
    let keys: Vec<String> = (0..TASKS).map(|number| format!("/iso/pam/credential/i{}", number % 4)).collect();
    let reads = join_all(keys.iter().map(|key| client.send_again(|| client.request(Method::GET, key))));
    let (_, reads) = futures_util::future::join(writes, reads).await;
    for (number, read) in reads.iter().enumerate() {
        let credential = read.expect(200)["credential"].clone();
        assert_eq!(credential["identifier"], format!("i{}", number % 4));
        let content: usize = credential["password"].as_str().unwrap()[1..].parse().unwrap();
        assert_eq!(content % 4, number % 4, "the password of another credential");
    }
    assert!(verifies(&app).await);
}

#[actix_web::test]
async fn no_credential_is_active_on_a_device_that_is_switched_off_meanwhile() {
    let app = TestApp::start().await;
    let client = app.client().await;
    for round in 0..25 {
        let hostname = format!("h{round}");
        client.create_device(&hostname, "10.0.0.1").await;
        let sent = |number: usize| json!({ "hostname": hostname, "ip": "10.0.0.1", "username": format!("u{number}"), "content": "p" });
        let sent: Vec<Value> = (0..6).map(sent).collect();
        let saves = join_all(sent.iter().map(|sent| client.post("/iso/pam/credential", sent)));
        let path = format!("/iso/pam/device/{hostname}");
        let delete = client.send_again(|| client.request(Method::DELETE, &path));
        let (_, off) = futures_util::future::join(saves, delete).await;
        off.expect(200);
    }
    let active =
        "SELECT c.username FROM credential c JOIN device d ON d.id = c.device_id WHERE c.active AND NOT d.active";
    assert_eq!(app.database.texts(active), [""; 0]);
}

/// Reads by two clients who see different objects, by keys of several forms: on PostgreSQL the
/// writers look up for many of them with one statement.
#[actix_web::test]
async fn reads_at_once_each_return_their_own_secret_and_nothing_of_another_client() {
    let app = TestApp::start().await;
    let clients = [app.client().await, app.client().await];
    for (number, client) in clients.iter().enumerate() {
        let (host, ip) = (format!("host-{number}"), format!("10.0.0.{number}"));
        client.create_device(&host, &ip).await;
        for one in 0..8 {
            let (name, content) = (format!("{number}-{one}"), format!("secret of {number}-{one}"));
            let account = json!({ "hostname": host, "ip": ip, "username": name, "identifier": format!("c{name}"),
                                  "content": content });
            client.post("/iso/pam/credential", &account).await.expect(201);
            client
                .post("/iso/pam/info", &json!({ "identifier": format!("i{name}"), "content": content }))
                .await
                .expect(201);
        }
    }
    // The path, the client, and what it has to be answered; `None` for an object of the other client.
    let mut reads = Vec::new();
    for owner in 0..2 {
        for (one, reader) in (0..8).flat_map(|one| [(one, owner), (one, 1 - owner)]) {
            let secret = (reader == owner).then(|| format!("secret of {owner}-{one}"));
            for path in [
                format!("credential/c{owner}-{one}"),
                format!("credential/{owner}-{one}@host-{owner}"),
                format!("info/i{owner}-{one}"),
            ] {
                reads.push((format!("/iso/pam/{path}"), reader, secret.clone()));
            }
        }
    }
    for _ in 0..4 {
        let answers = join_all(reads.iter().map(|(path, reader, _)| clients[*reader].get(path))).await;
        for ((path, reader, secret), answer) in reads.iter().zip(&answers) {
            match secret {
                Some(secret) => {
                    let shown = answer.expect(200);
                    let object = if path.contains("/info/") { &shown["info"] } else { &shown["credential"] };
                    assert_eq!(object["content"], json!(secret), "{path} of client {reader}");
                }
                None => assert!(answer.status.is_client_error(), "{path} of client {reader}: {}", answer.status),
            }
        }
    }
    assert!(verifies(&app).await);
}
