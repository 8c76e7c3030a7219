//! Shares: what they open, what is refused, and that strangers change nothing.

use std::fs;
use std::os::unix::fs::MetadataExt;

use futures_util::future::join_all;
use serde_json::json;

use super::{enter, expect_open, root_key, sealed, split, split_vault, unseal, vault};
use crate::support::{Finished, Program, finish_with_input};

/// `chaveiro key combine` with these lines on its standard input.
pub(super) fn try_combine(program: &Program, options: &[&str], lines: &[String]) -> Finished {
    let command = program.command(&[&["key", "combine"], options].concat());
    finish_with_input(command, lines.join("\n").as_bytes())
}

#[track_caller]
pub(super) fn combine(program: &Program, options: &[&str], lines: &[String]) {
    let combined = try_combine(program, options, lines);
    assert_eq!(combined.code, 0, "{combined:?}");
}

/// The records of this action in the audit log.
fn records(program: &Program, action: &str) -> Vec<serde_json::Value> {
    let records = program.json(&["audit", "tail", "-n", "100"]);
    records.as_array().unwrap().iter().filter(|record| record["action"] == action).cloned().collect()
}

#[actix_web::test]
async fn any_three_of_five_shares_unseal_and_two_do_not() {
    let (program, credentials, shares) = split_vault().await;
    let server = program.serve();
    for (progress, share) in [(1, 4), (1, 4), (2, 1)] {
        assert_eq!(enter(&server, &shares[share]).await.expect(200), sealed(progress));
    }
    server.anonymous().get("/iso/pam/credential/i").await.expect(503);
    let opened = json!({ "sealed": false, "threshold": 3, "shares": 5, "progress": 3 });
    assert_eq!(enter(&server, &shares[2].to_uppercase()).await.expect(200), opened);
    expect_open(&server, &credentials).await;
    assert!(!root_key(&program).exists(), "the key is in memory alone");
    // A restart seals it again, and by the command.
    server.stop();
    let server = program.serve();
    let entered = unseal(&server, &[&shares[0], "", &shares[3], &shares[0]]);
    assert_eq!(
        (entered.code, entered.stdout.as_str()),
        (0, "sealed: 1 of 3 shares\nsealed: 2 of 3 shares\nsealed: 2 of 3 shares\n")
    );
    let refused = unseal(&server, &["hunter2"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("the share is not accepted") && !refused.stderr.contains("hunter2"));
    let entered = unseal(&server, &[&shares[4]]);
    assert_eq!((entered.code, entered.stdout.as_str()), (0, "unsealed\n"));
    expect_open(&server, &credentials).await;
}

#[actix_web::test]
async fn a_wrong_share_changes_nothing_and_nobody_is_told_why() {
    let (program, credentials, shares) = split_vault().await;
    let (other, _, foreign) = split_vault().await;
    drop(other);
    let server = program.serve();
    enter(&server, &shares[0]).await.expect(200);
    // Whatever is wrong: another vault's share, a typing error, one letter too few, an index or a threshold that was changed
    // with its checksum, and nothing at all.
    let mut mistyped = shares[1].clone();
    mistyped.replace_range(40..41, if &mistyped[40..41] == "q" { "p" } else { "q" });
    for text in [&foreign[1], &foreign[0], &mistyped, &shares[1][1..], &shares[1][..84], "", "hunter2"] {
        let refused = enter(&server, text).await;
        assert_eq!(refused.expect(400), json!({ "status": "share not accepted" }), "{text}");
    }
    let client = server.anonymous();
    for body in
        [json!({}), json!([]), json!({ "share": 1 }), json!({ "share": shares[1], "more": "x".repeat(1 << 17) })]
    {
        assert_eq!(client.post("/unseal", &body).await.status.as_u16(), 400);
    }
    assert_eq!(client.get("/unseal").await.expect(200), sealed(1));
    for share in &shares[1..3] {
        enter(&server, share).await.expect(200);
    }
    expect_open(&server, &credentials).await;
}

#[actix_web::test]
async fn strangers_neither_cancel_nor_delay_the_progress() {
    let (program, credentials, shares) = split_vault().await;
    let server = program.serve();
    let server = &server;
    let stranger = |text: String| async move { assert_eq!(enter(server, &text).await.status.as_u16(), 400) };
    let strangers = |round: usize| join_all((0..100).map(move |number| stranger(format!("chv-share1{round}{number}"))));
    for (position, share) in shares[..3].iter().enumerate() {
        strangers(position).await;
        let (answer, _) = tokio::join!(enter(server, share), strangers(position));
        assert_eq!(answer.expect(200)["progress"], position + 1);
    }
    expect_open(server, &credentials).await;
}

#[actix_web::test]
async fn a_request_that_waits_while_the_vault_opens_is_answered() {
    let (program, credentials, shares) = split_vault().await;
    let server = program.serve();
    for share in &shares[..2] {
        enter(&server, share).await.expect(200);
    }
    enter(&server, &shares[2]).await.expect(200);
    // Connections at every moment of the change from one server to the other: none is refused.
    let mut is_open = false;
    while !is_open {
        let client = server.anonymous();
        match client.request(reqwest::Method::GET, "/health/ready").send().await {
            Ok(answer) => is_open = answer.status() == 200,
            Err(error) => assert!(!error.is_connect(), "{error}"),
        }
    }
    expect_open(&server, &credentials).await;
}

#[actix_web::test]
async fn a_new_split_or_a_new_root_key_ends_the_use_of_the_former_shares() {
    let (program, credentials) = vault().await;
    let former = split(&program, &[]);
    let present = split(&program, &["--remove"]);
    let server = program.serve();
    enter(&server, &former[0]).await.expect(400);
    for share in &present[..3] {
        enter(&server, share).await.expect(200);
    }
    expect_open(&server, &credentials).await;
    server.stop();
    // Shares of two splits do not give a key together, though each of both sets does.
    let mixed = try_combine(&program, &[], &[former[0].clone(), present[1].clone(), present[2].clone()]);
    assert_eq!((mixed.code, mixed.stderr.contains("do not give a root key together")), (1, true), "{mixed:?}");
    combine(&program, &[], &former[1..4]);
    let rotated = program.json(&["key", "rotate-root"]);
    assert_eq!(rotated["was_split"], true);
    assert_eq!(program.json(&["key", "status"])["root_key"]["split"], json!(null));
    let refused = try_combine(&program, &["--output", "/nowhere/key"], &present[..3]);
    assert_eq!(refused.code, 3, "{refused:?}");
    fs::remove_file(root_key(&program)).unwrap();
    for file in fs::read_dir(program.database.dir.path()).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("root.key.former-") {
            fs::remove_file(path).unwrap();
        }
    }
    let missing = program.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(missing.code, 3);
    assert!(missing.stderr.contains("the root key is missing"), "{missing:?}");
}

