//! A server in the test's own process, on a free port.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use chaveiro::clock::Clock;
use chaveiro::config::Settings;
use chaveiro::crypto::SecretText;
use chaveiro::http::{self, Endpoint, Metrics, Service, Tls};
use chaveiro::store::CommitObserver;
use chaveiro::vault::access::authorization::AuthorizationRequest;
use chaveiro::vault::access::client_authentication::ClientCredentials;
use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::access::token_endpoint::TokenOptions;
use chaveiro::vault::access::{ClientAccess, Origin, Resource};
use chaveiro::vault::audit_log::AuditRecord;
use chaveiro::vault::audit_log::Verification;
use chaveiro::vault::operation::{Action, Permit};
use chaveiro::vault::{Vault, VaultLocation};
use chrono::{DateTime, Utc};

use super::permit::operator;
use super::{TestClient, TestDatabase};

pub(crate) const APPLICATION: &str = "tests";

/// A vault that serves.
pub(crate) struct TestApp {
    pub(crate) vault: Vault,
    pub(crate) clock: Clock,
    pub(crate) address: SocketAddr,
    // Dropped before the database is.
    running: Running,
    pub(crate) database: TestDatabase,
}

/// A further node that serves.
pub(crate) struct Node {
    pub(crate) vault: Vault,
    pub(crate) address: SocketAddr,
    _running: Running,
}

/// The server and the vault, stopped when dropped.
struct Running {
    server: ServerHandle,
    vault: Vault,
}

impl Running {
    /// Serves a vault on a free port.
    fn serve(vault: &Vault, metrics: Arc<Metrics>) -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let families = http::families(vault.settings());
        let tls = Tls::load(&vault.settings().tls).unwrap();
        let server = http::serve(Service { vault: vault.clone(), metrics }, families, listener, tls.as_ref()).unwrap();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        (Self { server: handle, vault: vault.clone() }, address)
    }
}

