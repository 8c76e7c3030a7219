//! Custody (contract, section 6).

use std::time::Duration;

use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::operation::Action;
use chaveiro::vault::{Noun, VaultError};
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{TestApp, TestClient, permit};

async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    client
        .save_credential(
            &json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": "p" }),
        )
        .await;
    (app, client)
}

#[actix_web::test]
async fn a_read_takes_custody_and_the_holder_gives_it_back_once() {
    let (_app, client) = vault().await;
    client.delete("/iso/pam/credential/custody/1").await.expect_number(1018);
    client.password("1").await;
    client.password("1").await;
    let body = client.delete("/iso/pam/credential/custody/i").await.expect(200);
    assert_eq!(body["response"]["message"], "Credential custody 1 released");
    client.delete("/iso/pam/credential/custody/u@a").await.expect_number(1018);
}

#[actix_web::test]
async fn custody_is_each_clients_own() {
    let (app, client) = vault().await;
    let other = app.read_only_client().await;
    app.link(&other, LinkTarget::Credential("i".into())).await;
    client.password("1").await;
    other.delete("/api/pam/credential/custody/1").await.expect_number(1018);
    // Shared by default; and who may only read may give back.
    other.password("1").await;
    other.delete("/api/pam/credential/custody/1").await.expect(200);
    client.delete("/iso/pam/credential/custody/1").await.expect(200);
}

#[actix_web::test]
async fn custody_survives_a_restart_and_ends_with_the_credential() {
    let (app, client) = vault().await;
    client.password("1").await;
    let token = client.token;
    let app = app.restart().await;
    let mut client = app.anonymous();
    client.token = token;
    client.delete("/iso/pam/credential/custody/1").await.expect(200);
    client.password("1").await;
    client.delete("/iso/pam/credential/1").await.expect(200);
    client.delete("/iso/pam/credential/custody/1").await.expect_number(1008);
    client.put("/iso/pam/credential/1").await.expect(200);
    client.delete("/iso/pam/credential/custody/1").await.expect_number(1018);
}

#[actix_web::test]
async fn what_is_not_there_is_1007_and_what_is_not_seen_1009() {
    let (app, client) = vault().await;
    client.delete("/iso/pam/credential/custody/99").await.expect_number(1007);
    let stranger = app.client().await;
    stranger.delete("/iso/pam/credential/custody/1").await.expect_number(1009);
    // The word is a path of its own, also for a credential that bears it as its identifier.
    client.delete("/iso/pam/credential/custody").await.expect_number(1007);
}

#[actix_web::test]
async fn exclusive_custody_has_one_holder_until_it_is_given_back() {
    let (app, client) = vault().await;
    let exclusive = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "exclusive_custody": "yes" });
    client.save_credential(&exclusive).await;
    let other = app.read_only_client().await;
    app.link(&other, LinkTarget::Device("a".into())).await;
    assert_eq!(client.password("i").await, "p");
    let refused = other.get("/iso/pam/credential/i").await;
    refused.expect_number(1009);
    assert!(!refused.text.contains("\"p\""));
    other.get("/iso/pam/credential/i/totp").await.expect_number(1009);
    // Who does not hold it cannot make it shared meanwhile.
    let lifted = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "exclusive_custody": false });
    let third = app.client().await;
    app.link(&third, LinkTarget::Device("a".into())).await;
    third.post("/iso/pam/credential", &lifted).await.expect_number(1009);
    // The holder's repeated read changes nothing, and only the holder gives it back.
    assert_eq!(client.password("i").await, "p");
    other.delete("/iso/pam/credential/custody/i").await.expect_number(1018);
    client.delete("/iso/pam/credential/custody/i").await.expect(200);
    assert_eq!(other.password("i").await, "p");
    client.get("/iso/pam/credential/i").await.expect_number(1009);
    other.delete("/iso/pam/credential/custody/i").await.expect(200);
    // Shared again, for everybody.
    let shared = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "exclusive_custody": false });
    client.save_credential(&shared).await;
    assert_eq!(client.password("i").await, "p");
}

#[actix_web::test]
async fn custody_ends_when_its_client_is_disabled_or_has_expired() {
    let (app, client) = vault().await;
    let exclusive = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "exclusive_custody": "yes" });
    client.save_credential(&exclusive).await;
    let other = app.read_only_client().await;
    app.link(&other, LinkTarget::Device("a".into())).await;
    assert_eq!(client.password("i").await, "p");
    other.get("/iso/pam/credential/i").await.expect_number(1009);
    let permit = app.operator(Action::AUTHORIZATION_DISABLE).await;
    app.vault.disable_authorization(permit, &client.client_id).await.unwrap();
    assert_eq!(other.password("i").await, "p");
    other.delete("/iso/pam/credential/custody/i").await.expect(200);

    let end = app.clock.now() + TimeDelta::seconds(10);
    let expiring = app.client_with(|request| request.expires_at = Some(end)).await;
    app.link(&expiring, LinkTarget::Device("a".into())).await;
    assert_eq!(expiring.password("i").await, "p");
    other.get("/iso/pam/credential/i").await.expect_number(1009);
    app.clock.advance(Duration::from_secs(11));
    app.vault.refresh().await.unwrap();
    assert_eq!(other.password("i").await, "p");
}

