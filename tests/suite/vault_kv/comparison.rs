//! The same questions to this vault and to an `OpenBao` server, and what differs in status, members and their types.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::vault;
use crate::support::{Answer, Service, TestApp, TestClient};

/// What differs on purpose: the call, the place in the answer, and the reason. Each has to differ.
const INTENDED: [(&str, &str, &str); 16] = [
    ("mounts", "secret/.deprecation_status", PLUGINS),
    ("mounts", "secret/.plugin_version", PLUGINS),
    ("mounts", "secret/.running_plugin_version", PLUGINS),
    ("mounts", "secret/.running_sha256", PLUGINS),
    ("mounts", "data.secret/.deprecation_status", PLUGINS),
    ("mounts", "data.secret/.plugin_version", PLUGINS),
    ("mounts", "data.secret/.running_plugin_version", PLUGINS),
    ("mounts", "data.secret/.running_sha256", PLUGINS),
    ("mount", "data.deprecation_status", PLUGINS),
    ("mount", "data.plugin_version", PLUGINS),
    ("mount", "data.running_plugin_version", PLUGINS),
    ("mount", "data.running_sha256", PLUGINS),
    ("health", "performance_standby", "a member of HashiCorp Vault that vaultrs requires"),
    ("seal-status", "commit_date", "a build is named by its version alone"),
    ("no mount", "status", "403 there, since no policy names the path; a token says nothing about paths here"),
    ("renew", "status", "tokens are stateless: a client logs in again"),
];
const PLUGINS: &str = "there are no plugins";
/// Mounts of `OpenBao` that this vault does not have.
const OTHER_MOUNTS: [&str; 4] = ["cubbyhole/", "identity/", "sys/", "approle/"];

/// A server in memory, killed when dropped.
struct OpenBao {
    child: Child,
    client: TestClient,
}

impl Drop for OpenBao {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl OpenBao {
    async fn start(app: &TestApp, home: &std::path::Path) -> Option<Self> {
        let directory = Service::find_clients()?;
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(directory.join("bin/bao"));
        command.args(["server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token"]);
        command
            .arg(format!("-dev-listen-address={address}"))
            .env_clear()
            .env("HOME", home)
            .env("PATH", "/usr/bin:/bin");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut server = Self { child, client: app.anonymous().at(address) };
        let mut tries = 0;
        // The mount appears last.
        while !server.is_up().await {
            tries += 1;
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "bao server has ended: {ended:?}");
            assert!(tries < 600, "bao server does not start");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Some(server)
    }

    async fn is_up(&self) -> bool {
        let request = self.client.request(Method::GET, "/v1/sys/mounts").header("X-Vault-Token", "root");
        request.send().await.is_ok_and(|response| response.status() == 200)
    }

    async fn administer(&self, path: &str, body: Value) -> Value {
        let request = self.client.request(Method::POST, path).header("X-Vault-Token", "root").json(&body);
        let answer = self.client.send(request).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
        serde_json::from_str(&answer.text).unwrap_or_default()
    }

    /// The same items as [`super::create_items`] makes, and a role that may read them.
    async fn prepare(&mut self, items: &BTreeMap<&str, Value>) {
        self.administer("/v1/sys/auth/approle", json!({ "type": "approle" })).await;
        let policy =
            r#"path "secret/*" { capabilities = ["read", "list"] } path "sys/mounts" { capabilities = ["read"] }"#;
        self.administer("/v1/sys/policies/acl/app", json!({ "policy": policy })).await;
        let role = "/v1/auth/approle/role/app";
        self.administer(role, json!({ "policies": "app", "token_ttl": "1h" })).await;
        self.administer(&format!("{role}/role-id"), json!({ "role_id": "app" })).await;
        let secret = self.administer(&format!("{role}/secret-id"), json!({})).await;
        for (name, fields) in items {
            self.administer(&format!("/v1/secret/data/{name}"), json!({ "data": fields })).await;
        }
        self.client.client_id = "app".into();
        self.client.client_secret = secret["data"]["secret_id"].as_str().unwrap().into();
    }
}

/// The type of each member, by its path. An element of a list stands for all.
fn shape(value: &Value, path: &str, found: &mut BTreeMap<String, &'static str>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    found.insert(path.into(), kind);
    let below = |name: &str| if path.is_empty() { name.into() } else { format!("{path}.{name}") };
    for (name, member) in value.as_object().into_iter().flatten() {
        if !OTHER_MOUNTS.contains(&name.as_str()) {
            shape(member, &below(name), found);
        }
    }
    for element in value.as_array().into_iter().flatten() {
        shape(element, &format!("{path}[]"), found);
    }
}

fn described(answer: &Answer) -> BTreeMap<String, &'static str> {
    let mut found = BTreeMap::new();
    if !answer.text.is_empty() {
        shape(&answer.json(), "", &mut found);
    }
    found
}

