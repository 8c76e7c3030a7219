//! `chaveiro quickstart`: from an empty directory to a vault that answers, in one command.

use super::output::say;
use super::serve::{Options, Server};
use super::{CliError, Common};
use crate::vault::access::{Access, Resource};
use crate::vault::admin::{AuthorizationRequest, NewClient};

const APPLICATION: &str = "quickstart";

pub(super) async fn run(common: &Common, options: &Options) -> Result<(), CliError> {
    let server = Server::open(common, options)?;
    let scheme = server.vault.settings().tls.scheme();
    let address = format!("{scheme}://{}", server.address);
    let known = server.vault.applications().await?.iter().any(|application| application.name == APPLICATION);
    if known {
        say(&format!("The vault in {} is kept as it is; its secrets are not shown again.", common.data_dir.display()))?;
        say(
            "For another client: chaveiro authorization create --application quickstart --resource pam-core --access read-write",
        )?;
    } else {
        server.vault.create_application(APPLICATION).await?;
        let request = AuthorizationRequest::new(APPLICATION, vec![Resource::PamCore], Access::ReadWrite);
        let client = server.vault.create_authorization(request).await?;
        server.vault.refresh().await?;
        say(&welcome(common, &address, &client))?;
    }
    server.run().await
}

/// Calls that can be pasted as they are.
fn welcome(common: &Common, address: &str, client: &NewClient) -> String {
    let NewClient { client_id, client_secret } = client;
    let secret = client_secret.text().expose();
    let directory = common.data_dir.display();
    format!(
        r#"A new vault in {directory}. Keep {directory}/root.key safe: without it, nothing in the vault opens.

The client below is shown this once. Paste into another terminal:

# 1. A token, good for an hour
TOKEN=$(curl -s {address}/iso/oauth2/token \
  -d grant_type=client_credentials -d client_id={client_id} \
  -d client_secret={secret} \
  | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

# 2. A device
curl -s {address}/iso/pam/device -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
  -d '{{"hostname":"erp-01","ip":"10.20.30.50","type":"Server","vendor":"Debian","model":"12","site":"Lisbon","connectivities":"SSH:22"}}'

# 3. A credential on it
curl -s {address}/iso/pam/credential -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
  -d '{{"hostname":"erp-01","ip":"10.20.30.50","username":"svc_erp","identifier":"erp-batch","content":"Pa55-w0rd"}}'

# 4. Read it back
curl -s {address}/iso/pam/credential/erp-batch -H "Authorization: Bearer $TOKEN" -w '\n'

The API to browse: {address}/docs/
"#
    )
}
