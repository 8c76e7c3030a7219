//! What every test of a target needs.

mod certificates;
pub(crate) mod linux;
mod log;
pub(crate) mod mariadb;
pub(crate) mod postgres;
mod proxy;
pub(crate) mod rabbitmq;
pub(crate) mod samba;
mod server;
mod service;
pub(crate) mod slapd;
#[cfg(feature = "template")]
pub(crate) mod template;

use std::collections::BTreeMap;
use std::time::Duration;

use chaveiro_rotation::{Account, Change, Failure, Login, LoginSecret, Operator, Target, TargetIdentity};
use chaveiro_secret::SecretText;

pub(crate) use certificates::Certificates;
pub(crate) use server::{Server, comes_true, command, free_port, free_ports, wait_for_socket};
pub(crate) use service::{find_program, has_root, is_root};

/// Returns a password.
pub(crate) fn password(text: &str) -> LoginSecret {
    LoginSecret::Password(SecretText::new(text.into()))
}

/// Returns the login of an operator.
pub(crate) fn operator(username: &str, secret: LoginSecret) -> Operator {
    Operator::Other(Login { username: username.into(), secret })
}

/// Returns an account on a server of this machine.
pub(crate) fn account(username: &str, port: u16, options: &[(&str, &str)]) -> Account {
    let options: BTreeMap<_, _> = options.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Account {
        host: "127.0.0.1".into(),
        port: Some(port),
        username: username.into(),
        options,
        identity: None,
        timeout: None,
    }
}

/// A target with an account, and the calls that tests make.
#[derive(Clone)]
pub(crate) struct Tested {
    pub(crate) target: &'static dyn Target,
    pub(crate) account: Account,
}

impl Tested {
    /// Takes the target of a plugin.
    pub(crate) fn new(plugin: &str, account: Account) -> Self {
        Self { target: chaveiro_targets::by_name(plugin).unwrap(), account }
    }

    /// Returns the identity that the server presents.
    pub(crate) async fn identified(&self) -> Result<Option<TargetIdentity>, Failure> {
        self.target.identify(&self.account).await.map_err(|error| error.failure)
    }

    /// The same account with no authority for the server's certificate.
    pub(crate) fn without_authority(mut self) -> Self {
        self.account.options.remove("ca-pem");
        self
    }

    /// Pins the identity that the server presents.
    pub(crate) async fn pinned(mut self) -> Self {
        self.account.identity = self.identified().await.unwrap();
        assert!(self.account.identity.as_ref().unwrap().0.starts_with("SHA256:"));
        self
    }

    /// Changes the account's secret.
    pub(crate) async fn change(
        &self,
        operator: Operator,
        current: Option<&LoginSecret>,
        candidate: &LoginSecret,
    ) -> Result<(), Failure> {
        let change = self.as_change(operator, current, candidate);
        log::watch(&[current, Some(candidate)]);
        let done = self.target.change(&change).await;
        log::assert_silent();
        if let Err(error) = &done {
            assert_no_secret(&format!("{error} {error:?} {change:?}"), &[current, Some(candidate)]);
        }
        done.map_err(|error| error.failure)
    }

    /// Changes the secret by the account itself.
    pub(crate) async fn change_by_itself(&self, current: &LoginSecret, candidate: &LoginSecret) -> Result<(), Failure> {
        self.change(Operator::Itself, Some(current), candidate).await
    }

    /// Returns whether a secret logs in.
    pub(crate) async fn verify(&self, secret: &LoginSecret) -> Result<bool, Failure> {
        log::watch(&[Some(secret)]);
        let answer = self.target.verify(&self.account, secret).await;
        log::assert_silent();
        answer.map_err(|error| error.failure)
    }

    /// As [`Tested::verify`], again for a minute until it logs in: the server may still be starting, or be carrying out what it was
    /// sent.
    pub(crate) async fn verify_in_time(&self, secret: &LoginSecret) -> Result<bool, Failure> {
        for _ in 0..1200 {
            if self.verify(secret).await == Ok(true) {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.verify(secret).await
    }

    /// Removes the old secret.
    pub(crate) async fn retire(&self, operator: Operator, old: &LoginSecret, new: &LoginSecret) -> Result<(), Failure> {
        let change = self.as_change(operator, Some(old), new);
        self.target.retire(&change).await.map_err(|error| error.failure)
    }

    pub(crate) fn as_change(
        &self,
        operator: Operator,
        current: Option<&LoginSecret>,
        candidate: &LoginSecret,
    ) -> Change {
        let (current, candidate) = (current.cloned(), candidate.clone());
        Change { account: self.account.clone(), operator, current, candidate }
    }

    /// The same account on a host whose identity has changed.
    pub(crate) fn with_another_identity(&self) -> Self {
        let mut other = self.clone();
        let identity = other.account.identity.as_mut().unwrap();
        identity.0 = format!("SHA256:{}", "A".repeat(identity.0.len() - 7));
        other
    }
}

fn assert_no_secret(text: &str, secrets: &[Option<&LoginSecret>]) {
    for secret in secrets.iter().flatten() {
        if let LoginSecret::Password(password) = secret {
            // A shorter one stands in a text by accident.
            assert!(password.expose().len() < 6 || !text.contains(password.expose()), "a secret is in an error");
        }
    }
}

/// Passwords that a shell, a statement or a file would take for something else.
pub(crate) fn awkward_passwords() -> [String; 9] {
    [
        r#"it's "quoted" \n \\ `id`"#.into(),
        "$HOME $(id) ${x} %s %n %% !! #".into(),
        " spaces at both ends ".into(),
        "colon:and;semi&amp|pipe<>*?[]{}~".into(),
        "\\' OR ''='x9-Long-Q".into(),
        "-starts-with-a-dash-9X".into(),
        "pässwörd-пароль-密码-1".into(),
        "x9-Kq7Rm".repeat(16),
        "New password: ".into(),
    ]
}
