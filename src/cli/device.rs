//! `chaveiro device`

use clap::{Args, Subcommand};

use super::CliError;
use super::operator::permit;
use super::output::print_line;
use crate::vault::Vault;
use crate::vault::access::link::LinkTarget;
use crate::vault::operation::Action;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Transfer the link of a device, a credential or a protected-information record from one client to another. A device
    /// brings the links of its credentials. `chaveiro audit show --subject device:5` tells who registered it.
    Transfer(Transfer),
}

#[derive(Args)]
pub(super) struct Transfer {
    /// The client id of the authorization that loses the link.
    #[arg(long, value_name = "CLIENT_ID")]
    from: String,
    /// The client id of the authorization that gets the link.
    #[arg(long, value_name = "CLIENT_ID")]
    to: String,
    #[command(flatten)]
    object: Object,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Object {
    /// A device, by its hostname.
    #[arg(long, value_name = "HOSTNAME")]
    device: Option<String>,
    /// A credential or SSH key, by its id or identifier.
    #[arg(long, value_name = "KEY")]
    credential: Option<String>,
    /// A protected-information record, by its id or identifier.
    #[arg(long, value_name = "KEY")]
    information: Option<String>,
}

impl From<Object> for LinkTarget {
    fn from(object: Object) -> Self {
        match object {
            Object { device: Some(device), .. } => LinkTarget::Device(device),
            Object { credential: Some(credential), .. } => LinkTarget::Credential(credential),
            Object { information, .. } => LinkTarget::Information(information.unwrap_or_default()),
        }
    }
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    let Command::Transfer(Transfer { from, to, object }) = command;
    let permit = permit(vault, Action::DEVICE_TRANSFER).await?;
    vault.transfer_link(permit, object.into(), &from, &to).await?;
    Ok(print_line(&format!("transferred from authorization {from} to authorization {to}"))?)
}
