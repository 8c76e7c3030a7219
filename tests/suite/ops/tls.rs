//! TLS of the server itself, and clients that show a certificate.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chaveiro::vault::access::{CertificateFingerprint, Origin};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::{Certificate, Identity};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, NamedGroup, RootCertStore};
use sha2::{Digest, Sha256};

use crate::support::{Program, Service, Serving, TestApp, TestClient, origin, write_private};

/// A certificate and its private key, in PEM.
struct Shown {
    certificate: String,
    key: String,
    fingerprint: [u8; 32],
}

fn self_signed() -> Shown {
    self_signed_until(2037)
}

/// A certificate that expires when a year begins.
fn self_signed_until(year: i32) -> Shown {
    let mut params = CertificateParams::new(["localhost".to_string()]).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let fingerprint = Sha256::digest(made.der()).into();
    Shown { certificate: made.pem(), key: key.serialize_pem(), fingerprint }
}

/// When the certificate expires, as the metric says: the time at which a year begins.
async fn expiry(client: &TestClient) -> String {
    let text = client.get("/metrics").await.text;
    let line = text.lines().find(|line| line.starts_with("chaveiro_tls_certificate_expiry_timestamp_seconds"));
    let seconds = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    chrono::DateTime::from_timestamp(seconds, 0).unwrap().to_rfc3339()
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issued_by(authority: &CertifiedIssuer<'static, KeyPair>) -> Shown {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["robot".to_string()]).unwrap().signed_by(&key, authority).unwrap();
    let fingerprint = Sha256::digest(certificate.der()).into();
    Shown { certificate: certificate.pem(), key: key.serialize_pem(), fingerprint }
}

/// A vault behind TLS, and its certificate.
async fn vault(directory: &Path, authority: Option<&str>) -> (TestApp, Shown) {
    let server = self_signed();
    let (certificate, key, client_ca) =
        (directory.join("server.pem"), directory.join("server.key"), directory.join("clients.pem"));
    std::fs::write(&certificate, &server.certificate).unwrap();
    write_private(&key, &server.key);
    std::fs::write(&client_ca, authority.unwrap_or_default()).unwrap();
    let app = TestApp::start_with(|settings| {
        settings.tls.certificate = Some(certificate);
        settings.tls.key = Some(key);
        settings.tls.client_ca = authority.map(|_| client_ca);
    });
    (app.await, server)
}

/// A client of the vault that has to show a certificate.
async fn bound_client(app: &TestApp, shown: &Shown) -> TestClient {
    let fingerprint = CertificateFingerprint(shown.fingerprint);
    let names = shown.fingerprint.map(|byte| format!("{byte:02X}")).join(":");
    let from = Origin { certificate: Some(fingerprint), ..origin() };
    app.client_from(from, |request| request.certificates = vec![names]).await
}

/// The way to the vault with a certificate to show, or none.
fn over_tls(client: &TestClient, server: &Shown, shown: Option<&Shown>) -> TestClient {
    let trusted = Certificate::from_pem(server.certificate.as_bytes()).unwrap();
    let mut http = reqwest::Client::builder().tls_certs_only([trusted]);
    if let Some(shown) = shown {
        let pem = format!("{}{}", shown.key, shown.certificate);
        http = http.identity(Identity::from_pem(pem.as_bytes()).unwrap());
    }
    client.over_https("localhost", http.build().unwrap())
}

#[actix_web::test]
async fn the_key_exchange_is_post_quantum_with_a_client_that_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let (app, server) = vault(directory.path(), None).await;
    let (address, certificate) = (app.address, server.certificate);
    let negotiated = actix_web::rt::task::spawn_blocking(move || {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = versions.with_root_certificates(roots).with_no_client_auth();
        let mut connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).unwrap();
        }
        connection.negotiated_key_exchange_group().map(|group| group.name())
    });
    assert_eq!(negotiated.await.unwrap(), Some(NamedGroup::X25519MLKEM768));
}

#[actix_web::test]
async fn a_client_is_let_in_with_its_certificate_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (app, server) = vault(directory.path(), None).await;
    let (own, other) = (self_signed(), self_signed());
    let client = bound_client(&app, &own).await;
    over_tls(&client, &server, Some(&own)).get("/iso/pam/device").await.expect(200);
    for wrong in [None, Some(&other)] {
        let client = over_tls(&client, &server, wrong);
        client.get("/iso/pam/device").await.expect_refusal(403, "You are not authorized");
        assert_eq!(client.token_status().await, 401);
    }
    assert_eq!(over_tls(&client, &server, Some(&own)).token_status().await, 200);
}

