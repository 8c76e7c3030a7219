//! Measures how the cost of a get, a page and a filtered list grows with the vault: 1 000, 100 000 and 1 000 000
//! credentials, through the vault with permission, audit record and commit, without HTTP.
//!
//! `cargo bench --bench growth` prints the median of each and its ratio to the smallest vault. The rows are made with
//! SQL; those that are read are saved through the vault. `CHAVEIRO_BENCH_SIZES=1000,100000` leaves sizes out;
//! `CHAVEIRO_BENCH_DATABASE_URL` names an empty PostgreSQL database to use instead of SQLite, and one size with it.

#![expect(clippy::disallowed_methods, reason = "a bench measures time outside of the vault")]
#![expect(clippy::expect_used, reason = "a bench that cannot go on ends in a panic")]
#![expect(clippy::print_stdout, reason = "the report")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use chaveiro::clock::Clock;
use chaveiro::config::Settings;
use chaveiro::crypto::SecretText;
use chaveiro::http::Metrics;
use chaveiro::store::{CommitObserver, Database};
use chaveiro::vault::access::authorization::AuthorizationRequest;
use chaveiro::vault::access::client_authentication::ClientCredentials;
use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::access::sender_constraint::PresentedToken;
use chaveiro::vault::access::token_endpoint::TokenOptions;
use chaveiro::vault::access::{ClientAccess, Origin, Resource};
use chaveiro::vault::credential::{CredentialInput, SavePolicy};
use chaveiro::vault::device::{DeviceFields, DeviceInput};
use chaveiro::vault::operation::{Action, Permit, Request};
use chaveiro::vault::pagination::{CursorPage, Filter, ListRequest};
use chaveiro::vault::{IdentifierPolicy, Vault, VaultLocation};
use diesel::connection::SimpleConnection;

/// How often each request is repeated; the median counts.
const TIMES: usize = 101;
/// How many credentials share a device.
const CREDENTIALS_ON_A_DEVICE: usize = 10;
/// The requirements of the older dialect.
const SAVE_POLICY: SavePolicy =
    SavePolicy { identifiers: IdentifierPolicy::Free, username_required: false, jit_complete: false };

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let sizes = std::env::var("CHAVEIRO_BENCH_SIZES").unwrap_or("1000,100000,1000000".into());
    let sizes = sizes.split(',').map(|size| size.parse().expect("a size is a number"));
    let runtime = actix_web::rt::System::new();
    let mut smallest: Option<Vec<Duration>> = None;
    for size in sizes {
        let figures = runtime.block_on(measure(size));
        let base = smallest.get_or_insert_with(|| figures.iter().map(|(_, median)| *median).collect());
        println!("\n{size} credentials{:34}median   ratio", "");
        for ((name, median), base) in figures.iter().zip(base) {
            let ratio = median.as_secs_f64() / base.as_secs_f64();
            println!("  {name:40} {:9.2} ms {ratio:7.2}", median.as_secs_f64() * 1e3);
        }
    }
}

async fn measure(size: usize) -> Vec<(&'static str, Duration)> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let url = std::env::var("CHAVEIRO_BENCH_DATABASE_URL").ok();
    let location = VaultLocation::new(directory.path(), url.as_deref()).expect("a database");
    let settings = Settings::defaults().expect("the settings");
    let observer: Arc<dyn CommitObserver> = Arc::new(Metrics::default());
    let vault = Vault::open(&location, &settings, Clock::system(), &observer).expect("a vault");
    let create = operator(&vault, Action::APPLICATION_CREATE).await;
    vault.create_application(create, "bench").await.expect("an application");
    let (_, owner) = client(&vault).await;
    let device = DeviceInput {
        hostname: Some("host".into()),
        ip: Some("10.0.0.1".into()),
        fields: DeviceFields {
            device_type: Some("Server".into()),
            vendor: Some("Debian".into()),
            model: Some("12".into()),
            site: Some("Lisbon".into()),
            ..DeviceFields::default()
        },
    };
    vault.save_device(permit(&vault, &owner, Action::DEVICE_SAVE).await, device).await.expect("a device");
    fill(&location, size);
    let credential = CredentialInput {
        hostname: Some("host".into()),
        ip: Some("10.0.0.1".into()),
        username: Some("wanted".into()),
        identifier: Some("wanted".into()),
        content: Some(SecretText::new("p".into())),
        ..CredentialInput::default()
    };
    let save = permit(&vault, &owner, Action::CREDENTIAL_SAVE).await;
    vault.save_credential(save, credential, SAVE_POLICY).await.expect("a credential");
    // The owner sees all; this one sees ten.
    let (guest_id, guest) = client(&vault).await;
    for number in 1..=10 {
        let target = LinkTarget::Credential(format!("id-{}", number * size / 10));
        let permit = operator(&vault, Action::AUTHORIZATION_LINK).await;
        vault.link(permit, &guest_id, target).await.expect("a link");
    }

    let middle = i32::try_from(size / 2).expect("an id");
    let get = async |key: &str| {
        let permit = permit(&vault, &owner, Action::CREDENTIAL_READ).await;
        vault.read_credential(permit, key.into(), false).await.expect("a read");
    };
    let list = async |token: &SecretText, filter: Filter, page: Option<CursorPage>, rows: usize| {
        let permit = permit(&vault, token, Action::CREDENTIAL_LIST).await;
        let listed = vault.list_credentials(permit, ListRequest { filter, page }).await.expect("a list");
        assert_eq!(listed.rows.len(), rows);
    };
    let all = Filter::default;
    let page = |after: i32| Some(CursorPage { after: after.into(), offset: 0, limit: 100 });
    let by_username = || Filter { username: Some("user-7".into()), ..all() };
    let by_hostname = || Filter { hostname: Some("host-7".into()), ..all() };
    let by_identifier = || Filter { identifier: Some("id-7".into()), ..all() };
    let by_tag = |tag: &str| Filter { tag: Some(tag.into()), ..all() };
    vec![
        ("get by identifier", median(async || get("wanted").await).await),
        ("get by username@hostname", median(async || get("wanted@host").await).await),
        ("first page", median(async || list(&owner, all(), page(0), 100).await).await),
        ("page in the middle", median(async || list(&owner, all(), page(middle), 100).await).await),
        ("by username", median(async || list(&owner, by_username(), None, 1).await).await),
        ("by hostname", median(async || list(&owner, by_hostname(), None, 10).await).await),
        ("by identifier", median(async || list(&owner, by_identifier(), None, 1).await).await),
        ("by a rare tag", median(async || list(&owner, by_tag("rare"), page(0), 10).await).await),
        ("by a common tag", median(async || list(&owner, by_tag("common"), page(0), 100).await).await),
        ("page of one who sees ten", median(async || list(&guest, all(), page(0), 10).await).await),
        ("whole list of one who sees ten", median(async || list(&guest, all(), None, 10).await).await),
    ]
}

