//! Targets that run templates.

use chaveiro_rotation::{Account, LoginSecret, Operator, TargetError};
use chaveiro_targets::{Rehearsal, Script, template_target};
use chaveiro_templates::{Builtin, Executor};

use super::Tested;

impl Tested {
    /// Takes the target that runs a template of an executor.
    pub(crate) fn running(executor: Executor, source: &str, additional: &str, mut account: Account) -> Self {
        let host = account.host.clone();
        let script = Script { executor, source, ip: &host, hostname: "host", additional_information: additional };
        script.set(&mut account.options);
        Self { target: template_target(executor).unwrap().plugin.target, account }
    }

    /// Takes the target that runs a template that ships with the product.
    pub(crate) fn shipped(name: &str, additional: &str, account: Account) -> Self {
        let builtin = Builtin::find(name).unwrap();
        Self::running(builtin.executor, builtin.source, additional, account)
    }

    /// Carries out a template up to the new password.
    pub(crate) async fn rehearse(
        &self,
        operator: Operator,
        current: Option<&LoginSecret>,
        candidate: &LoginSecret,
    ) -> Result<Rehearsal, TargetError> {
        let executor: Executor = self.account.options["executor"].parse().unwrap();
        let change = self.as_change(operator, current, candidate);
        template_target(executor).unwrap().target.rehearse(&change).await
    }
}
