//! Templates of dialogues, through a real sshd, shell and `passwd`.

use chaveiro_rotation::{Failure, Operator};
use chaveiro_templates::{Executor, Position};

use crate::support::linux::{LinuxAccount, Sshd};
use crate::support::{Tested, account, awkward_passwords, operator, password};

const FIRST: &str = "first-Passw0rd-7q";
const SECOND: &str = "second-Xylophone-42";

/// What is awaited before a line of a test's own template.
const PROMPT: &str = "expect-regex \"/[$#>%]\\s*$/\"\n";
/// Before an `expect` that has to wait in vain.
const SOON: &str = "set-read-timeout 2\n";

fn started(more: &str) -> Option<(Sshd, LinuxAccount)> {
    let sshd = Sshd::start(more)?;
    let account = LinuxAccount::new(FIRST);
    Some((sshd, account))
}

async fn shipped(sshd: &Sshd, account_of: &LinuxAccount, name: &str) -> Tested {
    Tested::shipped(name, "", account(&account_of.name, sshd.server.port, &[])).pinned().await
}

async fn running(sshd: &Sshd, account_of: &LinuxAccount, steps: &str) -> Tested {
    let account = account(&account_of.name, sshd.server.port, &[]);
    Tested::running(Executor::Ssh, &format!("{PROMPT}{steps}"), "", account).pinned().await
}

#[tokio::test]
async fn awkward_passwords_arrive_by_the_account_itself_and_by_root() {
    let Some((sshd, account)) = started("") else { return };
    let neighbour = LinuxAccount::new(FIRST);
    let before = neighbour.shadow();
    let own = shipped(&sshd, &account, "linux-own-password").await;
    let root = shipped(&sshd, &account, "linux-root-chpasswd").await;
    let mut current = password(FIRST);
    for text in awkward_passwords() {
        let candidate = password(&text);
        assert_eq!(own.change_by_itself(&current, &candidate).await, Ok(()), "{text}");
        assert_eq!((own.verify(&candidate).await, own.verify(&current).await), (Ok(true), Ok(false)), "{text}");
        current = candidate;
    }
    for text in awkward_passwords() {
        let candidate = password(&text);
        assert_eq!(root.change(operator("root", sshd.root_key()), None, &candidate).await, Ok(()), "{text}");
        assert_eq!(root.verify(&candidate).await, Ok(true), "{text}");
    }
    assert_eq!(neighbour.shadow(), before);
}

#[tokio::test]
async fn a_rehearsal_stops_before_the_new_password_and_masks_what_the_terminal_shows() {
    let Some((sshd, account)) = started("") else { return };
    let before = account.shadow();
    let own = shipped(&sshd, &account, "linux-own-password").await;
    let (first, second) = (password(FIRST), password(SECOND));
    let rehearsed = own.rehearse(Operator::Itself, Some(&first), &second).await.unwrap();
    assert_eq!((rehearsed.at, &rehearsed.failure), (Some(Position::new(13, 1)), &None), "{rehearsed:?}");
    assert!(rehearsed.transcript.contains("New password:"), "{rehearsed:?}");
    // `read` without `-s`: the terminal shows what is typed.
    let steps = "exec \"read -r shown; printf 'fin%s' ished\"\nsleep 1\nexec \"[#CURRENT_PASSWORD#]\"\nexpect \"finished\"\nexec \"[#NEW_PASSWORD#]\"";
    let echo = running(&sshd, &account, steps).await;
    let rehearsed = echo.rehearse(Operator::Itself, Some(&first), &second).await.unwrap();
    assert_eq!(rehearsed.failure, None, "{rehearsed:?}");
    assert!(rehearsed.transcript.contains("[secret]") && !rehearsed.transcript.contains(FIRST), "{rehearsed:?}");
    let steps = format!("{SOON}expect \"no such prompt:\"\nexec \"[#NEW_PASSWORD#]\"");
    let stuck = running(&sshd, &account, &steps).await;
    let rehearsed = stuck.rehearse(Operator::Itself, Some(&first), &second).await.unwrap();
    assert_eq!((rehearsed.at, rehearsed.failure.is_some()), (Some(Position::new(3, 1)), true), "{rehearsed:?}");
    assert_eq!(account.shadow(), before);
}

#[tokio::test]
async fn a_banner_that_matches_the_prompt_is_not_answered() {
    let dir = tempfile::tempdir().unwrap();
    let banner = dir.path().join("banner");
    std::fs::write(&banner, "New password: \nCurrent password: $ ").unwrap();
    let Some((sshd, account)) = started(&format!("Banner {}", banner.display())) else { return };
    account.write(".bashrc", "printf 'Current password: \\nNew password: \\nchanged:0\\n$ \\n'\n", "644");
    let own = shipped(&sshd, &account, "linux-own-password").await;
    assert_eq!(own.change_by_itself(&password(FIRST), &password(SECOND)).await, Ok(()));
    assert_eq!(own.verify(&password(SECOND)).await, Ok(true));
}

