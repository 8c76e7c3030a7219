//! Logins: one attempt with one secret.

use std::sync::Arc;

use chaveiro_rotation::{Account, Failure, LoginSecret, TargetError};
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, decode_secret_key};
use russh::{Disconnect, MethodKind, MethodSet};

use super::host_key::{self, Host, Watch};
use crate::failure::{self, LOST};
use crate::net::{CONNECT, within};
use crate::options::{password, username};

/// Prompts of a keyboard-interactive login that are answered; more is another factor, or an expired password.
const ROUNDS: usize = 4;

/// A session of a user who is logged in.
pub(super) struct Session {
    pub(super) handle: Handle<Watch>,
}

impl Session {
    /// Ends the session.
    pub(super) async fn close(self) {
        // The host sees the connection's end in any case.
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
    }
}

/// Connects and logs in. `None`: the secret was refused.
pub(super) async fn log_in(
    account: &Account,
    name: &str,
    secret: &LoginSecret,
) -> Result<Option<Session>, TargetError> {
    let name = username(name)?;
    let credential = Credential::from_secret(secret)?;
    let Host { mut handle, watch } = host_key::connect(account).await?;
    let attempt = attempt(&mut handle, name, credential).await;
    match attempt {
        Ok(true) => Ok(Some(Session { handle })),
        Ok(false) => Ok(None),
        Err(error) if error.failure == Failure::Unreachable => {
            // The session has ended; its driver, which knows why, may not have told yet.
            let _ = within(CONNECT, &mut handle).await;
            if watch.ended_by_refusal() { Ok(None) } else { Err(error) }
        }
        Err(error) => Err(error),
    }
}

/// What is presented to the host.
enum Credential<'a> {
    Password(&'a str),
    Key(Arc<PrivateKey>),
}

impl<'a> Credential<'a> {
    fn from_secret(secret: &'a LoginSecret) -> Result<Self, TargetError> {
        match secret {
            LoginSecret::Password(_) => Ok(Credential::Password(password(secret)?.expose())),
            LoginSecret::PrivateKey { .. } => Ok(Credential::Key(Arc::new(private_key(secret)?))),
        }
    }
}

/// Reads a private key.
pub(super) fn private_key(secret: &LoginSecret) -> Result<PrivateKey, TargetError> {
    let LoginSecret::PrivateKey { key, passphrase } = secret else {
        return Err(failure::misconfigured("this target takes a private key, not a password"));
    };
    let passphrase = passphrase.as_ref().map(|passphrase| passphrase.expose());
    let rsa = failure::misconfigured("RSA keys are not supported: use Ed25519 or ECDSA");
    // PEM says so itself; in OpenSSH's form it is known once the key is read.
    if key.expose().contains("BEGIN RSA PRIVATE KEY") {
        return Err(rsa);
    }
    let key = decode_secret_key(key.expose(), passphrase)
        .map_err(|_| failure::misconfigured("the private key cannot be read, or its passphrase is wrong"))?;
    if key.algorithm().is_rsa() { Err(rsa) } else { Ok(key) }
}

async fn attempt(handle: &mut Handle<Watch>, name: &str, credential: Credential<'_>) -> Result<bool, TargetError> {
    let methods = methods(handle, name).await?;
    let has = |kind| methods.contains(&kind);
    match credential {
        Credential::Key(key) if has(MethodKind::PublicKey) => {
            let key = PrivateKeyWithHashAlg::new(key, None);
            answer(handle.authenticate_publickey(name, key).await)
        }
        Credential::Key(_) => Err(failure::denied("the host takes no keys")),
        Credential::Password(password) if has(MethodKind::Password) => {
            answer(handle.authenticate_password(name, password).await)
        }
        Credential::Password(password) if has(MethodKind::KeyboardInteractive) => {
            keyboard_interactive(handle, name, password).await
        }
        Credential::Password(_) => Err(failure::denied("the host takes no passwords")),
    }
}

/// Returns the ways to log in, by a request without any secret, which OpenSSH does not count as a failure.
async fn methods(handle: &mut Handle<Watch>, name: &str) -> Result<MethodSet, TargetError> {
    match handle.authenticate_none(name).await {
        Ok(AuthResult::Failure { remaining_methods, .. }) => Ok(remaining_methods),
        Ok(AuthResult::Success) => Err(failure::misconfigured("the host lets the account in without its secret")),
        Err(_) => Err(failure::unreachable(LOST)),
    }
}

fn answer(result: Result<AuthResult, russh::Error>) -> Result<bool, TargetError> {
    match result {
        Ok(AuthResult::Success) => Ok(true),
        Ok(AuthResult::Failure { partial_success: true, .. }) => Err(more_than_one_factor()),
        Ok(AuthResult::Failure { .. }) => Ok(false),
        Err(_) => Err(failure::unreachable(LOST)),
    }
}

fn more_than_one_factor() -> TargetError {
    failure::denied("the host asks for more than this secret")
}

/// Answers the one question for a password, which does not show what is typed; nothing else.
async fn keyboard_interactive(handle: &mut Handle<Watch>, name: &str, password: &str) -> Result<bool, TargetError> {
    use KeyboardInteractiveAuthResponse as Response;
    let mut response = handle.authenticate_keyboard_interactive_start(name, None).await;
    let mut is_answered = false;
    for _ in 0..ROUNDS {
        let answers = match response.map_err(|_| failure::unreachable(LOST))? {
            Response::Success => return Ok(true),
            Response::Failure { partial_success: true, .. } => return Err(more_than_one_factor()),
            Response::Failure { .. } => return Ok(false),
            Response::InfoRequest { prompts, .. } if prompts.is_empty() => Vec::new(),
            Response::InfoRequest { prompts, .. } if prompts.len() == 1 && !prompts[0].echo && !is_answered => {
                is_answered = true;
                vec![password.to_string()]
            }
            Response::InfoRequest { .. } => return Err(more_than_one_factor()),
        };
        response = handle.authenticate_keyboard_interactive_respond(answers).await;
    }
    Err(more_than_one_factor())
}

#[cfg(test)]
mod tests {
    use chaveiro_rotation::Failure;
    use chaveiro_secret::SecretText;

    use super::*;

    #[test]
    fn an_rsa_key_is_refused_by_name() {
        let openssh = include_str!("../../../../tests/suite/fixtures/ssh/rsa");
        let pem = "-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----\n";
        for (key, cause) in [
            (openssh, "RSA keys are not supported: use Ed25519 or ECDSA"),
            (pem, "RSA keys are not supported: use Ed25519 or ECDSA"),
            ("no key", "the private key cannot be read, or its passphrase is wrong"),
        ] {
            let secret = LoginSecret::PrivateKey { key: SecretText::new(key.into()), passphrase: None };
            let error = private_key(&secret).unwrap_err();
            assert_eq!((error.failure, error.cause), (Failure::Misconfigured, cause));
        }
    }
}
