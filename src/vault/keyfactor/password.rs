//! Passwords of identities, for Basic authentication: Argon2id (RFC 9106), a limit on wrong ones, and a short memory of
//! right ones, since a client sends its password with every request.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

use crate::audit::Signer;
use crate::crypto::{DataKey, SecretText};
use crate::directory::AccountName;
use crate::store::folded;
use crate::vault::Vault;
use crate::vault::access::Client;
use crate::vault::authentication::AuthenticationFailure;

/// How many passwords are checked at once: each takes 19 MiB.
const CHECKS_AT_ONCE: usize = 4;
/// How many right passwords are remembered.
const REMEMBERED: usize = 1024;
/// Wrong passwords are counted over this time.
const WINDOW: TimeDelta = TimeDelta::minutes(1);
/// From one address, for all accounts together, so many times as many as for one account.
const ACCOUNTS_OF_A_SOURCE: u32 = 10;
/// Beyond so many counts in a minute, all are forgotten.
const MOST_COUNTS: usize = 8192;

/// An identity that may come with a password.
#[derive(Debug)]
pub(in crate::vault) struct Login {
    pub(in crate::vault) client: Arc<Client>,
    /// What its password is checked with, in PHC string format.
    pub(in crate::vault) verifier: String,
}

/// What a password is checked with.
///
/// # Errors
/// None that a password can cause.
pub(in crate::vault) fn verifier(password: &SecretText) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password(password.expose().as_bytes())?.to_string())
}

fn accepts(verifier: &str, password: &SecretText) -> bool {
    let parsed = PasswordHash::new(verifier);
    parsed.is_ok_and(|hash| Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok())
}

/// A verifier that nothing passes, so that an unknown account costs what a known one does.
fn nobody() -> &'static str {
    static NOBODY: OnceLock<String> = OnceLock::new();
    NOBODY.get_or_init(|| {
        verifier(&SecretText::new(hex::encode(crate::crypto::random_bytes::<32>()))).unwrap_or_default()
    })
}

/// The memory of this node about passwords.
pub(in crate::vault) struct Passwords {
    /// Passwords that were found right, each as a MAC with its verifier under a key of this process.
    right: Cache<Vec<u8>, ()>,
    remembering: Signer,
    wrong: Mutex<Wrong>,
    checks: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            right: Cache::new(REMEMBERED),
            remembering: Signer::new(&DataKey::generate(), "passwords"),
            wrong: Mutex::default(),
            checks: Semaphore::new(CHECKS_AT_ONCE),
        }
    }
}

/// Wrong passwords: for each source and account, and for each source.
#[derive(Default)]
struct Wrong(HashMap<(IpAddr, Option<String>), (DateTime<Utc>, u32)>);

/// What counts as one source: an address of version 4, a network of version 6, whose addresses one caller has all of.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

impl Wrong {
    fn keys(source: IpAddr, account: &str, limit: u32) -> [((IpAddr, Option<String>), u32); 2] {
        let source = network(source);
        [((source, Some(account.into())), limit), ((source, None), limit.saturating_mul(ACCOUNTS_OF_A_SOURCE))]
    }

    fn is_limited(&self, source: IpAddr, account: &str, limit: u32, now: DateTime<Utc>) -> bool {
        Self::keys(source, account, limit)
            .iter()
            .any(|(key, limit)| self.0.get(key).is_some_and(|(since, count)| now - *since < WINDOW && count >= limit))
    }

    fn add(&mut self, source: IpAddr, account: &str, now: DateTime<Utc>) {
        if self.0.len() >= MOST_COUNTS {
            self.0.retain(|_, (since, _)| now - *since < WINDOW);
        }
        // So many in one minute come from far and wide. Counting anew is better than growing, or locking everybody out.
        if self.0.len() >= MOST_COUNTS {
            self.0.clear();
        }
        for (key, _) in Self::keys(source, account, 0) {
            let count = self.0.entry(key).or_insert((now, 0));
            *count = if now - count.0 < WINDOW { (count.0, count.1 + 1) } else { (now, 1) };
        }
    }

    fn forget(&mut self, source: IpAddr, account: &str) {
        self.0.remove(&(network(source), Some(account.into())));
    }
}

impl Vault {
    /// Who has this account and this password.
    ///
    /// # Errors
    /// A failure that has been counted for the audit log.
    pub async fn authenticate_account(
        &self,
        account: &str,
        password: SecretText,
        source: IpAddr,
    ) -> Result<Arc<Client>, AuthenticationFailure> {
        let name = AccountName::parse(account).and_then(|name| name.qualified());
        // A name of no account is counted under one key: what was sent is not kept.
        let account = name.map(|name| folded(&name)).unwrap_or_default();
        let checked = self.check_password(&account, password, source).await;
        checked.inspect_err(|failure| self.note_failure(source, *failure))
    }

