//! Passwords of Linux accounts through a real sshd, PAM, `passwd`, `chpasswd` and `sudo`.

use chaveiro_rotation::{Failure, Operator};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::linux::{LinuxAccount, Sshd};
use crate::support::{Tested, awkward_passwords, operator, password};

const FIRST: &str = "first-Passw0rd-7q";
const SECOND: &str = "second-Xylophone-42";
const PLUGIN: &str = "linux-password";

async fn started(more: &str) -> Option<(Sshd, LinuxAccount, Tested)> {
    let sshd = Sshd::start(more)?;
    let account = LinuxAccount::new(FIRST);
    let tested = sshd.tested(PLUGIN, &account.name).await;
    Some((sshd, account, tested))
}

#[tokio::test]
async fn an_account_changes_its_own_password() {
    let Some((_sshd, account, tested)) = started("").await else { return };
    let neighbour = LinuxAccount::new(FIRST);
    let (before, first, second) = (neighbour.shadow(), password(FIRST), password(SECOND));
    assert_eq!(tested.change_by_itself(&first, &second).await, Ok(()));
    assert_eq!((tested.verify(&second).await, tested.verify(&first).await), (Ok(true), Ok(false)));
    assert_eq!(neighbour.shadow(), before);
    assert_eq!(tested.retire(Operator::Itself, &first, &second).await, Ok(()));
    assert!(account.home().exists());
}

#[tokio::test]
async fn awkward_passwords_survive_the_terminal_and_chpasswd() {
    let Some((sshd, _account, tested)) = started("").await else { return };
    let mut current = password(FIRST);
    for text in awkward_passwords().into_iter().filter(|text| text != "New password: ") {
        let candidate = password(&text);
        assert_eq!(tested.change_by_itself(&current, &candidate).await, Ok(()), "{text}");
        assert_eq!(tested.verify(&candidate).await, Ok(true), "{text}");
        current = candidate;
    }
    for text in awkward_passwords() {
        let candidate = password(&text);
        assert_eq!(tested.change(operator("root", sshd.root_key()), None, &candidate).await, Ok(()), "{text}");
        assert_eq!(tested.verify(&candidate).await, Ok(true), "{text}");
    }
}

#[test]
fn any_password_that_a_line_can_carry_arrives_by_root() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some((sshd, _account, tested)) = runtime.block_on(started("")) else { return };
    let neighbour = LinuxAccount::new(FIRST);
    let before = neighbour.shadow();
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let texts = "[^\\p{C}]{1,60}".prop_filter("PAM takes 511 bytes", |text| text.len() < 512);
    let checked = runner.run(&texts, |text| {
        let candidate = password(&text);
        let root = operator("root", sshd.root_key());
        prop_assert_eq!(runtime.block_on(tested.change(root, None, &candidate)), Ok(()));
        prop_assert_eq!(runtime.block_on(tested.verify(&candidate)), Ok(true));
        prop_assert_eq!(runtime.block_on(tested.verify(&password(&format!("{text}x")))), Ok(false));
        Ok(())
    });
    checked.unwrap();
    assert_eq!(neighbour.shadow(), before);
}

#[tokio::test]
async fn what_a_terminal_or_a_line_cannot_carry_is_refused_before_a_connection() {
    let Some((sshd, account, tested)) = started("").await else { return };
    let before = (account.shadow(), sshd.connections());
    for text in ["a\nb", "a\rb", "a\0b", "\u{3}", "\u{4}", "\u{7f}", "", &"x".repeat(512)] {
        let root = operator("root", sshd.root_key());
        assert_eq!(tested.change(root, None, &password(text)).await, Err(Failure::Misconfigured), "{text:?}");
        let own = tested.change_by_itself(&password(FIRST), &password(text)).await;
        assert_eq!(own, Err(Failure::Misconfigured), "{text:?}");
    }
    for name in ["root:x", "a\nroot:x", "", "a\0"] {
        let mut other = tested.clone();
        other.account.username = name.into();
        let root = operator("root", sshd.root_key());
        assert_eq!(other.change(root, None, &password(SECOND)).await, Err(Failure::Misconfigured), "{name:?}");
    }
    assert_eq!((account.shadow(), sshd.connections()), before);
}

#[tokio::test]
async fn root_learns_that_there_is_no_such_account() {
    let Some((sshd, _account, mut tested)) = started("").await else { return };
    tested.account.username = "chv-nobody".into();
    let root = operator("root", sshd.root_key());
    assert_eq!(tested.change(root, None, &password(SECOND)).await, Err(Failure::Misconfigured));
    assert_eq!(tested.verify(&password(SECOND)).await, Ok(false));
}

