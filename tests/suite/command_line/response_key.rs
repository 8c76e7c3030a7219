//! Response keys: generated or imported, printed once, changed while the server runs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::changes::may_have_token;
use super::{expect_complaint, expect_recorded_failure, serving};
use crate::support::decrypt::{By, Pair, PrivateKey, openssl_is_there};
use crate::support::{Credentials, Program, Serving, TestClient, contents, noticed};

const CREATE: [&str; 8] =
    ["authorization", "create", "--application", "erp", "--resource", "pam-core", "--access", "read-only"];

/// The path of a file with that text, beside the vault's own.
fn file(program: &Program, name: &str, text: &str) -> String {
    let path = program.database.dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().into()
}

/// A credential that the made client sees too, and that client.
async fn reader(program: &Program, server: &Serving, maker: &TestClient, made: &Value) -> TestClient {
    maker.create_device("a", "10.0.0.1").await;
    let sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": "hunter2" });
    maker.save_credential(&sent).await;
    let id = made["client_id"].as_str().unwrap().to_string();
    program.done(&["authorization", "link", "--client-id", &id, "--device", "a"]);
    let credentials = Credentials { id, secret: made["client_secret"].as_str().unwrap().into() };
    let let_in = async || may_have_token(server, &credentials.id, &credentials.secret).await;
    noticed("a new client", let_in).await;
    server.client(&credentials).await
}

