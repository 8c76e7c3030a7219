//! The workers of a node.

use std::cell::RefCell;
use std::net::TcpListener;
use std::time::Duration;

use chaveiro::vault::BackgroundTasks;
use serde_json::json;

use super::{Directory, FIRST, ROTATE, credential};
use crate::support::noticed;

#[actix_web::test]
async fn a_target_that_does_not_answer_keeps_one_worker_and_not_the_others() {
    let Some(directory) = Directory::start(|settings| settings.rotation.workers = 2).await else { return };
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    silent.set_nonblocking(true).unwrap();
    let device = json!({ "hostname": "silent", "ip": "127.0.0.3", "type": "Server", "vendor": "V", "model": "M",
                         "site": "Default", "connectivities": format!("LDAPS:{}", silent.local_addr().unwrap().port()) });
    directory.client.post("/iso/pam/device", &device).await.expect(201);
    let mut account = credential("silent", "cn=silent", FIRST);
    (account["hostname"], account["ip"]) = (json!("silent"), json!("127.0.0.3"));
    account["execution_settings"] = json!({ "change_plugin": "openldap", "use_own_credential_to_connect": true });
    directory.client.save_credential(&account).await;
    directory.app.database.run("UPDATE device SET ip = '127.0.0.1' WHERE hostname = 'silent'");
    directory.client.post("/iso/pam/credential/silent/rotate", &json!({})).await.expect(201);

    let vault = directory.app.vault.clone();
    let tasks = actix_web::rt::spawn(async move { BackgroundTasks::new(&vault).run().await });
    let attempts = async || {
        let rotation = directory.client.get("/iso/pam/credential/silent/rotation").await.expect(200);
        rotation["rotation"]["attempts"].as_u64().unwrap()
    };
    // On a slow machine the two others may take longer than a target is waited for; then this round shows nothing.
    for round in 0.. {
        let connected = RefCell::new(None);
        noticed("the connection to the silent target", async || {
            *connected.borrow_mut() = silent.accept().ok();
            connected.borrow().is_some()
        })
        .await;
        for _ in 0..2 {
            let before = directory.password().await;
            directory.client.post(ROTATE, &json!({})).await.expect(201);
            noticed("the other rotation", async || directory.password().await != before).await;
        }
        if attempts().await == round {
            break; // The first one still waits for its target.
        }
        assert!(round < 5, "the others waited for the silent target");
        noticed("the end of the attempt", async || attempts().await > round).await;
        directory.app.clock.advance(Duration::from_secs(300));
    }
    tasks.abort();
}
