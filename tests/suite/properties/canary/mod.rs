//! No secret lies or is told where it should not be: canaries of every kind are pushed through the running program,
//! and then looked for in all that it keeps and says.

mod ccp;
mod commands;
mod dsm;
mod keyfactor;
mod memory;
mod oauth1;
mod pam_v2;
mod robocorp;
mod vault_kv;
mod ways;
mod workload;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro::crypto::random_bytes;

use crate::support::decrypt::{By, PrivateKey};
use crate::support::{Answer, Credentials, Program, Serving, TestClient, contents};
use ccp::{ask_and_guess, create_app_id};
use commands::fail_with_secrets;
use dsm::{create_dsm_client, save_and_import};
use keyfactor::{create_keyfactor_client, keep_provider_secrets};
use oauth1::{create_signing_key, sign_wrongly};
use pam_v2::read_metadata;
use robocorp::read_as_robot;
use vault_kv::log_in_and_guess;
use ways::{
    create_session_client, keep_secrets, on_marker, open_sessions, read_encrypted, send_raw, send_secrets_astray,
    show_wrong_secrets,
};
use workload::log_in_as_workload;

/// What stands in every place that is searched, to show that it was.
const HOSTNAME: &str = "marker-hostname";

/// Secrets that nobody else has, each with the way that it went.
#[derive(Default)]
struct Canaries(Vec<(String, String)>);

impl Canaries {
    /// A new secret. Its letters are those of base32, so that it passes for a TOTP seed too.
    fn hatch(&mut self, way: &str) -> String {
        let letter = |byte: u8| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(byte % 32)]);
        let secret: String = random_bytes::<32>().map(letter).iter().collect();
        self.add(way, &secret);
        secret
    }

    /// A new secret that is a whole number of 18 digits.
    fn hatch_number(&mut self, way: &str) -> i64 {
        let number = i64::from_ne_bytes(random_bytes()).rem_euclid(900_000_000_000_000_000) + 100_000_000_000_000_000;
        self.add(way, &number.to_string());
        number
    }

    /// A secret that the program made.
    fn add(&mut self, way: &str, secret: &str) {
        self.0.push((way.into(), secret.into()));
    }

    /// Each secret that is in one of the places, in any form.
    fn found_in(&self, places: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
        let mut found = Vec::new();
        for (place, bytes) in places {
            let text = String::from_utf8_lossy(bytes);
            for (way, secret) in &self.0 {
                let forms = forms(secret.as_bytes()).into_iter().chain([("as it is", secret.clone())]);
                let seen = forms.filter(|(_, form)| text.contains(form.as_str()));
                found.extend(seen.map(|(form, _)| format!("{way}, {form}, in {place}")));
            }
        }
        found
    }
}

/// What the bytes look like in hexadecimal and in base64, whatever stands before them.
fn forms(secret: &[u8]) -> Vec<(&'static str, String)> {
    let mut forms = vec![("in hexadecimal", hex::encode(secret)), ("in hexadecimal", hex::encode_upper(secret))];
    for before in 0..3 {
        let encoded = STANDARD.encode([&vec![0; before][..], secret].concat());
        // The first and the last letters hold bits of the neighbours.
        let whole = encoded[(before * 8).div_ceil(6)..(before + secret.len()) * 8 / 6].to_string();
        forms.push(("in base64", whole.replace('+', "-").replace('/', "_")));
        forms.push(("in base64", whole));
    }
    forms
}

#[test]
fn the_search_finds_a_secret_in_every_form() {
    let mut canaries = Canaries::default();
    let secret = canaries.hatch("a way");
    let search = |text: String| canaries.found_in(&[("a place".to_string(), text.into_bytes())].into());
    assert_eq!(search(format!("\u{0}x{secret}x")), ["a way, as it is, in a place"]);
    assert!(search(hex::encode(format!("x{secret}"))).contains(&"a way, in hexadecimal, in a place".to_string()));
    for before in ["", "x", "xx", "xxx", "xxxx"] {
        let encoded = STANDARD.encode(format!("{before}{secret}, and more"));
        assert!(search(encoded).contains(&"a way, in base64, in a place".to_string()), "{before}");
    }
    assert_eq!(search("nothing".into()), [""; 0]);
}

