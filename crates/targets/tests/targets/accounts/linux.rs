//! Linux accounts, through a real sshd, `useradd`, `userdel` and `sudo`.

use std::path::Path;
use std::process::Command;

use chaveiro_rotation::Failure;
use chaveiro_targets::{Created, Deleted};

use super::Ordered;
use crate::support::linux::{LinuxAccount, Sshd};
use crate::support::password;

const PLUGIN: &str = "linux-password";
const FIRST: &str = "first-Passw0rd-7q";

/// A name that no account has; whatever the test leaves of it goes with the value.
struct Name(LinuxAccount);

impl Name {
    fn free() -> Self {
        let account = LinuxAccount::new(FIRST);
        account.administer("userdel", &["--remove", &account.name]);
        Self(account)
    }

    fn exists(&self) -> bool {
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
        passwd.lines().any(|line| line.starts_with(&format!("{}:", self.0.name)))
    }
}

async fn by_root(sshd: &Sshd, name: &str) -> Ordered {
    Ordered::new(PLUGIN, sshd.tested(PLUGIN, name).await, "root", sshd.root_key())
}

#[tokio::test]
async fn an_account_is_created_and_deleted_with_its_home_and_what_it_runs() {
    let Some(sshd) = Sshd::start("") else { return };
    let name = Name::free();
    let mut jo = by_root(&sshd, &name.0.name).await;
    jo.order.account.options.insert("groups".into(), "games, mail".into());
    assert_eq!((jo.create().await, jo.logs_in().await), (Ok(Created::Now), true));
    let groups = Command::new("id").args(["-nG", &name.0.name]).output().unwrap();
    let groups = String::from_utf8(groups.stdout).unwrap();
    assert!(groups.contains("games") && groups.contains("mail") && name.0.home().is_dir(), "{groups}");
    assert_eq!(jo.create().await, Ok(Created::Before));

    let mut running = Command::new("setpriv");
    let (user, group) = (format!("--reuid={}", name.0.name), format!("--regid={}", name.0.name));
    let mut running = running.args([&user, &group, "--clear-groups", "sleep", "600"]).spawn().unwrap();
    // A process that has ended counts until its parent has looked.
    let ended = std::thread::spawn(move || running.wait().unwrap());
    assert_eq!((jo.delete().await, jo.logs_in().await), (Ok(Deleted::Now), false));
    assert!(!ended.join().unwrap().success() && !name.exists() && !name.0.home().exists());
    assert_eq!(jo.delete().await, Ok(Deleted::Now));
}

#[tokio::test]
async fn an_account_or_a_home_of_somebody_else_stays_as_it_is() {
    let Some(sshd) = Sshd::start("") else { return };
    let theirs = LinuxAccount::new(FIRST);
    theirs.write("file", "kept", "600");
    let before = theirs.shadow();
    let order = by_root(&sshd, &theirs.name).await;
    assert_eq!((order.create().await, order.delete().await), (Ok(Created::Before), Ok(Deleted::NotOurs)));
    assert_eq!(theirs.shadow(), before);
    assert!(theirs.home().join("file").exists());

    let name = Name::free();
    std::fs::create_dir(name.0.home()).unwrap();
    let order = by_root(&sshd, &name.0.name).await;
    assert_eq!((order.create().await, name.exists()), (Ok(Created::Before), false));
    assert_eq!((order.delete().await, name.0.home().is_dir()), (Ok(Deleted::Now), true));
    std::fs::remove_dir(name.0.home()).unwrap();
    assert_eq!(order.create().await, Ok(Created::Now));
    assert_eq!(order.marked("chaveiro-of-another-order").delete().await, Ok(Deleted::NotOurs));
    assert!(order.logs_in().await);
    assert_eq!(order.delete().await, Ok(Deleted::Now));
}

#[tokio::test]
async fn an_account_is_enabled_and_disabled() {
    let Some(sshd) = Sshd::start("") else { return };
    let account = LinuxAccount::new(FIRST);
    let jo = by_root(&sshd, &account.name).await;
    assert_eq!(jo.disable().await, Ok(()));
    assert_ne!(jo.tested.verify(&password(FIRST)).await, Ok(true));
    assert_eq!((jo.enable().await, jo.logs_in().await), (Ok(()), true));
    assert_eq!((jo.disable().await, jo.logs_in().await), (Ok(()), false));
    assert!(account.home().is_dir());
    let name = Name::free();
    let nobody = by_root(&sshd, &name.0.name).await;
    assert_eq!((nobody.enable().await, nobody.disable().await), (Err(Failure::Misconfigured), Ok(())));
}

#[tokio::test]
async fn sudo_is_enough_and_its_refusal_is_told() {
    let Some(sshd) = Sshd::start("") else { return };
    if crate::support::find_program("sudo").is_none() {
        return;
    }
    let (operator, name) = (LinuxAccount::new(FIRST), Name::free());
    let by_operator = async |secret: &str| {
        let tested = sshd.tested(PLUGIN, &name.0.name).await;
        Ordered::new(PLUGIN, tested, &operator.name, password(secret))
    };
    assert_eq!(by_operator(FIRST).await.create().await, Err(Failure::Denied));
    assert_eq!(by_operator("wrong").await.create().await, Err(Failure::Denied));
    let rule = Path::new("/etc/sudoers.d").join(operator.name.replace('-', "_"));
    for tag in ["", "NOPASSWD: "] {
        std::fs::write(&rule, format!("{} ALL=(root) {tag}ALL\n", operator.name)).unwrap();
        let order = by_operator(FIRST).await;
        let done = (order.create().await, order.logs_in().await, order.delete().await, name.exists());
        let _ = std::fs::remove_file(&rule);
        assert_eq!(done, (Ok(Created::Now), true, Ok(Deleted::Now), false), "{tag}");
    }
}

#[tokio::test]
async fn names_that_a_shell_would_read_otherwise_and_root_are_refused() {
    let Some(sshd) = Sshd::start("") else { return };
    for name in ["a b", "-r", "$(id)", "x;y", "a'b"] {
        let order = by_root(&sshd, name).await;
        assert_eq!(order.create().await, Err(Failure::Misconfigured), "{name}");
        assert_eq!(order.delete().await, Err(Failure::Misconfigured), "{name}");
    }
    assert_eq!(by_root(&sshd, "root").await.disable().await, Err(Failure::Misconfigured));
}