/// Creates a client that may do everything, and returns its id and a token.
async fn client(vault: &Vault) -> (String, SecretText) {
    let request = AuthorizationRequest::new("bench", vec![Resource::PamCore], ClientAccess::ReadWrite);
    let permit = operator(vault, Action::AUTHORIZATION_CREATE).await;
    let created = vault.create_authorization(permit, request).await.expect("a client");
    let client_id = created.client_id.clone();
    let client_secret = created.client_secret.expect("a secret").text().clone();
    let credentials = ClientCredentials { client_id: created.client_id, client_secret };
    let issued = vault.issue_token(&credentials.into(), origin(), TokenOptions::default()).await;
    (client_id, issued.expect("a token").token)
}

fn origin() -> Origin {
    let source = std::net::IpAddr::from([127, 0, 0, 1]);
    Origin { source, request_id: "bench".into(), family: "pam", referer: None, certificate: None }
}

async fn permit(vault: &Vault, token: &SecretText, action: Action) -> Permit {
    // The bench runs no background tasks, which keep the grants fresh.
    vault.refresh().await.expect("the grants");
    let request = vault.authenticate(Some(PresentedToken::bearer(token.expose())), origin()).expect("a valid token");
    vault.authorize(request, action).await.expect("a permit")
}

async fn operator(vault: &Vault, action: Action) -> Permit {
    vault.refresh().await.expect("the grants");
    vault.authorize(Request::operator(), action).await.expect("a permit")
}

/// Inserts devices, credentials with their passwords, their links to the first client, and two tags; every tenth credential has the common one.
fn fill(location: &VaultLocation, size: usize) {
    let numbers =
        |count: usize| format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})");
    let devices = (size / CREDENTIALS_ON_A_DEVICE).max(1);
    let (credentials, few) = (numbers(size), (size / 10).max(1));
    let sql = format!(
        "BEGIN;
         INSERT INTO device (id, hostname, hostname_key, ip, ip_key, kind, vendor, model, site, domains, tags, connectivities,
            session_remote_config, active, created_at, changed_at) {}
         SELECT 1 + i, 'host-' || i, 'host-' || i, '10.0.0.1', '10.0.0.1', 'Server', '', '', '', '', '', '', '', true, 0, 0 FROM n;
         INSERT INTO credential (id, kind, device_id, username, identifier, credential_type, additional, tags, domain,
            active, created_at, changed_at) {credentials}
         SELECT i, 'password', 2 + i % {devices}, 'user-' || i, 'id-' || i, 'Local User', '', '', '', true, 0, 0 FROM n;
         INSERT INTO secret (kind, owner_id, version, state, sealed, data_key_id, created_at) {credentials}
         SELECT 'credential.password', i, 1, 'current', '{}', 1, 0 FROM n;
         INSERT INTO secret_head (kind, owner_id, highest_version, current_version, current_changed_at, mac) {credentials}
         SELECT 'credential.password', i, 1, 1, 0, '{}' FROM n;
         INSERT INTO authorization_link (authorization_id, object_kind, object_id) {credentials}
         SELECT 1, 'credential', i FROM n;
         INSERT INTO lookup (id, kind, name, name_key) VALUES (101, 'tag', 'common', 'common'), (102, 'tag', 'rare', 'rare');
         INSERT INTO tagging (object_kind, object_id, tag_id) {}
         SELECT 'credential', 10 * i, 101 FROM n;
         INSERT INTO tagging (object_kind, object_id, tag_id) {}
         SELECT 'credential', {few} * i, 102 FROM n;
         COMMIT;",
        numbers(devices), "x".repeat(80), "x".repeat(32), numbers(few), numbers(10),
    );
    let mut database = Database::connect(&location.database, false).expect("a connection").expect("a database");
    database.connection().batch_execute(&sql).expect("the rows");
    if let chaveiro::store::DatabaseLocation::Postgresql(_) = location.database {
        // What its background work would have done by then. SQLite goes without statistics, as in the product.
        let rest = "SELECT setval('device_id_seq', max(id)) FROM device;
                    SELECT setval('credential_id_seq', max(id)) FROM credential;
                    SELECT setval('lookup_id_seq', 1000); ANALYZE";
        database.connection().batch_execute(rest).expect("the statistics");
    }
}

async fn median(call: impl AsyncFn()) -> Duration {
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let began = Instant::now();
        call().await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times[TIMES / 2]
}
