//! The targets, by the names of their plugins.

use std::time::Duration;

use chaveiro_rotation::Target;

use crate::accounts::Accounts;

/// A target with its name and its rules.
#[derive(Clone, Copy)]
pub struct Plugin {
    /// Its name.
    pub name: &'static str,
    /// The connectivities of devices that have its port, as in `SSH:22`.
    pub connectivities: &'static [&'static str],
    /// The implementation.
    pub target: &'static dyn Target,
    /// What becomes of the old secret after a change.
    pub old_secret: OldSecret,
    /// How accounts are created and deleted, or enabled and disabled. `None`: not by this plugin.
    pub accounts: Option<&'static dyn Accounts>,
}

impl Plugin {
    /// Whether it changes SSH keys, not passwords: of these alone a target takes two for one account.
    pub fn changes_ssh_keys(&self) -> bool {
        self.old_secret == OldSecret::UntilRetired
    }
}

/// What becomes of the old secret after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldSecret {
    /// The target refuses it from the change on.
    RefusedAtOnce,
    /// The target takes both until [`Target::retire`].
    UntilRetired,
    /// The platform may take both for this long. Not a failure.
    MayWorkFor(Duration),
}

/// Every plugin of this build.
const PLUGINS: &[Plugin] = &[
    // Windows takes the old password over NTLM for an hour (`OldPasswordAllowedPeriod`).
    #[cfg(feature = "ldap")]
    Plugin {
        name: "active-directory",
        connectivities: &["LDAPS", "LDAP"],
        target: &crate::ldap::ActiveDirectory,
        old_secret: OldSecret::MayWorkFor(Duration::from_secs(3600)),
        accounts: None,
    },
    #[cfg(feature = "http")]
    Plugin {
        name: "http",
        connectivities: &["HTTPS", "HTTP"],
        target: &crate::http::Http,
        old_secret: OldSecret::RefusedAtOnce,
        accounts: None,
    },
    #[cfg(feature = "mysql")]
    Plugin {
        name: "mysql",
        connectivities: &["MySQL", "MariaDB"],
        target: &crate::mysql::Mysql,
        old_secret: OldSecret::RefusedAtOnce,
        accounts: None,
    },
    #[cfg(feature = "ldap")]
    Plugin {
        name: "openldap",
        connectivities: &["LDAPS", "LDAP"],
        target: &crate::ldap::OpenLdap,
        old_secret: OldSecret::RefusedAtOnce,
        accounts: Some(&crate::ldap::OpenLdap),
    },
    #[cfg(feature = "postgresql")]
    Plugin {
        name: "postgresql",
        connectivities: &["PostgreSQL"],
        target: &crate::postgresql::Postgresql,
        old_secret: OldSecret::RefusedAtOnce,
        accounts: Some(&crate::postgresql::Postgresql),
    },
    #[cfg(feature = "ssh")]
    Plugin {
        name: "linux-password",
        connectivities: &["SSH"],
        target: &crate::ssh::Linux,
        old_secret: OldSecret::RefusedAtOnce,
        accounts: Some(&crate::ssh::Linux),
    },
    #[cfg(feature = "ssh")]
    Plugin {
        name: "ssh-key",
        connectivities: &["SSH"],
        target: &crate::ssh::SshKeys,
        old_secret: OldSecret::UntilRetired,
        accounts: None,
    },
];

/// Returns the target of a plugin.
pub fn by_name(name: &str) -> Option<&'static dyn Target> {
    PLUGINS.iter().find(|plugin| plugin.name == name).map(|plugin| plugin.target)
}

/// Returns every plugin of this build.
pub fn plugins() -> &'static [Plugin] {
    PLUGINS
}