impl TestApp {
    /// A fresh vault under the default settings.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A fresh vault under settings of the test's own.
    pub(crate) async fn start_with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let app = Self::serve(TestDatabase::new(), adjust);
        app.vault.create_application(app.operator(Action::APPLICATION_CREATE).await, APPLICATION).await.unwrap();
        app
    }

    fn serve(database: TestDatabase, adjust: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::defaults().unwrap();
        settings.http.workers = 2;
        settings.store.readers = 2;
        adjust(&mut settings);
        let clock = Clock::fixed("2026-03-04T05:06:07Z".parse::<DateTime<Utc>>().unwrap());
        let metrics = Arc::new(Metrics::default());
        let observer: Arc<dyn CommitObserver> = metrics.clone();
        let location = VaultLocation::new(database.dir.path(), Some(&database.url)).unwrap();
        let vault = Vault::open(&location, &settings, clock.clone(), &observer).unwrap();
        let (running, address) = Running::serve(&vault, metrics);
        Self { vault, clock, address, running, database }
    }

    /// The same vault, stopped and served again.
    pub(crate) async fn restart(self) -> Self {
        self.running.server.stop(true).await;
        drop(self.running);
        Self::serve(self.database, |_| {})
    }

    /// A further node on the same database that serves too.
    pub(crate) fn serve_second_node(&self) -> Node {
        let vault = self.second_node();
        let (running, address) = Running::serve(&vault, Arc::new(Metrics::default()));
        Node { vault, address, _running: running }
    }

    /// A further node on the same database, with settings and memory of its own.
    pub(crate) fn second_node(&self) -> Vault {
        self.second_node_with(|_| {})
    }

    /// As [`TestApp::second_node`], under other settings.
    pub(crate) fn second_node_with(&self, adjust: impl FnOnce(&mut Settings)) -> Vault {
        let mut settings = self.vault.settings().clone();
        settings.node.name = "node-2".into();
        adjust(&mut settings);
        let location = VaultLocation::new(self.database.dir.path(), Some(&self.database.url)).unwrap();
        let observer: Arc<dyn CommitObserver> = Arc::new(Metrics::default());
        Vault::open(&location, &settings, self.clock.clone(), &observer).unwrap()
    }

    /// The value of a metric without the prefix of its name, 0 for one that is not shown. Of waiting work it is the present one.
    pub(crate) async fn figure(&self, client: &TestClient, series: &str) -> f64 {
        self.clock.advance_monotonic(Duration::from_secs(1));
        self.vault.refresh().await.unwrap();
        let text = client.get("/metrics").await.text;
        assert!(!text.contains("erp"), "no name in\n{text}");
        let line =
            text.lines().find_map(|line| line.strip_prefix("chaveiro_")?.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Permits an action of the operator.
    pub(crate) async fn operator(&self, action: Action) -> Permit {
        operator(&self.vault, action).await
    }

    /// The client with a static token in place of its access token. Its authorization has to be bound to an origin.
    pub(crate) async fn with_static_token(&self, client: &TestClient) -> TestClient {
        let permit = self.operator(Action::AUTHORIZATION_CREATE_TOKEN).await;
        let created = self.vault.create_static_token(permit, &client.client_id, "night batch", None).await.unwrap();
        self.vault.refresh().await.unwrap();
        client.with_token(created.token.text().expose())
    }

    /// Links an object or a tag to a client.
    pub(crate) async fn link(&self, client: &TestClient, target: LinkTarget) {
        let permit = self.operator(Action::AUTHORIZATION_LINK).await;
        self.vault.link(permit, &client.client_id, target).await.unwrap();
    }

    /// Verifies the audit log, against the heads outside the database.
    pub(crate) async fn verify_audit(&self) -> Verification {
        let permit = self.operator(Action::AUDIT_VERIFY).await;
        self.vault.verify_audit(permit, &self.vault.heads_file()).await.unwrap()
    }

    /// All audit records, oldest first, without those of looking at the audit log.
    pub(crate) async fn records(&self) -> Vec<AuditRecord> {
        let permit = self.operator(Action::AUDIT_READ).await;
        let mut records = self.vault.last_records(permit, i64::from(i32::MAX), None).await.unwrap();
        let looks = [Action::AUDIT_READ.name(), Action::AUDIT_VERIFY.name()];
        records.retain(|record| !looks.contains(&record.action.as_str()));
        records
    }

    /// Gives every client thousands of links to nothing, and every tag thousands of bearers that are not there: lists
    /// are then found as for those who see much.
    pub(crate) fn swell(&self) {
        let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)";
        let links = "INSERT INTO authorization_link (authorization_id, object_kind, object_id)";
        let taggings = "INSERT INTO tagging (object_kind, object_id, tag_id)";
        self.database.run(&format!(
            "{links} {numbers} SELECT a.id, 'information', 100000 + i FROM n, \"authorization\" a;
             {taggings} {numbers} SELECT 'credential', 100000 + i, l.id FROM n, lookup l WHERE l.kind = 'tag';
             {taggings} {numbers} SELECT 'device', 100000 + i, l.id FROM n, lookup l WHERE l.kind = 'tag'"
        ));
    }

    /// A client that may read and write the PAM routes, with a token.
    pub(crate) async fn client(&self) -> TestClient {
        self.client_with(|_| {}).await
    }

    /// A client that may only read.
    pub(crate) async fn read_only_client(&self) -> TestClient {
        self.client_with(|request| request.access = ClientAccess::ReadOnly).await
    }

    /// A client under an authorization of the test's own.
    pub(crate) async fn client_with(&self, adjust: impl FnOnce(&mut AuthorizationRequest)) -> TestClient {
        let mut client = self.unauthenticated_client(adjust).await;
        client.token = client.fetch_token().await;
        client
    }

    /// A client that may only call from where this test does not: its token is issued to `origin`.
    pub(crate) async fn client_from(
        &self,
        origin: Origin,
        adjust: impl FnOnce(&mut AuthorizationRequest),
    ) -> TestClient {
        let mut client = self.unauthenticated_client(adjust).await;
        let credentials = ClientCredentials {
            client_id: client.client_id.clone(),
            client_secret: SecretText::new(client.client_secret.clone()),
        };
        let issued = self.vault.issue_token(&credentials.into(), origin, TokenOptions::default()).await;
        client.token = issued.unwrap().token.expose().into();
        client
    }

    /// A client under an authorization of the test's own, without a token.
    pub(crate) async fn unauthenticated_client(&self, adjust: impl FnOnce(&mut AuthorizationRequest)) -> TestClient {
        let mut request = AuthorizationRequest::new(APPLICATION, vec![Resource::PamCore], ClientAccess::ReadWrite);
        adjust(&mut request);
        let permit = self.operator(Action::AUTHORIZATION_CREATE).await;
        let created = self.vault.create_authorization(permit, request).await.unwrap();
        self.vault.refresh().await.unwrap();
        let mut client = self.anonymous();
        client.client_id = created.client_id;
        client.client_secret = created.client_secret.map(|secret| secret.text().expose().into()).unwrap_or_default();
        client
    }

    /// Somebody without a client.
    pub(crate) fn anonymous(&self) -> TestClient {
        TestClient::new(self.address)
    }
}

/// Every endpoint of the service, under the default settings.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    http::families(&Settings::defaults().unwrap()).endpoints()
}

/// Switches on every family that is off by default.
pub(crate) fn serve_all(settings: &mut Settings) {
    settings.vault_kv.enabled = true;
    settings.pam_v2.enabled = true;
    settings.ccp.enabled = true;
    settings.robocorp.enabled = true;
    settings.dsm.enabled = true;
}

/// The endpoints of the families that are off by default.
pub(crate) fn facade_endpoints() -> Vec<Endpoint> {
    let mut settings = Settings::defaults().unwrap();
    serve_all(&mut settings);
    let default: Vec<_> = endpoints().into_iter().map(|endpoint| (endpoint.method, endpoint.path)).collect();
    let is_new = |endpoint: &Endpoint| !default.contains(&(endpoint.method.clone(), endpoint.path.clone()));
    http::families(&settings).endpoints().into_iter().filter(is_new).collect()
}

/// This machine, without referer and certificate.
pub(crate) fn origin() -> Origin {
    Origin {
        source: "127.0.0.1".parse().unwrap(),
        request_id: String::new(),
        family: "",
        referer: None,
        certificate: None,
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Not waited for: the runtime of the test ends with it.
        drop(self.server.stop(false));
        self.vault.close();
    }
}
