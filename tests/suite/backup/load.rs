//! A backup under load: it ends, and has every write that was acknowledged before it began.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;

use super::Recovery;
use crate::support::{Program, TestDatabase};

const WRITERS: usize = 16;

#[actix_web::test]
async fn every_write_that_was_acknowledged_before_is_in_a_backup_under_load() {
    let recovery = Recovery::new();
    let program = Program::new();
    let credentials = program.create_client("erp");
    let server = program.serve();
    let client = server.client(&credentials).await;
    client.create_device("a", "10.0.0.1").await;
    let written = Rc::<RefCell<BTreeMap<String, String>>>::default();
    let tasks: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (client, written) = (client.clone(), Rc::clone(&written));
            actix_web::rt::spawn(async move {
                for number in 0.. {
                    let name = format!("w{writer}-{number}");
                    let content = format!("secret of {name}");
                    let credential = json!({
                        "hostname": "a", "ip": "10.0.0.1", "username": name, "identifier": name, "content": content
                    });
                    client.save_credential(&credential).await;
                    written.borrow_mut().insert(name.clone(), content);
                    client.password(&name).await;
                }
            })
        })
        .collect();
    let assert_running = || assert!(tasks.iter().all(|task| !task.is_finished()), "a writer has ended");
    while written.borrow().len() < 5 * WRITERS {
        assert_running();
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
    let before = written.borrow().clone();
    let output = recovery.text("a.age");
    let mut command = program.command(&["backup", "create", "--recipient", &recovery.recipient, "--output", &output]);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut backup = command.spawn().unwrap();
    // The writers go on in this thread meanwhile.
    let status = loop {
        if let Some(status) = backup.try_wait().unwrap() {
            break status;
        }
        assert_running();
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    };
    assert!(status.success());
    assert!(written.borrow().len() > before.len(), "nothing was written meanwhile");
    tasks.iter().for_each(actix_web::rt::task::JoinHandle::abort);
    drop(server);
    recovery.verify("a.age");
    let restored = recovery.restore("a.age", TestDatabase::new());
    let server = restored.serve();
    let client = server.client(&credentials).await;
    for (name, content) in &before {
        assert_eq!(client.password(name).await, content.as_str(), "{name}");
    }
    assert_eq!(server.stop().code, 0);
    restored.done(&["audit", "verify"]);
}