/// Every answer, by the name of the call.
async fn answers(client: &mut TestClient) -> Vec<(&'static str, Answer)> {
    let login = |secret: &str| json!({ "role_id": client.client_id, "secret_id": secret });
    let (right, wrong) = (login(&client.client_secret), login("wrong"));
    let logged_in = client.post("/v1/auth/approle/login", &right).await;
    let token = logged_in.expect(200)["auth"]["client_token"].as_str().unwrap().to_string();
    let mut answers = vec![("login", logged_in), ("wrong login", client.post("/v1/auth/approle/login", &wrong).await)];
    answers.push(("no token", client.get("/v1/secret/data/erp").await));
    client.token = token;
    for (name, path) in [
        ("read", "secret/data/erp"),
        ("read a folder", "secret/data/srv/corp/ana"),
        ("version", "secret/data/erp?version=1"),
        ("missing", "secret/data/nothing"),
        ("missing version", "secret/data/erp?version=9"),
        ("invalid version", "secret/data/erp?version=x"),
        ("version 1 route", "secret/erp"),
        ("list", "secret/metadata?list=true"),
        ("list a folder", "secret/metadata/srv/?list=true"),
        ("empty list", "secret/metadata/nothing?list=true"),
        ("lookup-self", "auth/token/lookup-self"),
        ("mounts", "sys/mounts"),
        ("mount", "sys/internal/ui/mounts/secret"),
        ("mount", "sys/internal/ui/mounts/secret/erp"),
        ("no mount", "nomount/data/erp"),
        ("health", "sys/health"),
        ("seal-status", "sys/seal-status"),
        ("init", "sys/init"),
        ("leader", "sys/leader"),
    ] {
        answers.push((name, client.get(&format!("/v1/{path}")).await));
    }
    let paths = json!({ "paths": ["secret/data/erp"] });
    answers.push(("capabilities", client.post("/v1/sys/capabilities-self", &paths).await));
    answers.push(("no capabilities", client.post("/v1/sys/capabilities-self", &json!({})).await));
    answers.push(("renew", client.post("/v1/auth/token/renew-self", &json!({})).await));
    answers.push(("revoke", client.post("/v1/auth/token/revoke-self", &json!({})).await));
    answers.push(("revoked", client.get("/v1/secret/data/erp").await));
    answers
}

#[actix_web::test]
async fn openbao_answers_the_same_members_of_the_same_types() {
    let (app, mut client) = vault().await;
    let home = tempfile::tempdir().unwrap();
    let Some(mut bao) = OpenBao::start(&app, home.path()).await else { return };
    let mut items = BTreeMap::new();
    for name in ["erp", "key", "note", "srv/corp/ana"] {
        items.insert(name, super::fields(&client, name).await);
    }
    bao.prepare(&items).await;
    client.token.clear();
    let (ours, theirs) = (answers(&mut client).await, answers(&mut bao.client).await);
    let mut differences = Vec::new();
    for ((call, ours), (_, theirs)) in ours.iter().zip(&theirs) {
        if ours.status != theirs.status {
            differences.push(format!(
                "{call}: status: {} here, {} there",
                ours.status.as_u16(),
                theirs.status.as_u16()
            ));
            continue;
        }
        assert_eq!(ours.header("cache-control"), theirs.header("cache-control"), "{call}");
        if !ours.text.is_empty() {
            assert_eq!(ours.header("content-type"), theirs.header("content-type"), "{call}");
        }
        let (ours, theirs) = (described(ours), described(theirs));
        for path in ours.keys().chain(theirs.keys()).collect::<std::collections::BTreeSet<_>>() {
            if ours.get(path) != theirs.get(path) {
                differences.push(format!("{call}: {path}: {:?} here, {:?} there", ours.get(path), theirs.get(path)));
            }
        }
    }
    let is_one = |(call, path, _): &(&str, &str, &str), line: &String| line.starts_with(&format!("{call}: {path}: "));
    let unexpected: Vec<_> = differences.iter().filter(|line| !INTENDED.iter().any(|row| is_one(row, line))).collect();
    let gone: Vec<_> = INTENDED.iter().filter(|row| !differences.iter().any(|line| is_one(row, line))).collect();
    assert!(
        unexpected.is_empty() && gone.is_empty(),
        "not intended: {unexpected:#?}\nintended and the same: {gone:#?}"
    );
}