/// What the answers said, by what was asked.
#[derive(Default)]
struct Told(BTreeMap<String, Vec<u8>>);

impl Told {
    /// Notes an answer; one that has another status is not what the test is about.
    #[track_caller]
    fn note(&mut self, to: &str, status: u16, answer: &Answer) {
        assert_eq!(answer.status.as_u16(), status, "{to}: {}", answer.text);
        let whole = format!("{:?}\n{}", answer.headers, answer.text);
        assert!(self.0.insert(format!("the answer to {to}"), whole.into_bytes()).is_none(), "{to} twice");
    }
}

fn serve_with_every_log(program: &Program) -> Serving {
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
    for family in ["VAULT_KV", "PAM_V2", "CCP", "ROBOCORP", "DSM"] {
        command.env(format!("CHAVEIRO__{family}__ENABLED"), "true");
    }
    command.env("CHAVEIRO__PAM__OAUTH1", "true");
    Serving::start(command)
}

/// A client with a key pair that the command line makes, and the private key, which is a canary too.
fn create_encrypting(program: &Program, canaries: &mut Canaries) -> (Credentials, PrivateKey) {
    let create = ["authorization", "create", "--application", "erp", "--resource", "pam-core"];
    let made = program.json(&[&create[..], &["--access", "read-only", "--encrypt-responses"]].concat());
    let text = |name: &str| made[name].as_str().unwrap().to_string();
    canaries.add("the secret of a client with a key", &text("client_secret"));
    canaries.add("a private key for answers", text("response_private_key").lines().nth(5).unwrap());
    let credentials = Credentials { id: text("client_id"), secret: text("client_secret") };
    (credentials, PrivateKey::new(&text("response_private_key"), By::AwsLc))
}

#[track_caller]
fn assert_holds(places: &BTreeMap<String, Vec<u8>>, place: &str, marker: &str) {
    let bytes = places.iter().filter(|(name, _)| name.starts_with(place)).flat_map(|(_, bytes)| bytes);
    let bytes: Vec<u8> = bytes.copied().collect();
    assert!(String::from_utf8_lossy(&bytes).contains(marker), "{place} does not hold {marker}");
}

/// A server through which secrets went, and what it answered.
struct Exercised {
    server: Serving,
    client: TestClient,
    canaries: Canaries,
    told: Told,
}

/// Serves, and sends a secret on every way.
async fn exercise(program: &Program) -> Exercised {
    let (mut canaries, mut told) = (Canaries::default(), Told::default());
    let credentials = program.create_client("erp");
    canaries.add("a client's secret", &credentials.secret);
    let session_credentials = create_session_client(program);
    let (encrypting, private) = create_encrypting(program, &mut canaries);
    let keyfactor = create_keyfactor_client(program, &mut canaries);
    let app_id = create_app_id(program);
    let signing_key = create_signing_key(program, &credentials.id, &mut canaries);
    let dsm = create_dsm_client(program);
    let server = serve_with_every_log(program);
    let client = server.client(&credentials).await;
    canaries.add("an access token", &client.token);
    canaries.add("a token's signature", client.token.rsplit('.').next().unwrap());
    client.create_device(HOSTNAME, "10.0.0.1").await;

    keep_secrets(&client, &mut canaries, &mut told).await;
    program.done(&["authorization", "link", "--client-id", &app_id, "--device", HOSTNAME]);
    for target in [["--device", HOSTNAME], ["--information", "info"]] {
        program.done(&[&["authorization", "link", "--client-id", &encrypting.id][..], &target].concat());
    }
    read_encrypted(&server.client(&encrypting).await, &private, &mut told).await;
    send_secrets_astray(&client, &mut canaries, &mut told).await;
    show_wrong_secrets(&client, &server.anonymous(), &mut canaries, &mut told).await;
    keep_provider_secrets(&server, &keyfactor, &mut canaries, &mut told).await;
    log_in_and_guess(&server, &credentials, &mut canaries, &mut told).await;
    log_in_as_workload(program, &server, &credentials, &mut canaries, &mut told).await;
    read_metadata(&client, &mut canaries, &mut told).await;
    read_as_robot(&server, &client, &mut canaries, &mut told).await;
    ask_and_guess(&server, &app_id, &mut canaries, &mut told).await;
    sign_wrongly(&server, &signing_key, &mut canaries, &mut told).await;
    save_and_import(&server, &dsm, &mut canaries, &mut told).await;
    for (way, before) in [("a bad header", "GET /iso HTTP/1.1\r\nbad header "), ("no HTTP", "hello ")] {
        let bytes = format!("{before}{}\r\n\r\n", canaries.hatch(way));
        send_raw(server.address, way, &bytes, &mut told);
    }
    program.done(&["authorization", "link", "--client-id", &session_credentials.id, "--device", HOSTNAME]);
    let session_client = server.client(&session_credentials).await;
    open_sessions(&session_client, &server.anonymous(), &mut canaries, &mut told).await;
    let new_secret = program.json(&["authorization", "rotate-secret", "--client-id", &credentials.id]);
    canaries.add("a new client secret", new_secret["client_secret"].as_str().unwrap());
    assert!(canaries.0.len() > 40);
    Exercised { server, client, canaries, told }
}

