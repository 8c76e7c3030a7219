//! Change templates (crate `chaveiro-templates`) on real connections. The drivers are beside the targets whose connections they
//! use: `ssh/template.rs`, `postgresql/template.rs`, `mysql/template.rs`, `ldap/template.rs`.

mod outcome;
mod script;

use std::time::Duration;

use chaveiro_rotation::{Change, Target, Work};
use chaveiro_templates::{Executor, Position};

use crate::table::{OldSecret, Plugin};

pub(crate) use outcome::{judged, rehearsed};
pub use script::{Script, check_template};
pub(crate) use script::{dialogue, operations};

/// The deadline of a whole template, which has pauses and time-outs of its own.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// A target that runs templates. The account's options hold the template ([`Script::set`]).
pub trait TemplateTarget: Target {
    /// Carries out what comes before the new password, which is not sent; PostgreSQL carries out all and rolls it back.
    fn rehearse<'a>(&'a self, change: &'a Change) -> Work<'a, Rehearsal>;
}

/// How far a template came without changing anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsal {
    /// The step that it ended at: that which failed, or the one with the new password.
    pub at: Option<Position>,
    /// Why it failed. `None`: it did all that it may.
    pub failure: Option<String>,
    /// The output of a dialogue, with each secret masked; empty for operations.
    pub transcript: String,
}

/// A target for templates.
#[derive(Clone, Copy)]
pub struct TemplatePlugin {
    /// The executors whose templates it runs.
    pub executors: &'static [Executor],
    /// Its name, which options have before theirs, and the rules of a target.
    pub plugin: Plugin,
    /// The implementation.
    pub target: &'static dyn TemplateTarget,
}

macro_rules! row {
    ($name:literal, $target:path, $executors:expr, $connectivities:expr, $old_secret:expr) => {
        TemplatePlugin {
            executors: &$executors,
            plugin: Plugin {
                name: $name,
                connectivities: &$connectivities,
                target: &$target,
                old_secret: $old_secret,
                accounts: None,
            },
            target: &$target,
        }
    };
}

const PLUGINS: &[TemplatePlugin] = &[
    #[cfg(feature = "ssh")]
    row!(
        "template-ssh",
        crate::ssh::SshTemplate,
        [Executor::Ssh, Executor::TkExpect],
        ["SSH"],
        OldSecret::RefusedAtOnce
    ),
    #[cfg(feature = "postgresql")]
    row!(
        "template-postgresql",
        crate::postgresql::PostgresqlTemplate,
        [Executor::PostgreSql],
        ["PostgreSQL"],
        OldSecret::RefusedAtOnce
    ),
    #[cfg(feature = "mysql")]
    row!(
        "template-mysql",
        crate::mysql::MysqlTemplate,
        [Executor::MySql],
        ["MySQL", "MariaDB"],
        OldSecret::RefusedAtOnce
    ),
    // The directory may be one of Windows.
    #[cfg(feature = "ldap")]
    row!(
        "template-ldap",
        crate::ldap::LdapTemplate,
        [Executor::Ldap],
        ["LDAPS", "LDAP"],
        OldSecret::MayWorkFor(Duration::from_secs(3600))
    ),
];

/// Returns the target that runs the templates of an executor. `None`: this build has none.
pub fn template_target(executor: Executor) -> Option<&'static TemplatePlugin> {
    PLUGINS.iter().find(|plugin| plugin.executors.contains(&executor))
}

/// Returns every target for templates of this build.
pub fn template_targets() -> &'static [TemplatePlugin] {
    PLUGINS
}