    async fn check_password(
        &self,
        account: &str,
        password: SecretText,
        source: IpAddr,
    ) -> Result<Arc<Client>, AuthenticationFailure> {
        let (passwords, now) = (&self.0.passwords, self.0.clock.now());
        let limit = self.0.settings.login.max_failures_per_minute.max(1);
        let limited = || passwords.wrong().is_limited(source, account, limit, now);
        // Before the memory of right ones, or a limited caller could go on guessing there.
        if limited() {
            return Err(AuthenticationFailure::TooMany);
        }
        let login = self.0.grants.load().login(account).cloned();
        let verifier = login.as_ref().map_or(nobody(), |login| &login.verifier).to_string();
        let remembered = passwords.remembering.sign(&[verifier.as_bytes(), password.expose().as_bytes()]);
        if let Some(login) = &login
            && passwords.right.get(&remembered).is_some()
        {
            return Ok(Arc::clone(&login.client));
        }
        let turn = passwords.checks.acquire().await.map_err(|_| AuthenticationFailure::TooMany)?;
        // Others of the same caller may have been wrong in the meantime.
        if limited() {
            return Err(AuthenticationFailure::TooMany);
        }
        let right = tokio::task::spawn_blocking(move || accepts(&verifier, &password)).await.unwrap_or(false);
        drop(turn);
        match login {
            Some(login) if right => {
                passwords.right.insert(remembered, ());
                passwords.wrong().forget(source, account);
                Ok(Arc::clone(&login.client))
            }
            known => {
                passwords.wrong().add(source, account, now);
                Err(known.map_or(AuthenticationFailure::UnknownClient, |_| AuthenticationFailure::WrongSecret))
            }
        }
    }
}

impl Passwords {
    fn wrong(&self) -> std::sync::MutexGuard<'_, Wrong> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_micros;

    fn at(second: i64) -> DateTime<Utc> {
        from_micros(second * 1_000_000)
    }

    #[test]
    fn a_verifier_is_argon2id_and_accepts_its_password_alone() {
        let password = SecretText::new("correct horse battery".into());
        let verifier = verifier(&password).unwrap();
        assert!(verifier.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{verifier}");
        assert!(accepts(&verifier, &password) && !accepts(&verifier, &SecretText::new("correct horse".into())));
        assert!(!accepts(nobody(), &password) && !accepts("", &password));
    }

    #[test]
    fn wrong_passwords_are_limited_for_an_account_and_for_a_source() {
        let (here, there): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let mut wrong = Wrong::default();
        (0..3).for_each(|_| wrong.add(here, "a", at(0)));
        assert!(wrong.is_limited(here, "a", 3, at(59)) && !wrong.is_limited(here, "a", 3, at(60)));
        assert!(!wrong.is_limited(here, "b", 3, at(1)) && !wrong.is_limited(there, "a", 3, at(1)));
        (0..27).for_each(|number| wrong.add(here, &format!("x{number}"), at(1)));
        assert!(wrong.is_limited(here, "b", 3, at(2)) && !wrong.is_limited(there, "b", 3, at(2)));
        wrong.forget(here, "a");
        assert!(wrong.is_limited(here, "a", 3, at(2)), "the source still is");
        wrong.add(here, "a", at(61));
        assert!(!wrong.is_limited(here, "a", 3, at(62)));
    }

    #[test]
    fn the_addresses_of_one_network_of_version_6_are_one_source() {
        let mut wrong = Wrong::default();
        for number in 0..3 {
            wrong.add(format!("2001:db8:1:2:{number}::1").parse().unwrap(), "a", at(0));
        }
        assert!(wrong.is_limited("2001:db8:1:2:ffff::".parse().unwrap(), "a", 3, at(1)));
        assert!(!wrong.is_limited("2001:db8:1:3::".parse().unwrap(), "a", 3, at(1)));
        wrong.forget("2001:db8:1:2::7".parse().unwrap(), "a");
        assert!(!wrong.is_limited("2001:db8:1:2:ffff::".parse().unwrap(), "a", 3, at(1)));
    }

    #[test]
    fn a_storm_of_names_is_bounded() {
        let mut wrong = Wrong::default();
        (0..20_000).for_each(|number| wrong.add("10.0.0.1".parse().unwrap(), &format!("x{number}"), at(0)));
        assert!(wrong.0.len() <= MOST_COUNTS + 2);
    }
}