/// Without an authority nobody else looks at the dates. The connection is open all the time.
#[actix_web::test]
async fn a_certificate_that_has_expired_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let (app, server) = vault(directory.path(), None).await;
    let (mut params, key) = (CertificateParams::new(["robot".to_string()]).unwrap(), KeyPair::generate().unwrap());
    params.not_after = rcgen::date_time_ymd(2026, 3, 31);
    let certificate = params.self_signed(&key).unwrap();
    let fingerprint = Sha256::digest(certificate.der()).into();
    let own = Shown { certificate: certificate.pem(), key: key.serialize_pem(), fingerprint };
    let client = app.with_static_token(&bound_client(&app, &own).await).await;
    let client = over_tls(&client, &server, Some(&own));
    client.get("/iso/pam/device").await.expect(200);
    app.clock.advance(std::time::Duration::from_secs(27 * 86400));
    client.get("/iso/pam/device").await.expect_refusal(403, "You are not authorized");
}

#[actix_web::test]
async fn who_needs_no_certificate_calls_without_one_or_with_any() {
    let directory = tempfile::tempdir().unwrap();
    let (app, server) = vault(directory.path(), None).await;
    let client = app.client_from(origin(), |_| {}).await;
    over_tls(&client, &server, None).get("/iso/pam/device").await.expect(200);
    over_tls(&client, &server, Some(&self_signed())).get("/iso/pam/device").await.expect(200);
}

#[actix_web::test]
async fn with_an_authority_strangers_do_not_even_connect() {
    let directory = tempfile::tempdir().unwrap();
    let authority = authority();
    let (app, server) = vault(directory.path(), Some(&authority.pem())).await;
    let (own, stranger) = (issued_by(&authority), self_signed());
    let client = bound_client(&app, &own).await;
    over_tls(&client, &server, Some(&own)).get("/iso/pam/device").await.expect(200);
    over_tls(&client, &server, None).get("/iso/pam/device").await.expect(403);
    assert!(!over_tls(&client, &server, Some(&stranger)).connects().await);
}

#[actix_web::test]
async fn plain_http_gets_nothing_where_tls_is_spoken() {
    let directory = tempfile::tempdir().unwrap();
    let (app, _) = vault(directory.path(), None).await;
    assert!(!app.anonymous().connects().await);
}

/// Writes the files of the server and the settings that name them.
fn write_files(directory: &Path, server: &Shown, client_ca: &str) -> PathBuf {
    let file = |name: &str, text: &str| {
        write_private(&directory.join(name), text);
        directory.join(name).display().to_string()
    };
    let (certificate, key) = (file("server.pem", &server.certificate), file("server.key", &server.key));
    let client_ca = file("clients.pem", client_ca);
    let settings = format!("[tls]\ncertificate = '{certificate}'\nkey = '{key}'\nclient_ca = '{client_ca}'\n");
    PathBuf::from(file("settings.toml", &settings))
}

#[actix_web::test]
async fn sighup_loads_a_renewed_certificate_and_other_authorities() {
    let program = Program::new();
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (self_signed(), self_signed());
    let authorities = [authority(), authority()];
    let robots = [0, 1].map(|index| issued_by(&authorities[index]));
    let settings = write_files(directory.path(), &old, &authorities[0].pem());
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--config", settings.to_str().unwrap()];
    let server = Serving::start(program.command(&arguments));
    let anonymous = server.anonymous();
    let connects = async |server: &Shown, robot| over_tls(&anonymous, server, robot).connects().await;
    assert!(connects(&old, None).await && connects(&old, Some(&robots[0])).await);
    assert!(!connects(&new, None).await && !connects(&old, Some(&robots[1])).await);

    // The key of another certificate, as halfway through a renewal; no PEM; no file. The error names the file.
    let key = directory.path().join("server.key");
    std::fs::write(&key, &new.key).unwrap();
    let refused = server.reload("those in use are kept: ");
    assert!(refused.contains("server.pem and the key") && refused.contains("server.key"), "{refused}");
    std::fs::write(directory.path().join("server.pem"), "nonsense").unwrap();
    server.reload("server.pem is not a chain of certificates");
    // The watcher of files may look at any moment: the new ones are never all there.
    std::fs::remove_file(directory.path().join("clients.pem")).unwrap();
    std::fs::write(directory.path().join("server.pem"), &new.certificate).unwrap();
    server.reload("clients.pem: entity not found");
    assert!(connects(&old, Some(&robots[0])).await && !connects(&new, None).await);

    write_files(directory.path(), &new, &authorities[1].pem());
    server.reload("SIGHUP: the TLS files were reloaded");
    assert!(connects(&new, None).await && connects(&new, Some(&robots[1])).await);
    assert!(!connects(&old, None).await && !connects(&new, Some(&robots[0])).await);
    assert_eq!(server.stop().code, 0);
}

