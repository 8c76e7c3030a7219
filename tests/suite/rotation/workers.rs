//! The workers of a node.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use chaveiro::vault::BackgroundTasks;
use serde_json::json;

use super::{Directory, FIRST, ROTATE, credential};

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
    let connected = wait(async || silent.accept().ok()).await;
    for _ in 0..2 {
        let before = directory.password().await;
        directory.client.post(ROTATE, &json!({})).await.expect(201);
        wait(async || (directory.password().await != before).then_some(())).await;
    }
    let rotation = directory.client.get("/iso/pam/credential/silent/rotation").await.expect(200);
    assert_eq!(rotation["rotation"]["attempts"], json!(0), "the first one still waits for its target");
    drop(connected);
    tasks.abort();
}

/// Waits for a value.
async fn wait<T>(look: impl AsyncFn() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(value) = look().await {
            return value;
        }
        assert!(since.elapsed() < Duration::from_secs(20), "nothing came");
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
}
