//! A list shows what a get shows: no more, and no less.

use std::collections::BTreeSet;

use chaveiro::vault::access::link::LinkTarget;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient, device, serve_all};

const DEVICES: usize = 3;
const ACCOUNTS: usize = 2;
const TAGS: [&str; 3] = ["red", "green", "blue"];

/// What is drawn: tags and owners of objects, and the links of a client.
#[derive(Clone, Debug)]
struct World {
    /// For each device: its tag, if any.
    device_tags: Vec<Option<usize>>,
    /// For each account, which is on device `index % DEVICES`: its tag, whether it is a key, whether it is active.
    accounts: Vec<(Option<usize>, bool, bool)>,
    linked_devices: BTreeSet<usize>,
    linked_accounts: BTreeSet<usize>,
    linked_tags: BTreeSet<usize>,
    linked_information: BTreeSet<usize>,
    /// Whether the client sees much, so that its pages are found in another way.
    much: bool,
}

fn worlds() -> impl Strategy<Value = World> {
    let tag = || prop::option::of(0..TAGS.len());
    let some = |count: usize| prop::collection::btree_set(0..count, 0..=1);
    let accounts = prop::collection::vec((tag(), any::<bool>(), any::<bool>()), DEVICES * ACCOUNTS);
    (
        prop::collection::vec(tag(), DEVICES),
        accounts,
        some(DEVICES),
        some(DEVICES * ACCOUNTS),
        some(TAGS.len()),
        some(2),
        any::<bool>(),
    )
        .prop_map(
            |(device_tags, accounts, linked_devices, linked_accounts, linked_tags, linked_information, much)| World {
                device_tags,
                accounts,
                linked_devices,
                linked_accounts,
                linked_tags,
                linked_information,
                much,
            },
        )
}

fn tag(tag: Option<usize>) -> &'static str {
    tag.map_or("", |tag| TAGS[tag])
}

/// Builds the world with the owner's calls and the administrator's links; gives the client whose view is looked at.
async fn build(world: &World) -> (TestApp, TestClient) {
    let app = TestApp::start_with(serve_all).await;
    let (owner, client) = (app.client().await, app.client().await);
    for (index, device_tag) in world.device_tags.iter().enumerate() {
        let mut sent = device(&format!("d{index}"), "10.0.0.1");
        sent["device_tags"] = json!(tag(*device_tag));
        owner.post("/iso/pam/device", &sent).await.expect(201);
    }
    for (index, (account_tag, is_key, is_active)) in world.accounts.iter().enumerate() {
        let (hostname, name) = (format!("d{}", index % DEVICES), format!("c{index}"));
        let mut sent = json!({ "hostname": hostname, "ip": "10.0.0.1", "username": name, "identifier": name, "tags": tag(*account_tag) });
        let path = if *is_key { "/iso/pam/key" } else { "/iso/pam/credential" };
        match is_key {
            true => sent["private_key"] = json!(include_str!("../../fixtures/ssh/ed25519")),
            false => sent["content"] = json!("p"),
        }
        owner.post(path, &sent).await.expect(201);
        if !is_active {
            owner.delete(&format!("{path}/{name}")).await.expect(200);
        }
    }
    for name in ["i0", "i1"] {
        owner.post("/iso/pam/info", &json!({ "identifier": name, "content": "p" })).await.expect(201);
    }
    let link = async |target| app.link(&client, target).await;
    for index in &world.linked_devices {
        link(LinkTarget::Device(format!("d{index}"))).await;
    }
    for index in &world.linked_accounts {
        link(LinkTarget::Credential(format!("c{index}"))).await;
    }
    for index in &world.linked_tags {
        link(LinkTarget::Tag(TAGS[*index].into())).await;
    }
    for index in &world.linked_information {
        link(LinkTarget::Information(format!("i{index}"))).await;
    }
    if world.much {
        app.swell();
    }
    (app, client)
}

/// The rule itself, in plain words: the account is linked, or its device, or a tag of either.
fn sees_account(world: &World, index: usize) -> bool {
    let by_tag = world.accounts[index].0.is_some_and(|tag| world.linked_tags.contains(&tag));
    world.linked_accounts.contains(&index) || by_tag || sees_device(world, index % DEVICES)
}

fn sees_device(world: &World, index: usize) -> bool {
    let by_tag = world.device_tags[index].is_some_and(|tag| world.linked_tags.contains(&tag));
    world.linked_devices.contains(&index) || by_tag
}

