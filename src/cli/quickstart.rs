//! `chaveiro quickstart`: creates a vault with a first client in an empty directory, and serves it.

use super::operator::permit;
use super::output::{print_bytes, print_line};
use super::serve::{Options, Server};
use super::{CliError, Common};
use crate::vault::access::authorization::{AuthorizationRequest, NewClient};
use crate::vault::access::{ClientAccess, Resource};
use crate::vault::operation::Action;

const APPLICATION: &str = "quickstart";

pub(super) async fn run(common: &Common, options: &Options) -> Result<(), CliError> {
    let Some(server) = Server::open(common, options).await? else { return Ok(()) };
    let address = server.url();
    let vault = &server.vault;
    let applications = vault.applications(permit(vault, Action::APPLICATION_LIST).await?).await?;
    if applications.iter().any(|application| application.name == APPLICATION) {
        let directory = common.data_dir.display();
        print_line(&format!("The vault in {directory} stays as it is; its secrets are not shown again."))?;
        print_line(
            "For another client: chaveiro authorization create --application quickstart --resource pam-core --access read-write",
        )?;
    } else {
        vault.create_application(permit(vault, Action::APPLICATION_CREATE).await?, APPLICATION).await?;
        let request = AuthorizationRequest::new(APPLICATION, vec![Resource::PamCore], ClientAccess::ReadWrite);
        let client = vault.create_authorization(permit(vault, Action::AUTHORIZATION_CREATE).await?, request).await?;
        print_bytes(welcome(common, &address, &client).as_bytes())?;
    }
    server.run().await
}

/// Renders requests that can be pasted as they are.
fn welcome(common: &Common, address: &str, client: &NewClient) -> String {
    let NewClient { client_id, client_secret } = client;
    let secret = client_secret.as_ref().map_or("", |secret| secret.text().expose());
    let directory = common.data_dir.display();
    format!(
        r#"A new vault in {directory}. Keep {directory}/root.key safe: without it, no secret in the vault can be decrypted.

The secret of the client below is not shown again. Paste into another terminal:

# 1. A token, valid for an hour
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

Browse the API: {address}/docs/
"#
    )
}