#[tokio::test]
async fn the_check_locks_no_account_one_password_is_tried_once() {
    // The host ends the session after one refusal.
    for more in ["MaxAuthTries 1", "MaxAuthTries 6", "PasswordAuthentication no\nKbdInteractiveAuthentication yes"] {
        let Some((sshd, _account, tested)) = started(more).await else { return };
        let wrong = password("not-the-password-1");
        assert_eq!(tested.verify(&wrong).await, Ok(false), "{more}");
        assert_eq!(tested.change_by_itself(&wrong, &password(SECOND)).await, Err(Failure::Denied), "{more}");
        if !more.contains("KbdInteractive") {
            sshd.has_refused_passwords(2);
        }
        assert_eq!(tested.verify(&password(FIRST)).await, Ok(true), "{more}");
    }
}

#[tokio::test]
async fn host_key_changed_nothing_is_sent() {
    let Some((sshd, account, tested)) = started("").await else { return };
    let before = account.shadow();
    let other = tested.with_another_identity();
    assert_eq!(other.verify(&password(FIRST)).await, Err(Failure::IdentityChanged));
    let own = other.change_by_itself(&password(FIRST), &password(SECOND)).await;
    assert_eq!(own, Err(Failure::IdentityChanged));
    let mut unpinned = tested.clone();
    unpinned.account.identity = None;
    assert_eq!(unpinned.verify(&password(FIRST)).await, Err(Failure::Misconfigured));
    assert_eq!(account.shadow(), before);
    sshd.has_refused_passwords(0);
    assert!(!sshd.server.read("log").contains("Accepted password"));
}

#[tokio::test]
async fn minimum_age_is_too_early_and_leaves_the_password() {
    let Some((sshd, account, tested)) = started("").await else { return };
    account.administer("chage", &["--mindays", "5", &account.name]);
    let (first, second) = (password(FIRST), password(SECOND));
    assert_eq!(tested.change_by_itself(&first, &second).await, Err(Failure::TooEarly));
    assert_eq!(tested.verify(&first).await, Ok(true));
    assert_eq!(tested.change(operator("root", sshd.root_key()), Some(&first), &second).await, Ok(()));
}

#[tokio::test]
async fn an_expired_password_is_changed_at_the_login() {
    let Some((_sshd, account, tested)) = started("").await else { return };
    account.administer("chage", &["--lastday", "0", &account.name]);
    assert_eq!(tested.change_by_itself(&password(FIRST), &password(SECOND)).await, Ok(()));
    assert_eq!(tested.verify(&password(SECOND)).await, Ok(true));
}

#[tokio::test]
async fn a_weak_password_is_rejected_and_the_old_one_stays() {
    let Some((_sshd, account, tested)) = started("").await else { return };
    // With and without pam_pwquality.
    for weak in ["abc", FIRST] {
        let before = account.shadow();
        let own = tested.change_by_itself(&password(FIRST), &password(weak)).await;
        assert!(matches!(own, Err(Failure::Rejected)), "{weak}: {own:?}");
        assert_eq!(account.shadow(), before);
    }
    assert_eq!(tested.verify(&password(FIRST)).await, Ok(true));
}

#[tokio::test]
async fn a_banner_that_matches_the_prompt_and_a_noisy_shell_are_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let banner = dir.path().join("banner");
    std::fs::write(&banner, "New password: \nCurrent password: ").unwrap();
    let Some((_sshd, account, tested)) = started(&format!("Banner {}", banner.display())).await else { return };
    account.write(
        ".bashrc",
        "printf 'Changing password for root.\\nCurrent password: '\nprintf 'New password: '\n",
        "644",
    );
    assert_eq!(tested.change_by_itself(&password(FIRST), &password(SECOND)).await, Ok(()));
    assert_eq!(tested.verify(&password(SECOND)).await, Ok(true));
}

/// Replaces the shell of an account by a script, which speaks as `passwd` of a broken host might.
async fn spoken_to(script: &str) -> Option<(Sshd, LinuxAccount, Result<(), Failure>)> {
    let (sshd, account, tested) = started("").await?;
    let shell = account.home().join("shell");
    account.write("shell", &format!("#!/bin/bash\nmark=${{2#echo; echo }}; echo \"${{mark%%;*}}\"\n{script}\n"), "755");
    account.administer("usermod", &["--shell", &shell.display().to_string(), &account.name]);
    let answer = tested.change_by_itself(&password(FIRST), &password(SECOND)).await;
    Some((sshd, account, answer))
}

