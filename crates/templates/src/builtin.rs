//! The templates that ship with the product.

use crate::executor::Executor;

/// A template that ships with the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// What carries it out.
    pub executor: Executor,
    /// Its text.
    pub source: &'static str,
}

impl Builtin {
    /// Every template.
    pub const ALL: [Self; 12] = [
        Self::new("linux-own-password", Executor::Ssh, include_str!("../templates/linux-own-password.txt")),
        Self::new("linux-root-chpasswd", Executor::Ssh, include_str!("../templates/linux-root-chpasswd.txt")),
        Self::new("postgresql", Executor::PostgreSql, include_str!("../templates/postgresql.txt")),
        Self::new("mysql", Executor::MySql, include_str!("../templates/mysql.txt")),
        Self::new("mysql-own-password", Executor::MySql, include_str!("../templates/mysql-own-password.txt")),
        Self::new("mariadb-own-password", Executor::MySql, include_str!("../templates/mariadb-own-password.txt")),
        Self::new("oracle", Executor::Oracle, include_str!("../templates/oracle.txt")),
        Self::new("sql-server", Executor::SqlServer, include_str!("../templates/sql-server.txt")),
        Self::new("openldap", Executor::Ldap, include_str!("../templates/openldap.txt")),
        Self::new("active-directory", Executor::Ldap, include_str!("../templates/active-directory.txt")),
        Self::new("cisco-ios", Executor::Ssh, include_str!("../templates/cisco-ios.txt")),
        Self::new("junos", Executor::Ssh, include_str!("../templates/junos.txt")),
    ];

    const fn new(name: &'static str, executor: Executor, source: &'static str) -> Self {
        Self { name, executor, source }
    }

    /// Returns the template of a name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|builtin| builtin.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::{Purpose, lint};
    use crate::template::Template;

    #[test]
    fn every_template_is_without_findings() {
        for builtin in Builtin::ALL {
            let template = Template::parse(builtin.executor, builtin.source).unwrap();
            let findings: Vec<String> =
                lint(&template, Purpose::ChangePassword).iter().map(ToString::to_string).collect();
            assert!(findings.is_empty(), "{}: {findings:#?}", builtin.name);
            assert_eq!(Builtin::find(builtin.name), Some(builtin));
        }
    }
}
