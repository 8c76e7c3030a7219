//! `chaveiro credential`

use clap::{Args, Subcommand};

use super::CliError;
use super::operator::permit;
use super::output::{print_json, print_line};
use crate::vault::operation::Action;
use crate::vault::rotation::{ROTATION_DECISIONS, Rotatable, RotationStatus, rotation_decision};
use crate::vault::{Field, Vault, VaultError};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Change the password of a credential, or an SSH key, on its target. A running server makes the change.
    Rotate(Credential),
    /// Show how far the change of a password or an SSH key is.
    Rotation(Credential),
    /// Decide a rotation that does not go on by itself.
    Decide(Decide),
}

#[derive(Args)]
pub(super) struct Credential {
    /// The credential, by its id, identifier or username@hostname; or the SSH key, by its id or identifier.
    key: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Decide {
    #[command(flatten)]
    credential: Credential,
    /// What is decided: accept-candidate, keep-current, retry, follow-device, or trust-identity with an identity.
    #[arg(long, value_name = "DECISION", value_parser = ROTATION_DECISIONS)]
    decision: String,
    /// The fingerprint of the target, for trust-identity.
    #[arg(long, value_name = "FINGERPRINT")]
    identity: Option<String>,
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    let (status, json) = match command {
        Command::Rotate(Credential { key, json }) => {
            (vault.request_rotation(permit(vault, Action::ROTATION_REQUEST).await?, Rotatable::Any, key).await?, json)
        }
        Command::Rotation(Credential { key, json }) => {
            (vault.rotation_status(permit(vault, Action::ROTATION_STATUS).await?, Rotatable::Any, key).await?, json)
        }
        Command::Decide(Decide { credential: Credential { key, json }, decision, identity }) => {
            let decision = rotation_decision(&decision, identity).ok_or(VaultError::invalid(
                Field::Decision,
                "an identity belongs to trust-identity, which needs one",
            ))?;
            (
                vault
                    .decide_rotation(permit(vault, Action::ROTATION_DECIDE).await?, Rotatable::Any, key, decision)
                    .await?,
                json,
            )
        }
    };
    if json { Ok(print_json(&status)?) } else { print(&status) }
}

fn print(status: &RotationStatus) -> Result<(), CliError> {
    let time = |time: Option<chrono::DateTime<chrono::Utc>>| time.map_or("-".into(), |time| time.to_rfc3339());
    print_line(&format!("credential   {}", status.credential))?;
    print_line(&format!("policy       {}", status.policy.as_deref().unwrap_or("-")))?;
    print_line(&format!("phase        {}", status.phase))?;
    print_line(&format!("problem      {}", status.problem.as_deref().unwrap_or("-")))?;
    print_line(&format!(
        "goes on      {}",
        if status.needs_decision { "by a decision".into() } else { time(status.due_at) }
    ))?;
    print_line(&format!("changed      {}", time(status.changed_at)))?;
    print_line(&format!("next change  {}", time(status.next_change_at)))?;
    for event in &status.events {
        let problem = event.problem.as_deref().unwrap_or("");
        print_line(format!("{}  {}  {problem}", time(Some(event.at)), event.event).trim_end())?;
    }
    Ok(())
}