#[tokio::test]
async fn a_failure_before_the_new_password_leaves_it_and_one_after_it_is_unknown() {
    let Some((sshd, account)) = started("") else { return };
    let before = account.shadow();
    let passwd = "exec \"LC_ALL=C passwd\"\nexpect \"*urrent password:\"\nexec \"[#CURRENT_PASSWORD#]\"\nexpect \"*ew password:\"\n";
    let new = "exec \"[#NEW_PASSWORD#]\"\n";
    for (steps, failure) in [
        (format!("{SOON}expect \"no such prompt:\"\n{new}"), Failure::Misconfigured),
        // What a shell or program writes at once comes as one; before it, a slow one may be silent for long.
        (format!("exec \"nosuchcommand\"\nexpect \"*not f\"\nno-expect \"*ound*\"\n{new}"), Failure::Denied),
        (format!("exec \"exit\"\nexpect \"no such prompt:\"\n{new}"), Failure::Unreachable),
        ("exec \"true\"\n".into(), Failure::Misconfigured),
        (format!("{passwd}{new}{SOON}expect \"no such answer\""), Failure::Unknown),
        (format!("{passwd}{new}expect \"*Ret\"\nno-expect \"*ype*\""), Failure::Unknown),
        (format!("exec \"read -s x; kill -9 $PPID\"\nsleep 1\n{new}expect \"done\""), Failure::Unknown),
    ] {
        let tested = running(&sshd, &account, &steps).await;
        let done = tested.change_by_itself(&password(FIRST), &password(SECOND)).await;
        assert_eq!(done, Err(failure), "{steps}");
    }
    assert_eq!(account.shadow(), before);
    // `passwd` refuses it, and asks again: nobody can tell from outside of this template.
    let own = running(&sshd, &account, &format!("{passwd}{new}{SOON}expect \"*updated successfully\"")).await;
    assert_eq!(own.change_by_itself(&password(FIRST), &password("abc")).await, Err(Failure::Unknown));
    assert_eq!((own.verify(&password("abc")).await, own.verify(&password(FIRST)).await), (Ok(false), Ok(true)));
}

#[tokio::test]
async fn what_the_template_cannot_carry_or_do_is_refused_before_a_connection() {
    let Some((sshd, account)) = started("") else { return };
    let (first, second) = (password(FIRST), password(SECOND));
    let device = running(&sshd, &account, "exec \"username [#USERNAME#] secret [#NEW_PASSWORD#]\"").await;
    let before = sshd.connections();
    for text in ["two words", "a'b", "a\nb"] {
        assert_eq!(device.change_by_itself(&first, &password(text)).await, Err(Failure::Rejected), "{text}");
    }
    let missing = Tested::running(Executor::Ssh, "exec \"[#ADD_INFO#]\"", "", device.account.clone());
    assert_eq!(missing.change_by_itself(&first, &second).await, Err(Failure::Misconfigured));
    let telnet =
        Tested::running(Executor::TkExpect, "use telnet\nsend \"[#NEW_PASSWORD#]\\r\"", "", device.account.clone());
    assert_eq!(telnet.change_by_itself(&first, &second).await, Err(Failure::Misconfigured));
    let broken = Tested::running(Executor::Ssh, "frobnicate", "", device.account.clone());
    assert_eq!(broken.change_by_itself(&first, &second).await, Err(Failure::Misconfigured));
    assert_eq!(sshd.connections(), before);
}

#[tokio::test]
async fn one_login_is_tried_and_a_host_of_another_key_gets_nothing() {
    let Some((sshd, account)) = started("") else { return };
    let own = shipped(&sshd, &account, "linux-own-password").await;
    let (first, second) = (password(FIRST), password(SECOND));
    assert_eq!(own.change_by_itself(&second, &password("third-Xylophone-43")).await, Err(Failure::Denied));
    sshd.has_refused_passwords(1);
    let other = own.with_another_identity();
    assert_eq!(other.change_by_itself(&first, &second).await, Err(Failure::IdentityChanged));
    assert_eq!(
        other.rehearse(Operator::Itself, Some(&first), &second).await.unwrap_err().failure,
        Failure::IdentityChanged
    );
    sshd.has_refused_passwords(1);
    assert_eq!(own.verify(&first).await, Ok(true));
}

#[tokio::test]
async fn a_template_of_tk_expect_runs_over_ssh() {
    let Some((sshd, account_of)) = started("") else { return };
    let source = "use ssh\nexpect \"*$\"\nsend \"LC_ALL=C passwd\\r\"\nexpect {\n\
                  \"*urrent password:\" {\nsend \"[#CURRENT_PASSWORD#]\\r\"\nexp_continue\n}\n\
                  \"*ew password:\" {\nsend \"[#NEW_PASSWORD#]\\r\"\nexp_continue\n}\n\
                  \"*updated successfully\" {\nsend \"exit\\r\"\n}\ntimeout {\nexit 1\n}\n}\nend\n";
    let account = account(&account_of.name, sshd.server.port, &[]);
    let tested = Tested::running(Executor::TkExpect, source, "", account).pinned().await;
    assert_eq!(tested.change_by_itself(&password(FIRST), &password(SECOND)).await, Ok(()));
    assert_eq!(tested.verify(&password(SECOND)).await, Ok(true));
}
