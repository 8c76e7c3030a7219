//! The ways of the Keyfactor routes.

use reqwest::Method;
use serde_json::json;

use super::{Canaries, Told};
use crate::support::{Credentials, Program, Serving};

const BASE: &str = "/KeyfactorAPI/PamProviders";

/// A client of the Keyfactor routes that may do everything.
pub(super) fn create_keyfactor_client(program: &Program, canaries: &mut Canaries) -> Credentials {
    let create = ["authorization", "create", "--application", "erp", "--resource", "keyfactor"];
    let made = program.json(&[&create[..], &["--access", "read-write", "--role", "Administrator"]].concat());
    let text = |name: &str| made[name].as_str().unwrap().to_string();
    canaries.add("the secret of a Keyfactor client", &text("client_secret"));
    Credentials { id: text("client_id"), secret: text("client_secret") }
}

/// Secrets that are taken, kept, refused and guessed at. None of them ever comes back on these routes.
pub(super) async fn keep_provider_secrets(
    server: &Serving,
    credentials: &Credentials,
    canaries: &mut Canaries,
    told: &mut Told,
) {
    let client = server.client(credentials).await;
    let parameters = json!({ "Name": "t", "Parameters": [{ "Name": "Token", "DataType": 2 }] });
    let made = client.post(&format!("{BASE}/Types"), &parameters).await.expect(200);
    let mut provider = json!({ "Name": "p", "ProviderType": { "Id": made["Id"] }, "ProviderTypeParamValues": [
        { "Value": canaries.hatch("a provider's secret"), "ProviderTypeParam": { "Name": "Token" } }] });
    told.note("a new provider", 200, &client.post(BASE, &provider).await);
    provider["Id"] = json!(1);
    provider["ProviderTypeParamValues"][0]["Value"] = json!(canaries.hatch("a second secret of a provider"));
    told.note("a changed provider", 200, &client.send(client.request(Method::PUT, BASE).json(&provider)).await);
    provider["Name"] = json!("");
    provider["ProviderTypeParamValues"][0]["Value"] = json!(canaries.hatch("a secret in a PUT that is refused"));
    told.note("a refused PUT", 400, &client.send(client.request(Method::PUT, BASE).json(&provider)).await);
    told.note("a read provider", 200, &client.get(&format!("{BASE}/1")).await);

    let local = json!({ "Name": "l", "ProviderType": { "Id": "54ebf9ac-a1e4-48ae-b16e-1bfb9755465c" } });
    client.post(BASE, &local).await.expect(200);
    let entries = format!("{BASE}/Local/2/Entries");
    let entry = json!({ "SecretName": "e", "SecretValue": canaries.hatch("the secret of an entry") });
    told.note("a new entry", 200, &client.post(&entries, &entry).await);
    let entry = json!({ "SecretName": "e", "SecretValue": canaries.hatch("the secret of an entry that is there") });
    told.note("an entry twice", 409, &client.post(&entries, &entry).await);
    told.note("a list of entries", 200, &client.get(&entries).await);
    let query = format!("{entries}?QueryString={}", canaries.hatch("a query that is none"));
    // The URL of a request is the caller's own; what is kept of it is its path.
    told.note("a query", 400, &client.get(&query).await);

    let anonymous = server.anonymous();
    let password = canaries.hatch("a wrong password of an identity");
    let request = anonymous.request(Method::GET, BASE).basic_auth(r"CORP\jo", Some(&password));
    told.note("a wrong password of an identity", 401, &anonymous.send(request).await);
}