#[actix_web::test]
async fn a_reload_that_hangs_holds_up_neither_requests_nor_the_end() {
    let program = Program::new();
    let directory = tempfile::tempdir().unwrap();
    let own = self_signed();
    let settings = write_files(directory.path(), &own, &authority().pem());
    let server =
        Serving::start(program.command(&["serve", "--listen", "127.0.0.1:0", "--config", settings.to_str().unwrap()]));
    let anonymous = server.anonymous();
    let certificate = directory.path().join("server.pem");
    std::fs::remove_file(&certificate).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&certificate).status().unwrap();
    assert!(made.success());
    server.signal("HUP");
    assert!(over_tls(&anonymous, &own, None).connects().await);
    // A later reload is not held up by the one that hangs, nor undone by it.
    let renewed = self_signed();
    std::fs::remove_file(&certificate).unwrap();
    write_files(directory.path(), &renewed, &authority().pem());
    server.reload("SIGHUP: the TLS files were reloaded");
    assert!(over_tls(&anonymous, &renewed, None).connects().await);
    assert!(!over_tls(&anonymous, &own, None).connects().await);
    assert_eq!(server.stop().code, 0);
}

#[actix_web::test]
async fn a_renewed_certificate_is_loaded_without_a_signal_and_open_connections_go_on() {
    let program = Program::new();
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (self_signed_until(2037), self_signed_until(2038));
    let settings = write_files(directory.path(), &old, &authority().pem());
    let server =
        Serving::start(program.command(&["serve", "--listen", "127.0.0.1:0", "--config", settings.to_str().unwrap()]));
    let anonymous = server.anonymous();
    let open = over_tls(&anonymous, &old, None);
    assert_eq!(expiry(&open).await, "2037-01-01T00:00:00+00:00");
    assert_eq!(open.get("/health/live").await.header("strict-transport-security"), Some("max-age=31536000"));
    write_files(directory.path(), &new, &authority().pem());
    let since = std::time::Instant::now();
    while !over_tls(&anonymous, &new, None).connects().await {
        assert!(since.elapsed() < std::time::Duration::from_secs(60), "{}", server.stderr.text());
    }
    assert_eq!(open.get("/health/live").await.status, 200, "on its connection");
    // Written after the files are in use.
    let said =
        server.stderr.wait_for("the TLS files have changed and were reloaded", std::time::Duration::from_secs(60));
    assert!(said.is_some());
    // The metric is of the certificate in use, on open connections too, and follows a signal.
    assert_eq!(expiry(&open).await, "2038-01-01T00:00:00+00:00");
    write_files(directory.path(), &self_signed_until(2039), &authority().pem());
    server.reload("SIGHUP: the TLS files were reloaded");
    assert_eq!(expiry(&open).await, "2039-01-01T00:00:00+00:00");
    // What cannot be loaded changes nothing.
    std::fs::write(directory.path().join("server.pem"), "no certificate").unwrap();
    server.reload("server.pem");
    assert_eq!(expiry(&open).await, "2039-01-01T00:00:00+00:00");
    assert_eq!(server.stop().code, 0);
}

#[actix_web::test]
async fn plain_http_for_other_machines_is_named_in_the_log() {
    for (address, is_named) in [("127.0.0.1:0", false), ("0.0.0.0:0", true)] {
        let program = Program::initialised();
        let server = Serving::start(program.command(&["serve", "--listen", address]));
        let log = server.stderr.text();
        let stopped = server.stop();
        assert_eq!(stopped.code, 0);
        assert_eq!((log + &stopped.stderr).contains("tls-missing: "), is_named, "{address}");
    }
}

#[actix_web::test]
async fn tls_is_of_version_1_2_or_1_3_with_forward_secrecy() {
    let directory = tempfile::tempdir().unwrap();
    let (app, _) = vault(directory.path(), None).await;
    for (options, is_accepted) in [
        (&["-tls1_3"][..], true),
        (&["-tls1_2"], true),
        (&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], false),
        (&["-tls1_2", "-cipher", "AES128-SHA256:AES256-GCM-SHA384:@SECLEVEL=0"], false),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES256-SHA:@SECLEVEL=0"], false),
    ] {
        let Some(program) = Service::find_program("openssl") else { return };
        let address = app.address.to_string();
        let arguments = [&["s_client", "-connect", &address], options].concat();
        let output = actix_web::web::block({
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            move || std::process::Command::new(program).args(arguments).stdin(std::process::Stdio::null()).output()
        });
        let output = output.await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let agreed = text.contains("New, TLSv1.") && !text.contains("Cipher is (NONE)");
        assert_eq!(agreed, is_accepted, "{options:?}: {text}");
    }
}