#[actix_web::test]
async fn no_secret_is_found_where_none_belongs() {
    let program = Program::new();
    let Exercised { server, client, mut canaries, mut told } = exercise(&program).await;
    fail_with_secrets(&program, &server, &mut canaries, &mut told);

    let mut places = told.0;
    places.insert("the figures".into(), client.get("/metrics").await.text.into());
    for (name, bytes) in contents(&program.database) {
        places.insert(format!("database at work: {name}"), bytes);
    }
    let tail = program.done(&["audit", "tail", "-n", "1000", "--json"]);
    places.insert("the audit log".into(), tail.into());
    let stopped = server.stop();
    places.insert("the log".into(), stopped.stderr.into());
    places.insert("the output".into(), stopped.stdout.into());
    for (name, bytes) in contents(&program.database) {
        places.insert(format!("database at rest: {name}"), bytes);
    }
    assert_eq!(canaries.found_in(&places), [""; 0]);

    // And it was all there to be searched.
    assert_holds(&places, "database at work", HOSTNAME);
    assert_holds(&places, "database at rest", HOSTNAME);
    assert_holds(&places, "database at rest: audit-heads.jsonl", "node-1");
    assert_holds(&places, "the audit log", &client.client_id);
    assert_holds(&places, "the figures", "/iso/pam/credential");
    assert_holds(&places, "the log", "POST /iso/pam/credential");
    assert_holds(&places, "the log", "GET /modulos/auth 501");
    assert_holds(&places, "the log", "DEBUG");
    assert_holds(&places, "the log", "TRACE");
    assert_holds(&places, "the answer to malformed JSON", "exception");
    assert_eq!(program.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM idempotency"), [6]);
    if !program.database.is_postgresql() {
        assert!(places.contains_key("database at work: vault.sqlite-wal"), "{:?}", places.keys());
    }
}

#[actix_web::test]
async fn the_root_key_is_in_its_file_and_nowhere_else() {
    let program = Program::new();
    let credentials = program.create_client("erp");
    let server = serve_with_every_log(&program);
    let client = server.client(&credentials).await;
    client.create_device(HOSTNAME, "10.0.0.1").await;
    client.save_credential(&on_marker("u")).await;
    let mut places = contents(&program.database);
    let root_key = String::from_utf8(places.remove("root.key").unwrap()).unwrap();
    let stopped = server.stop();
    places.insert("the log".into(), stopped.stderr.into());

    let bytes = hex::decode(&root_key).unwrap();
    let mut canaries = Canaries::default();
    canaries.add("the root key's text", &root_key);
    let mut found = canaries.found_in(&places);
    for (place, held) in &places {
        let text = String::from_utf8_lossy(held);
        let forms = forms(&bytes).into_iter().filter(|(_, form)| text.contains(form.as_str()));
        found.extend(forms.map(|(form, _)| format!("the root key, {form}, in {place}")));
        // On PostgreSQL the rows are text, in which the bytes are hexadecimal, as above.
        if held.windows(bytes.len()).any(|window| window == bytes) {
            found.push(format!("the root key in {place}"));
        }
    }
    assert_eq!(found, [""; 0]);
    let all: Vec<u8> = places.into_values().flatten().collect();
    assert!(String::from_utf8_lossy(&all).contains(HOSTNAME));
}
