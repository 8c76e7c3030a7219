//! `chaveiro authorization link` and `unlink`

use clap::Args;

use super::CliError;
use super::operator::permit;
use super::output::print_line;
use crate::vault::Vault;
use crate::vault::access::link::LinkTarget;
use crate::vault::operation::Action;

#[derive(Args)]
pub(super) struct Link {
    /// The client id.
    #[arg(long)]
    client_id: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// A device, by its hostname.
    #[arg(long, value_name = "HOSTNAME")]
    device: Option<String>,
    /// A credential, by its id or identifier.
    #[arg(long, value_name = "KEY")]
    credential: Option<String>,
    /// A protected-information record, by its id or identifier.
    #[arg(long, value_name = "KEY")]
    information: Option<String>,
    /// A tag: all devices with their credentials, credentials and SSH keys that have it, now or later.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// An entry of a local PAM provider: the provider's id or name, a slash, the entry's name.
    #[arg(long, value_name = "PROVIDER/NAME")]
    entry: Option<String>,
}

impl From<Target> for LinkTarget {
    fn from(target: Target) -> Self {
        match target {
            Target { device: Some(device), .. } => LinkTarget::Device(device),
            Target { credential: Some(credential), .. } => LinkTarget::Credential(credential),
            Target { tag: Some(tag), .. } => LinkTarget::Tag(tag),
            Target { entry: Some(entry), .. } => LinkTarget::Entry(entry),
            Target { information, .. } => LinkTarget::Information(information.unwrap_or_default()),
        }
    }
}

pub(super) async fn link(vault: &Vault, Link { client_id, target }: Link) -> Result<(), CliError> {
    let permit = permit(vault, Action::AUTHORIZATION_LINK).await?;
    vault.link(permit, &client_id, target.into()).await?;
    Ok(print_line("linked")?)
}

pub(super) async fn unlink(vault: &Vault, Link { client_id, target }: Link) -> Result<(), CliError> {
    let permit = permit(vault, Action::AUTHORIZATION_UNLINK).await?;
    vault.unlink(permit, &client_id, target.into()).await?;
    Ok(print_line("unlinked")?)
}
