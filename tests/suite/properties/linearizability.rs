//! Saving and reading credentials is linearizable: each call seems to happen at one moment between its beginning and its end. A
//! history of several credentials is if that of each one is (Herlihy and Wing, "Linearizability", ACM TOPLAS 12, 1990).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient};

const TASKS: usize = 64;
const CALLS_OF_A_TASK: usize = 6;
/// What a read finds before the first write.
const ABSENT: &str = "absent";

/// What a call did to the password, between its beginning and its end. A call that was answered 503 did nothing; it begins when it is
/// sent first, and ends with the answer that says what it did.
#[derive(Clone, Debug)]
struct Operation {
    value: String,
    writes: bool,
    began: Duration,
    ended: Duration,
}

/// What is wrong with a history in which each value is written once, if anything is (Gibbons and Korach, "Testing
/// shared memories", SIAM Journal on Computing 26, 1997). The calls of one value lie together in every order that could
/// have been. Such a group either has to hold the register from its first end to its last beginning, and no other group
/// may do so meanwhile; or it fits anywhere between its last beginning and its first end, which then must not lie
/// within such a time.
fn fault(history: &[Operation]) -> Option<String> {
    let mut groups: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in history {
        groups.entry(&operation.value).or_default().push(operation);
    }
    let (mut holding, mut passing) = (Vec::new(), Vec::new());
    for (value, group) in groups {
        let Some(write) = group.iter().find(|operation| operation.writes) else {
            return Some(format!("{value} was read and never written"));
        };
        if group.iter().any(|operation| operation.ended < write.began) {
            return Some(format!("{value} was read before it was written"));
        }
        let first_end = group.iter().map(|operation| operation.ended).min()?;
        let last_beginning = group.iter().map(|operation| operation.began).max()?;
        if first_end < last_beginning {
            holding.push((first_end, last_beginning, value));
        } else {
            passing.push((last_beginning, first_end, value));
        }
    }
    holding.sort();
    for pair in holding.windows(2) {
        if pair[1].0 < pair[0].1 {
            return Some(format!("{} and {} held at the same time", pair[0].2, pair[1].2));
        }
    }
    let within = |from: Duration, to: Duration| holding.iter().find(|held| held.0 < from && to < held.1);
    passing.iter().find_map(|(from, to, value)| within(*from, *to).map(|held| format!("{value} within {}", held.2)))
}

fn operation(value: &str, writes: bool, began: u64, ended: u64) -> Operation {
    let at = Duration::from_millis;
    Operation { value: value.into(), writes, began: at(began), ended: at(ended) }
}

#[test]
fn a_history_that_cannot_have_been_is_found_out() {
    let write = |value, began, ended| operation(value, true, began, ended);
    let read = |value, began, ended| operation(value, false, began, ended);
    for good in [
        vec![write("a", 0, 1), read("a", 2, 3), write("b", 4, 5), read("b", 6, 7)],
        // Two that overlap may be in either order, and the reads say in which.
        vec![write("a", 0, 9), write("b", 1, 8), read("b", 2, 3), read("a", 10, 11)],
        vec![write("a", 0, 9), read("a", 1, 2), write("b", 3, 4), read("b", 5, 6)],
        vec![write(ABSENT, 0, 0), read(ABSENT, 1, 4), write("a", 2, 6), read(ABSENT, 3, 4), read("a", 5, 6)],
    ] {
        assert_eq!(fault(&good), None, "{good:?}");
    }
    for bad in [
        vec![write("a", 0, 1), write("b", 2, 3), read("a", 4, 5)],
        vec![write("a", 0, 1), write("b", 2, 3), read("b", 4, 5), read("a", 6, 7)],
        vec![write("a", 0, 1), read("b", 2, 3)],
        vec![read("a", 0, 1), write("a", 2, 3)],
        vec![write(ABSENT, 0, 0), write("a", 1, 2), read(ABSENT, 3, 4)],
        vec![write(ABSENT, 0, 0), write("a", 1, 9), read("a", 2, 3), read(ABSENT, 4, 5)],
        vec![write("a", 0, 9), write("b", 0, 9), read("a", 10, 11), read("b", 12, 13), read("a", 14, 15)],
    ] {
        assert!(fault(&bad).is_some(), "{bad:?}");
    }
}