#[actix_web::test]
async fn a_generated_private_key_is_shown_once_opens_the_answers_and_is_kept_nowhere() {
    let (program, server, _, maker) = serving().await;
    let made = program.json(&[&CREATE[..], &["--encrypt-responses"]].concat());
    let pem = made["response_private_key"].as_str().unwrap();
    let client = reader(&program, &server, &maker, &made).await;
    let password = client.password("i").await;
    let password = password.as_str().unwrap();
    assert_eq!(PrivateKey::new(pem, By::AwsLc).open_vendor(password), "hunter2");
    if openssl_is_there() {
        assert_eq!(PrivateKey::new(pem, By::Openssl).open_vendor(password), "hunter2");
    }
    let id = client.client_id.as_str();
    let shown = program.json(&["authorization", "response-key", "--client-id", id]);
    assert_eq!((&shown["form"], shown.get("private_key")), (&json!("vendor"), None));
    assert!(shown["public_key"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----\n"));

    let said = server.stop();
    let mut kept: Vec<u8> = contents(&program.database).into_values().flatten().collect();
    kept.extend([said.stdout, said.stderr, program.done(&["audit", "tail"]), shown.to_string()].concat().bytes());
    let kept = String::from_utf8_lossy(&kept);
    // Neither as text nor as the bytes behind it, which stand as hexadecimal in what is read from PostgreSQL.
    for line in pem.lines().skip(1).filter(|line| line.len() == 64) {
        let bytes = STANDARD.decode(line).unwrap();
        assert!(!kept.contains(line) && !kept.contains(&hex::encode(bytes)), "a line of the private key");
    }
    assert!(kept.contains("BEGIN PUBLIC KEY"), "the search sees the other half");
}

#[actix_web::test]
async fn a_public_key_is_handed_in_and_no_private_one_is_shown() {
    let (program, server, _, maker) = serving().await;
    let pair = Pair::named("p384");
    let public = file(&program, "public.pem", pair.public);
    let made = program.json(&[&CREATE[..], &["--response-public-key", &public]].concat());
    assert_eq!(made.get("response_private_key"), None);
    let client = reader(&program, &server, &maker, &made).await;
    let password = client.password("i").await;
    assert_eq!(pair.key(By::AwsLc).open_jwe(password.as_str().unwrap()).0, "hunter2");
}

#[actix_web::test]
async fn an_existing_client_gets_a_key_another_form_another_key_and_none() {
    let (program, server, _, maker) = serving().await;
    let made = program.json(&CREATE);
    let client = reader(&program, &server, &maker, &made).await;
    let change = |arguments: &[&str]| {
        program.json(&[&["authorization", "response-key", "--client-id", &client.client_id][..], arguments].concat())
    };
    let read = async || client.password("i").await.as_str().unwrap().to_string();
    assert_eq!(change(&[])["form"], Value::Null);
    assert_eq!(read().await, "hunter2");

    let pair = Pair::named("rsa");
    let public = file(&program, "public.pem", pair.public);
    assert_eq!(change(&["--public-key", &public])["form"], "vendor");
    noticed("a key", async || read().await != "hunter2").await;
    assert_eq!(pair.key(By::AwsLc).open_vendor(&read().await), "hunter2");

    assert_eq!(change(&["--form", "jwe"])["form"], "jwe");
    noticed("a form", async || read().await.contains('.')).await;
    assert_eq!(pair.key(By::AwsLc).open_jwe(&read().await).0, "hunter2");

    let generated = change(&["--generate", "--form", "jwe"]);
    let private = PrivateKey::new(generated["private_key"].as_str().unwrap(), By::AwsLc);
    let kid = async || {
        let header = read().await.split('.').next().unwrap().to_string();
        let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
        serde_json::from_slice::<Value>(&header).unwrap()["kid"].clone()
    };
    noticed("another key", async || kid().await == generated["kid"]).await;
    assert_eq!(private.open_jwe(&read().await).0, "hunter2");

    assert_eq!(change(&["--remove"])["public_key"], Value::Null);
    noticed("no key", async || read().await == "hunter2").await;
    let actions = "SELECT action FROM audit_record WHERE action LIKE '%response-key' ORDER BY at";
    let (read, set) = ("authorization.read-response-key", "authorization.set-response-key");
    let expected = [read, set, set, read, set, "authorization.remove-response-key"];
    assert_eq!(program.database.texts(actions), expected);
}

#[test]
fn the_text_for_people_holds_what_they_need() {
    let program = Program::new();
    program.create_client("erp");
    let made = program.done(&[&CREATE[..], &["--encrypt-responses=jwe"]].concat());
    assert!(made.contains("-----BEGIN PRIVATE KEY-----\n") && made.contains("not shown again"), "{made}");
    let id = made.lines().find_map(|line| line.strip_prefix("client_id")).unwrap().trim().to_string();
    let response_key = ["authorization", "response-key", "--client-id", id.as_str()];
    let shown = program.done(&response_key);
    assert!(shown.contains("form  jwe") && shown.contains("kid ") && !shown.contains("PRIVATE"), "{shown}");
    let removed = program.done(&[&response_key[..], &["--remove"]].concat());
    assert_eq!(removed, format!("authorization {id} gets plain secrets\n"));
}

/// Writes a usable public key as PowerShell redirects it into a file.
fn utf_16(program: &Program) -> String {
    let path = program.database.dir.path().join("utf-16.pem");
    let text = format!("\u{feff}{}", Pair::named("p384").public);
    std::fs::write(&path, text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()).unwrap();
    path.to_str().unwrap().into()
}

#[test]
fn a_key_file_of_windows_is_a_key_file() {
    let program = Program::new();
    program.create_client("erp");
    let pem = Pair::named("p384").public.replace('\n', "\r\n");
    let public = file(&program, "public.pem", &format!("\u{feff}{pem}"));
    program.json(&[&CREATE[..], &["--response-public-key", &public]].concat());
}

#[test]
fn a_key_that_cannot_be_used_is_refused_and_nothing_is_made() {
    let program = Program::new();
    let credentials = program.create_client("erp");
    let fixture = |name: &str| format!("{}/tests/suite/fixtures/answer/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    let before = program.database.numbers("SELECT id FROM \"authorization\"");
    let wrong = [
        (fixture("rsa"), "holds a private key"),
        (fixture("rsa1024.pub"), "2048 to 8192 bits"),
        (fixture("secp256k1.pub"), "P-256, P-384, P-521 or X25519"),
        (fixture("ed25519.pub"), "P-256, P-384, P-521 or X25519"),
        (fixture("rsa-pkcs1.pub"), "openssl pkey -pubout"),
        (file(&program, "nonsense", "hunter2"), "public key in PEM"),
        (fixture("nothing"), "cannot read"),
        (utf_16(&program), "utf-16.pem is UTF-16 text"),
    ];
    let set = ["authorization", "response-key", "--client-id", credentials.id.as_str()];
    for (path, part) in &wrong {
        expect_complaint(&program.run(&[&CREATE[..], &["--response-public-key", path]].concat()), 1, part);
        expect_complaint(&program.run(&[&set[..], &["--public-key", path]].concat()), 1, part);
    }
    let curve = fixture("p256.pub");
    let both = ["--response-public-key", &curve, "--encrypt-responses=vendor"];
    expect_complaint(&program.run(&[&CREATE[..], &both].concat()), 1, "only jwe is possible");
    expect_complaint(
        &program.run(&[&set[..], &["--form", "jwe"]].concat()),
        1,
        "the authorization has no response key",
    );
    expect_complaint(&program.run(&[&set[..], &["--remove"]].concat()), 1, "the authorization has no response key");
    let unknown = ["authorization", "response-key", "--client-id", "x"];
    for arguments in [&[][..], &["--generate"], &["--remove"], &["--form", "jwe"]] {
        expect_complaint(&program.run(&[&unknown[..], arguments].concat()), 1, "there is no such authorization");
    }
    for nonsense in [&["--form", "plain"][..], &["--generate", "--remove"], &["--remove", "--form", "jwe"]] {
        assert_eq!(program.run(&[&set[..], nonsense].concat()).code, 2, "{nonsense:?}");
    }
    assert_eq!(program.database.numbers("SELECT id FROM \"authorization\""), before);
    assert_eq!(program.database.texts("SELECT form FROM response_key"), [""; 0]);
}

#[test]
fn a_key_that_cannot_be_used_leaves_a_record() {
    let program = Program::new();
    let credentials = program.create_client("erp");
    let fixture = |name: &str| format!("{}/tests/suite/fixtures/answer/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    let (private, nothing) = (fixture("rsa"), fixture("nothing"));
    let set = ["authorization", "response-key", "--client-id", credentials.id.as_str(), "--public-key"];
    for (path, part, reason) in [
        (&private, "public key: this holds a private key", "invalid-input"),
        (&nothing, "cannot read", "file-unreadable"),
    ] {
        let arguments = [&set[..], &[path]].concat();
        expect_recorded_failure(&program, &arguments, part, "authorization.set-response-key", reason);
        let arguments = [&CREATE[..], &["--response-public-key", path]].concat();
        expect_recorded_failure(&program, &arguments, part, "authorization.create", reason);
    }
}

#[test]
fn the_older_spellings_still_work() {
    let program = Program::new();
    program.create_client("erp");
    let created = program.json(&[&CREATE[..], &["--encrypt-answers=jwe"]].concat());
    let id = created["client_id"].as_str().unwrap();
    assert_eq!(program.json(&["authorization", "answer-key", "--client-id", id])["form"], "jwe");
    let help = program.done(&["authorization", "--help"]);
    assert!(help.contains("response-key") && !help.contains("answer-key"), "{help}");
}
