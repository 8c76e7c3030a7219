//! A template on its target, up to the new password: what comes before it is proved, and nothing is changed.

use chaveiro_rotation::{Change, LoginSecret, Shape, TargetError, TargetIdentity};
use chaveiro_targets::{Rehearsal, check_template, template_target};
use chaveiro_templates::Executor;

use super::effect::generate;
use super::setup::Setup;
use crate::store::credential::CredentialKind;
use crate::vault::credential::{resolve, resolve_for_change};
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::secrets::rotated_versions;
use crate::vault::{Field, Switchable, Vault, VaultError};

/// How a template is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateTrial {
    /// Its places are filled with values, and nothing is connected to.
    DryRun,
    /// It runs on the target up to the new password.
    Rehearsal,
}

/// What came of a trial.
#[derive(Debug)]
pub struct RehearsedTemplate {
    /// What carries the template out.
    pub executor: Executor,
    /// Its name.
    pub name: String,
    /// The identity of the target, and whether it is pinned. `None`: a dry run, or a target without one.
    pub identity: Option<(TargetIdentity, bool)>,
    /// How far it came; nothing for a dry run.
    pub result: Result<Option<Rehearsal>, TargetError>,
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
    /// As for reading the credential; [`VaultError::Invalid`] for one whose settings name no template.
    pub async fn try_template(
        &self,
        permit: Permit,
        key: String,
        trial: TemplateTrial,
    ) -> Result<RehearsedTemplate, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| load(context, &key);
        let (Trial { executor, name, mut change }, _) = self.execute(permit, rule).await?;
        if trial == TemplateTrial::DryRun {
            let result = check_template(&change).map(|()| None);
            return Ok(RehearsedTemplate { executor, name, identity: None, result });
        }
        let Some(target) = template_target(executor) else {
            return Err(VaultError::invalid(Field::ChangePlugin, "templates of this executor are not run"));
        };
        let is_pinned = change.account.identity.is_some();
        if !is_pinned {
            match target.plugin.target.identify(&change.account).await {
                Ok(identity) => change.account.identity = identity,
                Err(error) => return Ok(RehearsedTemplate { executor, name, identity: None, result: Err(error) }),
            }
        }
        let identity = change.account.identity.clone().map(|identity| (identity, is_pinned));
        let result = target.target.rehearse(&change).await.map(Some);
        Ok(RehearsedTemplate { executor, name, identity, result })
    }
}

fn load(context: &mut OperationContext<'_>, key: &str) -> Result<Done<Trial>, VaultError> {
    let row = resolve_for_change(context, key, CredentialKind::Password)?;
    let (row, _) = resolve::readable(context, row, Switchable::Credential)?;
    let id = row.id;
    let setup = Setup::load(context.connection(), id)?;
    let Some((executor, name)) = setup.template.clone() else {
        return Err(VaultError::invalid(Field::ChangeTemplate, "the credential's settings name no template"));
    };
    let candidate = LoginSecret::Password(generate(&context.settings().rotation, Shape::First)?);
    let vault = context.vault;
    let connection = context.connection();
    let current = rotated_versions(connection, vault, setup.password())?.current;
    let current = current.map(|sealed| sealed.open_for_target(connection, vault)).transpose()?;
    let change = Change {
        account: setup.account(connection, vault)?,
        operator: setup.operator(connection, vault)?,
        current: current.map(LoginSecret::Password),
        candidate,
    };
    let trial = Trial { executor, name, change };
    Ok(match setup.operator_id() {
        Some(other) => Done::several(format!("{} by {}", Subject::Credential(id), Subject::Credential(other)), trial),
        None => Done::new(Subject::Credential(id), trial),
    })
}