async fn call(client: &TestClient, since: Instant, task: usize, number: usize) -> Operation {
    let began = since.elapsed();
    if (task + number).is_multiple_of(2) {
        let value = format!("{task}-{number}");
        let body = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": value });
        client.post_again("/iso/pam/credential", &body).await.expect(201);
        return Operation { value, writes: true, began, ended: since.elapsed() };
    }
    let value = client.password("i").await.as_str().unwrap().to_string();
    Operation { value, writes: false, began, ended: since.elapsed() }
}

#[actix_web::test]
async fn the_history_of_64_tasks_on_one_credential_is_linearizable() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    let since = Instant::now();
    let first = call(&client, since, 0, 1000).await;
    let task = async |task: usize| {
        let mut done = Vec::new();
        for number in 0..CALLS_OF_A_TASK {
            done.push(call(&client, since, task, number).await);
        }
        done
    };
    let mut history: Vec<Operation> = join_all((0..TASKS).map(task)).await.into_iter().flatten().collect();
    history.push(first);
    assert_eq!(fault(&history), None);
    assert_eq!(app.database.numbers("SELECT id FROM credential"), [1]);
}

/// The credentials of the test of creations, each with an identifier and a username of its own.
const KEYS: usize = 16;

/// A call that creates, updates or reads one of several credentials, which may not be there yet. It is named by its identifier, or by
/// username, hostname and address. Returns the key, what it did, and the id of the credential.
async fn call_by_key(
    client: &TestClient,
    since: Instant,
    task: usize,
    number: usize,
) -> (usize, Operation, Option<String>) {
    let key = (task / 8 + number * 5) % KEYS;
    let (writes, by_identifier) = ((task + number).is_multiple_of(2), (task / 2 + number / 2).is_multiple_of(2));
    let began = since.elapsed();
    if writes {
        let value = format!("{task}-{number}");
        let mut body = json!({ "hostname": "a", "ip": "10.0.0.1", "username": format!("u{key}"), "content": value });
        if by_identifier {
            body["identifier"] = Value::from(format!("i{key}"));
        }
        let id = client.save_credential(&body).await;
        return (key, Operation { value, writes, began, ended: since.elapsed() }, Some(id));
    }
    // An identifier is known once it was sent: the username is from the first write on.
    let path = format!("/iso/pam/credential/u{key}@a");
    let answer = client.send_again(|| client.request(Method::GET, &path)).await;
    let ended = since.elapsed();
    if answer.status.as_u16() == 400 {
        answer.expect_number(1007);
        return (key, Operation { value: ABSENT.into(), writes, began, ended }, None);
    }
    let read = answer.expect(200)["credential"].clone();
    let value = read["password"].as_str().unwrap().into();
    (key, Operation { value, writes, began, ended }, Some(read["id"].as_str().unwrap().into()))
}

#[actix_web::test]
async fn the_history_of_64_tasks_that_create_16_credentials_on_two_nodes_is_linearizable() {
    let app = TestApp::start().await;
    let first = app.client().await;
    let second = app.serve_second_node();
    first.create_device("a", "10.0.0.1").await;
    let nodes = [first.clone(), first.at(second.address)];
    let since = Instant::now();
    let task = async |task: usize| {
        let mut done = Vec::new();
        for number in 0..CALLS_OF_A_TASK {
            done.push(call_by_key(&nodes[(task / 2 + number) % 2], since, task, number).await);
        }
        done
    };
    let mut histories: BTreeMap<usize, Vec<Operation>> = BTreeMap::new();
    let mut ids: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (key, operation, id) in join_all((0..TASKS).map(task)).await.into_iter().flatten() {
        histories.entry(key).or_insert_with(|| vec![self::operation(ABSENT, true, 0, 0)]).push(operation);
        ids.entry(key).or_default().extend(id);
    }
    assert_eq!(histories.len(), KEYS);
    for (key, history) in histories {
        assert_eq!(fault(&history), None, "{key}: {history:?}");
        let ids = &ids[&key];
        assert!(ids.iter().all(|id| *id == ids[0]), "{key} was several credentials: {ids:?}");
    }
    let identifiers = app.database.texts("SELECT identifier FROM credential ORDER BY 1");
    let mut expected: Vec<String> = (0..KEYS).map(|key| format!("i{key}")).collect();
    expected.sort();
    assert_eq!(identifiers, expected);
    assert!(app.verify_audit().await.broken.is_none());
}