/// The names in a list, which is the same whole and as a page.
async fn listed(client: &TestClient, path: &str, payload: &str, name: &str) -> BTreeSet<String> {
    let body = client.get(path).await.expect(200);
    assert_eq!(client.get(&format!("{path}?limit=1000")).await.expect(200), body);
    let names = |row: &Value| row[name].as_str().unwrap().to_string();
    body[payload].as_array().unwrap().iter().map(names).collect()
}

/// The names among `names` that a get shows.
async fn shown(client: &TestClient, path: &str, names: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let mut shown = BTreeSet::new();
    for name in names {
        if client.get(&format!("{path}/{name}")).await.status == 200 {
            shown.insert(name);
        }
    }
    shown
}

#[test]
fn a_list_shows_what_gets_show_and_that_is_the_rule() {
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&worlds(), |world| {
        actix_web::rt::System::new().block_on(look_at(&world));
        Ok(())
    });
    outcome.unwrap();
}

async fn look_at(world: &World) {
    let (_app, client) = build(world).await;
    let all = 0..DEVICES * ACCOUNTS;
    let accounts = |keys: bool| {
        let seen = all.clone().filter(|index| sees_account(world, *index) && world.accounts[*index].2);
        seen.filter(|index| world.accounts[*index].1 == keys).map(|index| format!("c{index}")).collect::<BTreeSet<_>>()
    };
    let names = || all.clone().map(|index| format!("c{index}"));

    let credentials: BTreeSet<String> = &accounts(false) | &accounts(true);
    assert_eq!(listed(&client, "/iso/pam/credential", "credentials", "identifier").await, credentials, "{world:?}");
    assert_eq!(shown(&client, "/iso/pam/credential", names()).await, accounts(false), "{world:?}");
    assert_eq!(listed(&client, "/iso/pam/key", "keys", "identifier").await, accounts(true), "{world:?}");
    assert_eq!(shown(&client, "/iso/pam/key", names()).await, accounts(true), "{world:?}");

    let devices: BTreeSet<String> =
        (0..DEVICES).filter(|index| sees_device(world, *index)).map(|index| format!("d{index}")).collect();
    assert_eq!(listed(&client, "/iso/pam/device", "devices", "hostname").await, devices, "{world:?}");
    assert_eq!(shown(&client, "/iso/pam/device", (0..DEVICES).map(|index| format!("d{index}"))).await, devices);

    let information: BTreeSet<String> = world.linked_information.iter().map(|index| format!("i{index}")).collect();
    assert_eq!(listed(&client, "/iso/pam/info", "infos", "identifier").await, information, "{world:?}");
    assert_eq!(shown(&client, "/iso/pam/info", ["i0".into(), "i1".into()]).await, information, "{world:?}");

    metadata_of_version_2(world, &client).await;
    let names = || names().chain(["i0".into(), "i1".into()]);
    let items = &credentials | &information;
    assert_eq!(listed_items(&client).await, items, "{world:?}");
    assert_eq!(shown(&client, "/v1/secret/data", names()).await, items, "{world:?}");
}

/// Version 2 shows metadata, of inactive credentials too.
async fn metadata_of_version_2(world: &World, client: &TestClient) {
    let path = "/api/v2/pam/credentials";
    let seen: BTreeSet<String> = (0..DEVICES * ACCOUNTS)
        .filter(|index| sees_account(world, *index))
        .map(|index| (index + 1).to_string())
        .collect();
    let (mut whole, mut paged, mut page) = (BTreeSet::new(), BTreeSet::new(), 1);
    let ids = |body: &Value| -> Vec<String> {
        body["data"].as_array().unwrap().iter().map(|row| row["id"].to_string()).collect()
    };
    whole.extend(ids(&client.get(&format!("{path}?per_page=100")).await.expect(200)));
    loop {
        let body = client.get(&format!("{path}?per_page=2&page={page}")).await.expect(200);
        paged.extend(ids(&body));
        if body["pagination"]["has_more"] != true {
            break;
        }
        page += 1;
    }
    assert_eq!((&whole, &paged), (&seen, &seen), "{world:?}");
    let all = (0..DEVICES * ACCOUNTS).map(|index| (index + 1).to_string());
    assert_eq!(shown(client, path, all).await, seen, "{world:?}");
}

/// The names that the list of the routes under `/v1` has; a client without items has no list.
async fn listed_items(client: &TestClient) -> BTreeSet<String> {
    let answer = client.get("/v1/secret/metadata?list=true").await;
    if answer.status == 404 {
        return BTreeSet::new();
    }
    let keys = answer.expect(200)["data"]["keys"].clone();
    keys.as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_string()).collect()
}
