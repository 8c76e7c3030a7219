//! A template on its target, up to the new password: what comes before it is proved, and nothing is changed.

use chaveiro_rotation::{Change, LoginSecret, Phase, Shape, TargetError, TargetIdentity};
use chaveiro_targets::{Rehearsal, TemplatePlugin, check_template, template_target};
use chaveiro_templates::Executor;

use super::effect::generate;
use super::secret::RotatedSecret;
use super::setup::Setup;
use super::state::{ReplacedVersions, RotationState};
use crate::store::credential::CredentialKind;
use crate::vault::credential::parent::owner_of;
use crate::vault::credential::{resolve, resolve_for_change};
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Field, Switchable, Vault, VaultError};

/// How a template is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateTrial {
    /// Its places are filled with values, and nothing is connected to.
    DryRun,
    /// It runs on the target up to the new password.
    Rehearsal {
        /// The identity to require of a target that has none pinned.
        identity: Option<TargetIdentity>,
    },
}

/// The result of a trial.
#[derive(Debug)]
pub struct RehearsedTemplate {
    /// The executor.
    pub executor: Executor,
    /// The name of the template.
    pub name: String,
    /// The result.
    pub result: Result<TrialResult, TargetError>,
}

/// How far a trial came.
#[derive(Debug)]
pub enum TrialResult {
    /// Each place can carry its value. Nothing was connected to.
    Filled,
    /// The target presents this identity, which is neither pinned nor required. No secret was sent to it.
    UnknownIdentity(TargetIdentity),
    /// The template ran on the target.
    Rehearsed(Rehearsal),
}

/// A template with its values.
struct Trial {
    executor: Executor,
    name: String,
    change: Change,
}

impl Vault {
    /// Tries the template of a credential with a password that is generated for it and that nobody gets.
    ///
    /// # Errors
    /// As for reading the credential; [`VaultError::Invalid`] for one whose settings name no template,
    /// [`VaultError::BeingChanged`] while a change is open: each login counts, and its pauses are for the target.
    pub async fn try_template(
        &self,
        permit: Permit,
        key: String,
        trial: TemplateTrial,
    ) -> Result<RehearsedTemplate, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| load(context, &key);
        let (Trial { executor, name, mut change }, _) = self.execute(permit, rule).await?;
        let result = match trial {
            TemplateTrial::DryRun => check_template(&change).map(|()| TrialResult::Filled),
            TemplateTrial::Rehearsal { identity } => {
                let Some(target) = template_target(executor) else {
                    return Err(VaultError::invalid(Field::ChangePlugin, "templates of this executor are not run"));
                };
                if change.account.identity.is_none() {
                    change.account.identity = identity;
                }
                rehearse(target, &change).await
            }
        };
        Ok(RehearsedTemplate { executor, name, result })
    }
}

/// Runs a template up to the new password, on a target whose identity is known.
async fn rehearse(target: &TemplatePlugin, change: &Change) -> Result<TrialResult, TargetError> {
    if change.account.identity.is_none()
        && let Some(unknown) = target.plugin.target.identify(&change.account).await?
    {
        return Ok(TrialResult::UnknownIdentity(unknown));
    }
    target.target.rehearse(change).await.map(TrialResult::Rehearsed)
}

fn load(context: &mut OperationContext<'_>, key: &str) -> Result<Done<Trial>, VaultError> {
    let row = resolve_for_change(context, key, CredentialKind::Password)?;
    let (row, _) = resolve::readable(context, row, Switchable::Credential)?;
    let id = row.id;
    if RotationState::load(context.connection(), id)?.record.phase != Phase::Idle {
        return Err(VaultError::BeingChanged);
    }
    let setup = Setup::load(context.connection(), id)?;
    let Some((executor, name)) = setup.template.clone() else {
        return Err(VaultError::invalid(Field::ChangeTemplate, "the credential's settings name no template"));
    };
    let candidate = LoginSecret::Password(generate(setup.rules(&context.settings().rotation), Shape::First)?);
    let vault = context.vault;
    let connection = context.connection();
    let current = RotatedSecret::Password(owner_of(connection, &setup.credential)?);
    let current = current.open(connection, vault, ReplacedVersions::default())?.current;
    let account = setup.account(connection, vault)?;
    let operator = setup.operator(connection, vault, &account)?;
    let change = Change { account, operator, current, candidate };
    let trial = Trial { executor, name, change };
    Ok(match setup.operator_id() {
        Some(other) => Done::several(format!("{} by {}", Subject::Credential(id), Subject::Credential(other)), trial),
        None => Done::new(Subject::Credential(id), trial),
    })
}
