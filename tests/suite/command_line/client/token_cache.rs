//! The cache of access tokens, and what others may do to it.

use std::fs::{self, Permissions, set_permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use super::{PASSWORD, Vault};
use crate::support::{finish, noticed};

const GET: [&str; 2] = ["get", "erp-batch"];

/// The file of the only token.
fn cached(vault: &Vault) -> PathBuf {
    let mut files = fs::read_dir(vault.cache()).unwrap();
    let file = files.next().expect("a cached token").unwrap().path();
    assert!(files.next().is_none());
    file
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// How often the client has logged in, beside the login of the test.
async fn logins(vault: &Vault) -> usize {
    let metrics = vault.client.get("/metrics").await.text;
    let issued = metrics.lines().filter(|line| {
        line.starts_with("chaveiro_requests_total{method=\"POST\"") && line.contains("/oauth2/token\",status=\"200\"")
    });
    let tokens: usize = issued.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum();
    tokens - 1
}

#[actix_web::test]
async fn one_login_serves_several_commands() {
    let vault = Vault::new().await;
    for _ in 0..3 {
        assert_eq!(vault.prints(&GET), PASSWORD);
    }
    assert_eq!(logins(&vault).await, 1);
    let file = cached(&vault);
    assert_eq!((mode(&file), mode(&vault.cache())), (0o600, 0o700));
    assert!(!fs::read_to_string(&file).unwrap().contains(&vault.credentials.secret));
    assert_eq!(vault.prints(&["get", "erp-batch", "--no-token-cache"]), PASSWORD);
    assert_eq!(logins(&vault).await, 2);
    // The secret is not even looked for.
    let mut command = vault.anonymous(&["get", "erp-batch", "--client-id", &vault.credentials.id]);
    command.args(["--client-secret-file", "/nowhere"]);
    assert_eq!(finish(command).stdout, PASSWORD);
}

#[actix_web::test]
async fn the_cache_of_a_session_is_preferred() {
    let vault = Vault::new().await;
    let session = tempfile::tempdir().unwrap();
    let mut command = vault.command(&GET);
    command.env("XDG_RUNTIME_DIR", session.path());
    assert_eq!(finish(command).stdout, PASSWORD);
    assert_eq!(fs::read_dir(session.path().join("chaveiro")).unwrap().count(), 1);
    assert!(!vault.cache().exists());
}

#[actix_web::test]
async fn a_token_that_is_no_longer_accepted_is_replaced_once() {
    let vault = Vault::new().await;
    vault.prints(&GET);
    let file = cached(&vault);
    let text = fs::read_to_string(&file).unwrap();
    let entry: serde_json::Value = serde_json::from_str(&text).unwrap();
    let token = entry["access_token"].as_str().unwrap();
    let (id, secret) = (vault.credentials.id.as_str(), vault.credentials.secret.as_str());
    let form = [("token", token), ("client_id", id), ("client_secret", secret)];
    assert_eq!(vault.client.post_form("/iso/oauth2/revoke", &form).await.status, 200);
    let client = vault.client.with_token(token);
    noticed("a revoked token", async || client.get("/iso/pam/device").await.status == 401).await;
    assert_eq!(vault.prints(&GET), PASSWORD);
    assert_ne!(fs::read_to_string(&file).unwrap(), text);
    assert_eq!(logins(&vault).await, 2);
    for broken in ["", "{", "{\"access_token\":\"x\",\"expires_at\":\"2999-01-01T00:00:00Z\"}", "[]"] {
        fs::write(&file, broken).unwrap();
        assert_eq!(vault.prints(&GET), PASSWORD, "{broken}");
    }
    assert_eq!(logins(&vault).await, 6);
}

#[actix_web::test]
async fn a_cache_that_others_can_reach_is_not_used() {
    let vault = Vault::new().await;
    vault.prints(&GET);
    let (file, directory) = (cached(&vault), vault.cache());
    let warned = |part: &str| {
        let finished = vault.run(&GET);
        assert_eq!((finished.code, finished.stdout.as_str()), (0, PASSWORD), "{finished:?}");
        assert!(finished.stderr.starts_with("chaveiro: warning: ") && finished.stderr.contains(part), "{finished:?}");
        assert_eq!(finished.stderr.lines().count(), 1);
    };
    set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    warned("mode 0600");
    assert_eq!(mode(&file), 0o600, "it is replaced");

    // Somebody plants a link to a file that is to be overwritten, or to a token of another client.
    let target = vault.write("target", "untouched");
    fs::remove_file(&file).unwrap();
    symlink(&target, &file).unwrap();
    warned("no link");
    assert_eq!(fs::read_to_string(&target).unwrap(), "untouched");
    assert!(!file.is_symlink());

    set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    let before = fs::read_to_string(&file).unwrap();
    warned("mode 0700");
    assert_eq!(fs::read_to_string(&file).unwrap(), before, "nothing is written there");
    let elsewhere = vault.home.path().join("elsewhere");
    fs::rename(&directory, &elsewhere).unwrap();
    set_permissions(&elsewhere, Permissions::from_mode(0o700)).unwrap();
    symlink(&elsewhere, &directory).unwrap();
    warned("must be a directory of its user");
}
