//! A restore whose connection is lost when it commits.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::server::PostgresServer;
use crate::support::{Program, finish, program};

/// Forwards connections to a PostgreSQL server. The one that commits a restore is cut when the server has answered the commit.
fn cut_at_commit(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
            let is_restore = Arc::new(AtomicBool::new(false));
            let is_committed = Arc::new(AtomicBool::new(false));
            let forward = |mut from: TcpStream, mut to: TcpStream, from_client: bool| {
                let (is_restore, is_committed) = (Arc::clone(&is_restore), Arc::clone(&is_committed));
                std::thread::spawn(move || {
                    let mut buffer = [0; 1 << 16];
                    while let Ok(read) = from.read(&mut buffer) {
                        if read == 0 || !from_client && is_committed.load(Ordering::SeqCst) {
                            break;
                        }
                        let has = |text: &[u8]| buffer[..read].windows(text.len()).any(|part| part == text);
                        if from_client && has(b"LOCK TABLE vault_meta") {
                            is_restore.store(true, Ordering::SeqCst);
                        }
                        if from_client && has(b"COMMIT") && is_restore.load(Ordering::SeqCst) {
                            is_committed.store(true, Ordering::SeqCst);
                        }
                        if to.write_all(&buffer[..read]).is_err() {
                            break;
                        }
                    }
                    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                });
            };
            forward(client.try_clone().unwrap(), server.try_clone().unwrap(), true);
            forward(server, client, false);
        }
    });
    address
}

#[actix_web::test]
async fn a_restore_whose_commit_is_not_confirmed_keeps_the_root_key() {
    let Some(postgres) = PostgresServer::start() else { return };
    let source = Program::new();
    let credentials = source.create_client("erp");
    let server = source.serve();
    let client = server.client(&credentials).await;
    client.create_device("a", "10.0.0.1").await;
    let credential =
        json!({ "hostname": "a", "ip": "10.0.0.1", "username": "i", "identifier": "i", "content": "secret of i" });
    client.save_credential(&credential).await;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let key = finish(program(&["backup", "key", "--output", &path("recovery.key")]));
    source.done(&["backup", "create", "--recipient", key.stdout.trim(), "--output", &path("a.age")]);
    drop(server);

    let direct = postgres.url();
    let mut target = Program::new();
    target.url = direct.replace(&postgres.address().to_string(), &cut_at_commit(postgres.address()).to_string());
    let restored = target.run(&["backup", "restore", &path("a.age"), "--identity", &path("recovery.key")]);
    assert!(restored.code != 0 && restored.stderr.contains("whether it was is unknown"), "{restored:?}");
    assert!(target.database.dir.path().join("root.key").exists());
    target.url = direct;
    target.done(&["database", "check"]);
    let server = target.serve();
    assert_eq!(server.client(&credentials).await.password("i").await, "secret of i");
    drop(server);
    target.done(&["audit", "verify"]);
}
