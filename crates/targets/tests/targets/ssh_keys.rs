//! SSH keys through a real sshd.

use chaveiro_rotation::{Failure, LoginSecret, Operator};

use crate::support::linux::{LinuxAccount, Sshd, key};
use crate::support::{Tested, command, find_program, operator};

/// A private key, and the line that lets it in.
struct Pair {
    private: LoginSecret,
    line: String,
}

impl Pair {
    fn new(kind: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let arguments = ["-q", "-t", kind, "-N", "", "-C", "", "-f", &path.display().to_string()];
        command(&find_program("ssh-keygen").unwrap(), &arguments, "");
        let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
        Self { private: key(&read(&path)), line: read(&path.with_extension("pub")).trim_end().into() }
    }
}

async fn started(pair: Option<&Pair>, other_lines: &str) -> Option<(Sshd, LinuxAccount, Tested)> {
    let sshd = Sshd::start("")?;
    let account = LinuxAccount::new("never-used-Passw0rd");
    if let Some(pair) = pair {
        account.write(".ssh/authorized_keys", &format!("{other_lines}{} jo@old", pair.line), "640");
    }
    let tested = sshd.tested("ssh-key", &account.name).await;
    Some((sshd, account, tested))
}

fn file(account: &LinuxAccount) -> String {
    std::fs::read_to_string(account.home().join(".ssh/authorized_keys")).unwrap()
}

#[tokio::test]
async fn old_and_new_both_valid_until_the_old_key_is_retired() {
    let Some(_) = find_program("ssh-keygen") else { return };
    let (old, new) = (Pair::new("ed25519"), Pair::new("ecdsa"));
    let others = format!("# other keys\nfrom=\"10.1.2.3\" {} stays\n\n", Pair::new("ed25519").line);
    let Some((_sshd, account, tested)) = started(Some(&old), &others).await else { return };
    assert_eq!(tested.verify(&new.private).await, Ok(false));
    assert_eq!(tested.change_by_itself(&old.private, &new.private).await, Ok(()));
    assert_eq!((tested.verify(&old.private).await, tested.verify(&new.private).await), (Ok(true), Ok(true)));
    // Once more: nothing is added twice.
    assert_eq!(tested.change_by_itself(&old.private, &new.private).await, Ok(()));
    assert_eq!(file(&account), format!("{others}{} jo@old\n{} jo@old\n", old.line, new.line));
    assert_eq!(tested.retire(Operator::Itself, &old.private, &new.private).await, Ok(()));
    assert_eq!((tested.verify(&old.private).await, tested.verify(&new.private).await), (Ok(false), Ok(true)));
    assert_eq!(file(&account), format!("{others}{} jo@old\n", new.line));
    let listed = command(
        std::path::Path::new("stat"),
        &["-c", "%a %U", &account.home().join(".ssh/authorized_keys").display().to_string()],
        "",
    );
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), format!("640 {}\n", account.name));
    let beside = std::fs::read_dir(account.home().join(".ssh")).unwrap().count();
    assert_eq!(beside, 1, "nothing is left beside the file");
}

#[tokio::test]
async fn restrictions_of_the_old_key_hold_for_the_new_one() {
    let Some(_) = find_program("ssh-keygen") else { return };
    let (old, new) = (Pair::new("ed25519"), Pair::new("ed25519"));
    let options = "no-agent-forwarding,environment=\"A=b c\" ";
    let Some((_sshd, account, tested)) = started(Some(&old), options).await else { return };
    assert_eq!(tested.change_by_itself(&old.private, &new.private).await, Ok(()));
    assert!(file(&account).ends_with(&format!("\n{options}{} jo@old\n", new.line)), "{}", file(&account));
}

#[tokio::test]
async fn root_adds_a_first_key_with_the_rights_of_the_account() {
    let Some(_) = find_program("ssh-keygen") else { return };
    let new = Pair::new("ed25519");
    let Some((sshd, account, tested)) = started(None, "").await else { return };
    let root = || operator("root", sshd.root_key());
    assert_eq!(tested.change(root(), None, &new.private).await, Ok(()));
    assert_eq!(tested.verify(&new.private).await, Ok(true));
    assert_eq!(file(&account), format!("{}\n", new.line));
    // The account must not make root write elsewhere.
    let mut other = tested.clone();
    for name in ["$(id)", "a b", "-root", "a'b", "a;b"] {
        other.account.username = name.into();
        assert_eq!(other.change(root(), None, &new.private).await, Err(Failure::Misconfigured), "{name}");
    }
}

#[tokio::test]
async fn an_old_key_that_another_file_lets_in_is_not_taken_for_retired() {
    let Some(_) = find_program("ssh-keygen") else { return };
    let (old, new) = (Pair::new("ed25519"), Pair::new("ed25519"));
    let Some((_sshd, account, tested)) = started(Some(&old), "").await else { return };
    account.write(".ssh/authorized_keys2", &old.line, "600");
    assert_eq!(tested.change_by_itself(&old.private, &new.private).await, Ok(()));
    assert_eq!(tested.retire(Operator::Itself, &old.private, &new.private).await, Err(Failure::Unknown));
}

#[tokio::test]
async fn host_key_changed_no_key_is_presented() {
    let Some(_) = find_program("ssh-keygen") else { return };
    let (old, new) = (Pair::new("ed25519"), Pair::new("ed25519"));
    let Some((_sshd, account, tested)) = started(Some(&old), "").await else { return };
    let (before, other) = (file(&account), tested.with_another_identity());
    assert_eq!(other.change_by_itself(&old.private, &new.private).await, Err(Failure::IdentityChanged));
    assert_eq!(other.retire(Operator::Itself, &old.private, &new.private).await, Err(Failure::IdentityChanged));
    assert_eq!(file(&account), before);
}
