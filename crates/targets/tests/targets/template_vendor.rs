//! The vendor's public templates, unchanged, on the targets that can be started here. They are in the folder that
//! `CHAVEIRO_TEST_TEMPLATES` names.

use std::path::PathBuf;

use chaveiro_templates::Executor;

use crate::support::linux::{LinuxAccount, Sshd};
use crate::support::mariadb::MariaDb;
use crate::support::postgres::{Postgres, SUPERUSER, SUPERUSER_PASSWORD};
use crate::support::{Tested, account, find_program, operator, password};

const FIRST: &str = "first-Passw0rd-7q";
const SECOND: &str = "second Xylophone'42\"$%";

/// Reads a template, or says that there is none.
#[allow(clippy::print_stdout, reason = "as its neighbours say that they are skipped")]
fn vendor(path: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("CHAVEIRO_TEST_TEMPLATES").map(PathBuf::from) else {
        println!("skipped: CHAVEIRO_TEST_TEMPLATES names no folder");
        return None;
    };
    Some(std::fs::read_to_string(folder.join(path)).unwrap())
}

#[tokio::test]
async fn linux_accounts_change_by_the_vendors_templates() {
    let Some(own) = vendor("SSH/Change password/Linux - Change Own Password") else { return };
    let (Some(sshd), Some(_)) = (Sshd::start(""), find_program("sudo")) else { return };
    let root = vendor("SSH/Change password/Linux - Change Password As Root").unwrap();
    let sudo = vendor("SSH/Change password/Linux - Password Change via Sudoers").unwrap();
    let (target, admin) = (LinuxAccount::new(FIRST), LinuxAccount::new("Adm1n-of-tests-x"));
    let rules = std::path::Path::new("/etc/sudoers.d").join(&admin.name);
    std::fs::write(&rules, format!("{} ALL=(ALL) ALL\n", admin.name)).unwrap();
    let as_admin = operator(&admin.name, password("Adm1n-of-tests-x"));
    let mut current = password(FIRST);
    for (source, by, text) in [
        (own, None, SECOND),
        (root, Some(operator("root", sshd.root_key())), "third-Xylophone-43"),
        (sudo, Some(as_admin), "fourth-Xylophone-44"),
    ] {
        let account = account(&target.name, sshd.server.port, &[]);
        let tested = Tested::running(Executor::Ssh, &source, "", account).pinned().await;
        let candidate = password(text);
        let done = match by {
            None => tested.change_by_itself(&current, &candidate).await,
            Some(by) => tested.change(by, Some(&current), &candidate).await,
        };
        assert_eq!((done, tested.verify(&candidate).await), (Ok(()), Ok(true)), "{source}");
        current = candidate;
    }
    std::fs::remove_file(&rules).unwrap();
}

#[tokio::test]
async fn database_accounts_change_by_the_vendors_templates() {
    let Some(postgresql) = vendor("PostgreSQL/Change password/PostgreSQL") else { return };
    let mysql = vendor("MySQL/Change password/MySQL 5.x").unwrap();
    if let Some(server) = Postgres::start() {
        server.execute(&format!("CREATE ROLE \"o'b\" LOGIN PASSWORD '{FIRST}'"));
        let account = account("o'b", server.server.port, &[("ca-pem", &server.certificates.authority)]);
        let tested = Tested::running(Executor::PostgreSql, &postgresql, "", account);
        let by = operator(SUPERUSER, password(SUPERUSER_PASSWORD));
        assert_eq!(tested.change(by, None, &password(SECOND)).await, Ok(()));
        assert_eq!(tested.verify(&password(SECOND)).await, Ok(true));
    }
    if let Some(server) = MariaDb::start(&[]) {
        server.execute(&format!("CREATE USER 'o''b'@'%' IDENTIFIED BY '{FIRST}'"));
        let account = account("o'b", server.server.port, &[("ca-pem", &server.certificates.authority)]);
        let tested = Tested::running(Executor::MySql, &mysql, "", account);
        assert_eq!(tested.change_by_itself(&password(FIRST), &password(SECOND)).await, Ok(()));
        assert_eq!(tested.verify(&password(SECOND)).await, Ok(true));
    }
}