#[tokio::test]
async fn other_account_changed_passwd_that_names_another_one_gets_no_password() {
    let script = "echo 'Changing password for root.'; read -s -p 'Current password: ' a; echo \"$a\" >~/got";
    let Some((_sshd, account, answer)) = spoken_to(script).await else { return };
    assert_eq!(answer, Err(Failure::Misconfigured));
    assert!(!std::fs::read_to_string(account.home().join("got")).unwrap_or_default().contains(FIRST));
}

#[tokio::test]
async fn echo_of_the_password_ends_the_dialogue_before_the_new_one() {
    let script = "stty echo; echo \"Changing password for $USER.\"; read -p 'Current password: ' a; \
                  read -s -p 'New password: ' b; echo \"$b\" >~/got";
    let Some((_sshd, account, answer)) = spoken_to(script).await else { return };
    assert_eq!(answer, Err(Failure::Misconfigured));
    assert!(!std::fs::read_to_string(account.home().join("got")).unwrap_or_default().contains(SECOND));
}

#[tokio::test]
async fn language_of_the_prompt_an_unknown_one_is_not_answered() {
    let script = "echo \"Changing password for $USER.\"; read -s -p 'Geben Sie das aktuelle Passwort ein: ' a; echo \"$a\" >~/got";
    let Some((_sshd, account, answer)) = spoken_to(script).await else { return };
    assert_eq!(answer, Err(Failure::Misconfigured));
    assert!(!account.home().join("got").exists());
}

#[tokio::test]
async fn a_connection_lost_after_the_last_answer_is_unknown_and_before_it_is_not() {
    let before = "echo \"Changing password for $USER.\"; read -s -p 'Current password: ' a; echo; kill -9 $PPID";
    let after = "echo \"Changing password for $USER.\"; read -s -p 'Current password: ' a; echo; \
                 read -s -p 'New password: ' a; echo; read -s -p 'Retype new password: ' a; echo; kill -9 $PPID";
    for (script, failure) in [(before, Failure::Unreachable), (after, Failure::Unknown)] {
        let Some((_sshd, _account, answer)) = spoken_to(script).await else { return };
        assert_eq!(answer, Err(failure), "{script}");
    }
}

#[tokio::test]
async fn an_account_without_a_shell_is_told_as_such() {
    let Some((sshd, account, tested)) = started("").await else { return };
    account.administer("usermod", &["--shell", "/usr/sbin/nologin", &account.name]);
    let own = tested.change_by_itself(&password(FIRST), &password(SECOND)).await;
    assert_eq!(own, Err(Failure::Misconfigured));
    assert_eq!(tested.change(operator("root", sshd.root_key()), None, &password(SECOND)).await, Ok(()));
}

#[tokio::test]
async fn a_locked_account_and_a_wrong_operator_are_denied() {
    let Some((_sshd, account, tested)) = started("").await else { return };
    let wrong = operator(&account.name, password("not-the-password-1"));
    assert_eq!(tested.change(wrong, None, &password(SECOND)).await, Err(Failure::Denied));
    account.administer("usermod", &["--lock", &account.name]);
    assert_eq!(tested.change_by_itself(&password(FIRST), &password(SECOND)).await, Err(Failure::Denied));
    assert_eq!(tested.verify(&password(FIRST)).await, Ok(false));
}

#[tokio::test]
async fn an_operator_uses_sudo_with_and_without_a_password() {
    if crate::support::find_program("sudo").is_none() {
        return;
    }
    let Some((_sshd, account, tested)) = started("").await else { return };
    let admin = LinuxAccount::new("Adm1n-of-tests-x");
    let as_admin = |text: &str| operator(&admin.name, password(text));
    // Not in the sudoers file.
    let refused = tested.change(as_admin("Adm1n-of-tests-x"), None, &password(SECOND)).await;
    assert_eq!(refused, Err(Failure::Denied));
    let rules = std::path::Path::new("/etc/sudoers.d").join(&admin.name);
    for (rule, text) in [("NOPASSWD: /usr/sbin/chpasswd", SECOND), ("ALL", "third-Xylophone-43")] {
        std::fs::write(&rules, format!("{} ALL=(ALL) {rule}\n", admin.name)).unwrap();
        let done = tested.change(as_admin("Adm1n-of-tests-x"), None, &password(text)).await;
        std::fs::remove_file(&rules).unwrap();
        assert_eq!((done, tested.verify(&password(text)).await), (Ok(()), Ok(true)), "{rule}");
    }
    assert!(!account.shadow().is_empty());
}
