//! The published crate vaultrs, unmodified.

use std::collections::HashMap;

use vaultrs::auth::approle;
use vaultrs::client::{Client, VaultClient, VaultClientSettingsBuilder};
use vaultrs::error::ClientError;
use vaultrs::{kv2, sys, token};

use super::vault;

fn status(error: &ClientError) -> u16 {
    match error {
        ClientError::APIError { code, .. } => *code,
        error => panic!("{error:?}"),
    }
}

#[actix_web::test]
async fn vaultrs_logs_in_reads_lists_looks_up_and_revokes() {
    let (app, client) = vault().await;
    let settings = VaultClientSettingsBuilder::default().address(format!("http://{}", app.address)).build().unwrap();
    let mut vault = VaultClient::new(settings).unwrap();
    let auth = approle::login(&vault, "approle", &client.client_id, &client.client_secret).await.unwrap();
    vault.set_token(&auth.client_token);

    let erp: HashMap<String, String> = kv2::read(&vault, "secret", "erp").await.unwrap();
    assert_eq!(erp["password"], "second");
    let first: HashMap<String, String> = kv2::read_version(&vault, "secret", "erp", 1).await.unwrap();
    assert_eq!(first["password"], "first");
    assert_eq!(kv2::list(&vault, "secret", "").await.unwrap(), ["erp", "key", "note", "srv/"]);
    let own = token::lookup_self(&vault).await.unwrap();
    assert_eq!((own.meta.unwrap()["role_name"].as_str(), own.ttl), (client.client_id.as_str(), 3600));
    assert!(!sys::health(&vault).await.unwrap().sealed);

    let missing = kv2::read::<HashMap<String, String>>(&vault, "secret", "nothing").await.unwrap_err();
    assert_eq!(status(&missing), 404);
    let wrong = approle::login(&vault, "approle", &client.client_id, "wrong").await.err().unwrap();
    assert_eq!(status(&wrong), 400);
    token::revoke_self(&vault).await.unwrap();
    let denied = kv2::read::<HashMap<String, String>>(&vault, "secret", "erp").await.unwrap_err();
    assert_eq!(status(&denied), 403);
}