/// A credential with a child, a grandchild and another child, which share a password; exclusive is the one by that number.
async fn family(exclusive: usize) -> (TestApp, [TestClient; 2]) {
    let app = TestApp::start().await;
    let [client, other] = [app.client().await, app.client().await];
    client.create_device("a", "10.0.0.1").await;
    for (number, parent) in [(1, None), (2, Some("1")), (3, Some("2")), (4, Some("1"))] {
        let mut credential = json!({ "hostname": "a", "ip": "10.0.0.1", "username": format!("u{number}"),
                                     "exclusive_custody": number == exclusive });
        match parent {
            None => credential["content"] = json!("p"),
            Some(parent) => credential["parent_password"] = json!(parent),
        }
        client.save_credential(&credential).await;
    }
    app.link(&other, LinkTarget::Device("a".into())).await;
    (app, [client, other])
}

#[actix_web::test]
async fn a_password_that_several_credentials_share_has_one_holder() {
    for exclusive in 1..=4 {
        let (_app, [client, other]) = family(exclusive).await;
        for held in 1..=4 {
            assert_eq!(client.password(&held.to_string()).await, "p");
            for key in 1..=4 {
                let refused = other.get(&format!("/iso/pam/credential/{key}")).await;
                refused.expect_number(1009);
                assert!(!refused.text.contains("\"p\""));
                assert_eq!(client.password(&key.to_string()).await, "p");
            }
            for key in 1..=4 {
                client.delete(&format!("/iso/pam/credential/custody/{key}")).await.expect(200);
            }
        }
        assert_eq!(other.password("3").await, "p");
        client.get("/iso/pam/credential/1").await.expect_number(1009);
        other.delete("/iso/pam/credential/custody/3").await.expect(200);
        assert_eq!(client.password("1").await, "p");
    }
}

#[actix_web::test]
async fn a_child_does_not_take_a_held_password_along() {
    let (_app, [client, other]) = family(1).await;
    client.password("1").await;
    for parent in ["0", "2"] {
        let leave = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u4", "parent_password": parent });
        other.post("/iso/pam/credential", &leave).await.expect_number(1009);
    }
    client.delete("/iso/pam/credential/custody/1").await.expect(200);
    let leave = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u4", "parent_password": "0" });
    other.save_credential(&leave).await;
    assert_eq!(other.password("4").await, "p");
}

#[actix_web::test]
async fn of_64_clients_on_two_nodes_one_holds_a_shared_password() {
    let (app, [owner, other]) = family(2).await;
    let mut clients = vec![owner, other];
    for _ in 2..8 {
        let client = app.client().await;
        app.link(&client, LinkTarget::Device("a".into())).await;
        clients.push(client);
    }
    let second = app.serve_second_node();
    let read = async |number: usize| {
        let client = &clients[number % 8];
        let client = if number < 32 { client.clone() } else { client.at(second.address) };
        let answer = client.get(&format!("/iso/pam/credential/{}", number / 8 % 4 + 1)).await;
        if answer.status.as_u16() == 200 {
            return Some(number % 8);
        }
        answer.expect_number(1009);
        None
    };
    let holders: Vec<usize> = join_all((0..64).map(read)).await.into_iter().flatten().collect();
    assert_eq!(holders.len(), 8);
    assert!(holders.iter().all(|holder| *holder == holders[0]), "{holders:?}");
}

#[actix_web::test]
async fn custody_runs_out_by_the_clock_and_a_repeated_read_does_not_prolong_it() {
    let app = TestApp::start_with(|settings| {
        settings.custody.exclusive = true;
        settings.custody.seconds = 60;
    })
    .await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    client.save_credential(&json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "content": "p" })).await;
    let other = app.client().await;
    app.link(&other, LinkTarget::Credential("1".into())).await;
    let read = client.get("/iso/pam/credential/1").await.expect(200);
    assert_eq!(read["credential"]["expiration_time"], "2026-03-04T05:07:07");
    app.clock.advance(Duration::from_secs(59));
    let again = client.get("/iso/pam/credential/1").await.expect(200);
    assert_eq!(again["credential"]["expiration_time"], "2026-03-04T05:07:07");
    other.get("/iso/pam/credential/1").await.expect_number(1009);
    app.clock.advance(Duration::from_secs(1));
    client.delete("/iso/pam/credential/custody/1").await.expect_number(1018);
    assert_eq!(other.password("1").await, "p");
    client.get("/iso/pam/credential/1").await.expect_number(1009);
}

#[actix_web::test]
async fn of_64_clients_on_two_nodes_one_holds_it() {
    let app = TestApp::start_with(|settings| settings.custody.exclusive = true).await;
    let owner = app.client().await;
    owner.create_device("a", "10.0.0.1").await;
    owner.save_credential(&json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "content": "p" })).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        let client = app.client().await;
        app.link(&client, LinkTarget::Device("a".into())).await;
        clients.push(client);
    }
    let second = app.second_node();
    let here = join_all((0..32).map(|number| clients[number % 8].get("/iso/pam/credential/1")));
    let read = async |number: usize| {
        let (client, request_id) = (&clients[number % 8], format!("second-{number}"));
        let permit = permit(&second, client, Action::CREDENTIAL_READ, request_id).await;
        second.read_credential(permit, "1".into(), false).await
    };
    let there = join_all((0..32).map(read));
    let (here, there) = futures_util::future::join(here, there).await;
    let mut holders: Vec<usize> = Vec::new();
    for (number, answer) in here.iter().enumerate() {
        match answer.status.as_u16() {
            200 => holders.push(number % 8),
            _ => answer.expect_number(1009),
        }
    }
    for (number, read) in there.iter().enumerate() {
        match read {
            Ok(_) => holders.push(number % 8),
            Err(refused) => assert_eq!(*refused, VaultError::NoAccess(Noun::Credential)),
        }
    }
    // The holder's own reads all succeed, on both nodes; nobody else's does.
    assert_eq!(holders.len(), 8);
    assert!(holders.iter().all(|holder| *holder == holders[0]), "{holders:?}");
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM custody"), [1]);
    second.close();
}
