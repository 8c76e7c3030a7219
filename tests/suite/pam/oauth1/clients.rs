//! The published client `senhasegura` in Python, unmodified, against the program behind TLS, by a name as its users have one.

use std::path::Path;
use std::process::Command;

use actix_web::web::block;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Program, Service, Serving, finish};

const HOST: &str = "vault.example";

/// Forwards every tunnel of a client (CONNECT) to one server. The published client calls port 443 alone, and names its host.
async fn tunnels(listener: TcpListener, server: std::net::SocketAddr) {
    while let Ok((client, _)) = listener.accept().await {
        actix_web::rt::spawn(async move {
            let mut client = BufReader::new(client);
            let mut line = String::new();
            while client.read_line(&mut line).await.is_ok_and(|read| read > 2) {
                line.clear();
            }
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
            let mut server = TcpStream::connect(server).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        });
    }
}

/// Serves behind TLS with a certificate for [`HOST`].
fn serve(program: &Program, files: &Path) -> Serving {
    let made = rcgen::generate_simple_self_signed([HOST.to_string()]).unwrap();
    let (certificate, key) = (files.join("server.pem"), files.join("server.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    crate::support::write_private(&key, made.signing_key.serialize_pem());
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("CHAVEIRO__TLS__CERTIFICATE", certificate).env("CHAVEIRO__TLS__KEY", key);
    command.env("CHAVEIRO__PAM__OAUTH1", "true");
    Serving::start(command)
}

#[actix_web::test]
async fn the_client_of_pypi_reads_and_writes_signed() {
    let Some(directory) = Service::find_clients() else { return };
    let files = tempfile::tempdir().unwrap();
    let program = Program::new();
    let client = program.create_client("erp");
    let key = program.json(&["authorization", "create-signing-key", "--client-id", &client.id, "--name", "python"]);
    let server = serve(&program, files.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    actix_web::rt::spawn(tunnels(listener, server.address));

    let mut command = Command::new(directory.join("bin/python3"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", files.path()).env("HTTPS_PROXY", proxy);
    command.args(["-W", "ignore", "-c", include_str!("senhasegura_client.py")]).current_dir(files.path());
    command.env("REQUESTS_CA_BUNDLE", files.path().join("server.pem")).env("HOST", HOST).env("KEY", key.to_string());
    let finished = block(move || finish(command)).await.unwrap();
    assert_eq!((finished.code, finished.stdout.trim_end()), (0, "all passed"), "{finished:?}");
}
