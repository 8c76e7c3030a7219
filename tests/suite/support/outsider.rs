//! A client that sees an account in a directory, and not the administrator whose login changes it.

use std::net::TcpListener;

use chaveiro::vault::access::link::LinkTarget;
use serde_json::json;

use super::{BIND_DN, BIND_PASSWORD, TestApp, TestClient};

/// Registers the administrator on the device `console`, and returns a client that sees the device `directory` alone.
pub(crate) async fn outsider(app: &TestApp, client: &TestClient) -> TestClient {
    client.create_device("console", "127.0.0.1").await;
    let administrator = json!({ "hostname": "console", "ip": "127.0.0.1", "username": BIND_DN,
                                "identifier": "administrator", "content": BIND_PASSWORD });
    client.save_credential(&administrator).await;
    let outsider = app.client().await;
    app.link(&outsider, LinkTarget::Device("directory".into())).await;
    outsider.get("/iso/pam/credential/administrator").await.expect_number(1009);
    outsider
}

/// Saves a device on which a directory listens.
pub(crate) async fn save_directory(client: &TestClient, hostname: &str, ip: &str, port: u16) {
    let device = json!({ "hostname": hostname, "ip": ip, "type": "Server", "vendor": "OpenLDAP", "model": "2.6",
                         "site": "Default", "connectivities": format!("LDAPS:{port}") });
    let saved = client.post("/iso/pam/device", &device).await;
    assert!(saved.status.is_success(), "{}", saved.text);
}

/// A host of an outsider. Nothing may connect to it.
pub(crate) struct Trap(TcpListener);

impl Trap {
    pub(crate) fn set(ip: &str) -> Self {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    #[track_caller]
    pub(crate) fn expect_silence(&self) {
        assert!(self.0.accept().is_err(), "the vault has connected");
    }
}