#[actix_web::test]
async fn the_key_is_combined_to_a_private_file_and_both_are_recorded() {
    let (program, credentials) = vault().await;
    let key = fs::read(root_key(&program)).unwrap();
    let shares = split(&program, &["--remove"]);
    let file = root_key(&program);
    // Too few, no share, and shares of another vault.
    let few = try_combine(&program, &[], &shares[..2]);
    assert_eq!((few.code, few.stderr.contains("3 different ones are needed")), (1, true), "{few:?}");
    let none = try_combine(&program, &[], &["hunter2".into()]);
    assert_eq!((none.code, none.stderr.contains("hunter2")), (1, false), "{none:?}");
    let (_other, _, foreign) = split_vault().await;
    let wrong = try_combine(&program, &[], &foreign[..3]);
    assert_eq!(wrong.code, 3, "{wrong:?}");
    assert!(wrong.stderr.contains("is not the one that this database is sealed under"), "{wrong:?}");
    assert!(!file.exists());
    // A blank line and a repeated share do not count.
    let lines = [shares[4].clone(), String::new(), shares[4].clone(), shares[2].clone(), shares[0].clone()];
    combine(&program, &[], &lines);
    assert_eq!(fs::read(&file).unwrap(), key);
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o600);
    let again = try_combine(&program, &[], &lines);
    assert_eq!((again.code, again.stderr.contains("root.key")), (1, true), "a file is never overwritten");
    let server = program.serve();
    assert_eq!(server.client(&credentials).await.password("i").await, "kept");
    let split = records(&program, "key.split");
    assert_eq!((split.len(), &split[0]["object"]), (1, &json!("shares:5 threshold:3")));
    assert_eq!(records(&program, "key.combine").len(), 1);
    program.done(&["audit", "verify"]);
}

#[actix_web::test]
async fn shares_are_shown_once_and_stored_nowhere() {
    let (program, _) = vault().await;
    let printed = program.json(&["key", "split", "--shares", "3", "--threshold", "2"]);
    let shares: Vec<&str> = printed["shares"].as_array().unwrap().iter().map(|share| share.as_str().unwrap()).collect();
    assert_eq!((shares.len(), &printed["threshold"]), (3, &json!(2)));
    let stored = crate::properties::keys::hexadecimal(&program.database, "value", "vault_meta");
    for share in shares {
        let share = chaveiro::crypto::RootKeyShare::parse(share).unwrap();
        assert!(stored.iter().any(|value| value.contains(&hex::encode(share.digest()))));
    }
    for (shares, threshold) in [("1", "1"), ("5", "1"), ("3", "4"), ("0", "0")] {
        let refused = program.run(&["key", "split", "--shares", shares, "--threshold", threshold]);
        assert_eq!((refused.code, refused.stderr.contains("expected 2 to 255 shares")), (1, true), "{refused:?}");
    }
    let mut command = program.command(&["key", "split", "--shares", "3", "--threshold", "2", "--remove"]);
    command.env("CHAVEIRO_ROOT_KEY", fs::read_to_string(root_key(&program)).unwrap());
    let refused = crate::support::finish(command);
    assert_eq!((refused.code, refused.stderr.contains("the variable CHAVEIRO_ROOT_KEY")), (3, true), "{refused:?}");
    assert!(refused.stdout.is_empty());
}
