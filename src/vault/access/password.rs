//! Passwords of accounts, for Basic authentication: Argon2id (RFC 9106), a limit on failed attempts, and a short cache of
//! verified passwords, since a client sends its password with every request.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

use crate::audit::RowMac;
use crate::crypto::{DataKey, SecretText};
use crate::directory::AccountName;
use crate::text::case_folded;
use crate::vault::Vault;
use crate::vault::operation::{Principal, Request};

use super::authentication::AuthenticationFailure;
use super::{Account, Origin};

/// Maximum number of concurrent checks: each takes 19 MiB.
const MAX_CONCURRENT_CHECKS: usize = 4;
/// Maximum number of verified passwords in the cache.
const MAX_CACHED: usize = 1024;
/// Window in which failed attempts are counted.
const WINDOW: TimeDelta = TimeDelta::minutes(1);
/// The limit of one source for all accounts together, as a multiple of the limit for one account.
const SOURCE_LIMIT_FACTOR: u32 = 10;
/// Maximum number of counts within the window; beyond it all are dropped.
const MAX_COUNTS: usize = 8192;

/// An account that may authenticate with a password.
#[derive(Debug)]
pub(in crate::vault) struct Login {
    pub(in crate::vault) account: Arc<Account>,
    /// The Argon2id hash of its password, in PHC string format.
    pub(in crate::vault) password_hash: String,
}

/// Hashes a password.
///
/// # Errors
/// None that depends on the password.
pub(in crate::vault) fn hash(password: &SecretText) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password(password.expose().as_bytes())?.to_string())
}

fn verify(hash: &str, password: &SecretText) -> bool {
    let parsed = PasswordHash::new(hash);
    parsed.is_ok_and(|hash| Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok())
}

/// Hash of a random password, so that an unknown account takes the same time as a known one.
fn unmatched_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash(&SecretText::new(hex::encode(crate::crypto::random_bytes::<32>()))).unwrap_or_default())
}

/// Password checks of this node: cache, failed attempts, limit of concurrent checks.
pub(in crate::vault) struct Passwords {
    /// Verified passwords, each as a MAC over hash and password under a key of this process.
    verified: Cache<Vec<u8>, ()>,
    cache_mac: RowMac,
    attempts: Mutex<FailedAttempts>,
    checks: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            verified: Cache::new(MAX_CACHED),
            cache_mac: RowMac::new(&DataKey::generate(), "passwords"),
            attempts: Mutex::default(),
            checks: Semaphore::new(MAX_CONCURRENT_CHECKS),
        }
    }
}

/// Failed attempts: for each source and account, and for each source.
#[derive(Default)]
pub(super) struct FailedAttempts(HashMap<(IpAddr, Option<String>), (DateTime<Utc>, u32)>);

/// The unit that attempts are counted by: an IPv4 address, or an IPv6 /64 prefix (one subscriber controls all of it).
pub(super) fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

impl FailedAttempts {
    fn keys(source: IpAddr, account: &str, limit: u32) -> [((IpAddr, Option<String>), u32); 2] {
        let source = network(source);
        [((source, Some(account.into())), limit), ((source, None), limit.saturating_mul(SOURCE_LIMIT_FACTOR))]
    }

    pub(super) fn is_limited(&self, source: IpAddr, account: &str, limit: u32, now: DateTime<Utc>) -> bool {
        Self::keys(source, account, limit)
            .iter()
            .any(|(key, limit)| self.0.get(key).is_some_and(|(since, count)| now - *since < WINDOW && count >= limit))
    }

    pub(super) fn add(&mut self, source: IpAddr, account: &str, now: DateTime<Utc>) {
        if self.0.len() >= MAX_COUNTS {
            self.0.retain(|_, (since, _)| now - *since < WINDOW);
        }
        // So many counts come from a distributed attack. Reset them rather than grow, or lock all accounts.
        if self.0.len() >= MAX_COUNTS {
            self.0.clear();
        }
        for (key, _) in Self::keys(source, account, 0) {
            let count = self.0.entry(key).or_insert((now, 0));
            *count = if now - count.0 < WINDOW { (count.0, count.1 + 1) } else { (now, 1) };
        }
    }

    pub(super) fn forget(&mut self, source: IpAddr, account: &str) {
        self.0.remove(&(network(source), Some(account.into())));
    }
}

impl Vault {
    /// Authenticates a request by an account and its password.
    ///
    /// # Errors
    /// A failure that has been counted for the audit log.
    pub async fn authenticate_account(
        &self,
        account: &str,
        password: SecretText,
        origin: Origin,
    ) -> Result<Request, AuthenticationFailure> {
        let name = AccountName::parse(account).and_then(|name| name.qualified());
        // All invalid account names are counted under one empty key.
        let key = name.map(|name| case_folded(&name)).unwrap_or_default();
        match self.check_password(&key, password, origin.source).await {
            Ok(account) => Ok(Request::new(Principal::Account(account), origin)),
            Err(failure) => {
                let known = self.0.grants.load().login(&key).map(|login| login.account.name.clone());
                self.note_failure(&origin, known.as_deref().unwrap_or_default(), failure);
                Err(failure)
            }
        }
    }

    async fn check_password(
        &self,
        account: &str,
        password: SecretText,
        source: IpAddr,
    ) -> Result<Arc<Account>, AuthenticationFailure> {
        let (passwords, now) = (&self.0.passwords, self.0.clock.now());
        let limit = self.0.settings.login.max_failures_per_minute.max(1);
        let limited = || passwords.attempts().is_limited(source, account, limit, now);
        // Before the cache lookup, or a limited caller could continue guessing against the cache.
        if limited() {
            return Err(AuthenticationFailure::TooManyAttempts);
        }
        let login = self.0.grants.load().login(account).cloned();
        let hash = login.as_ref().map_or(unmatched_hash(), |login| &login.password_hash).to_string();
        let cached = passwords.cache_mac.mac(&[hash.as_bytes(), password.expose().as_bytes()]);
        if let Some(login) = &login
            && passwords.verified.get(&cached).is_some()
        {
            return Ok(Arc::clone(&login.account));
        }
        let turn = passwords.checks.acquire().await.map_err(|_| AuthenticationFailure::TooManyAttempts)?;
        // Other attempts of the same caller may have failed in the meantime.
        if limited() {
            return Err(AuthenticationFailure::TooManyAttempts);
        }
        let right = tokio::task::spawn_blocking(move || verify(&hash, &password)).await.unwrap_or(false);
        drop(turn);
        match login {
            Some(login) if right => {
                passwords.verified.insert(cached, ());
                passwords.attempts().forget(source, account);
                Ok(Arc::clone(&login.account))
            }
            known => {
                passwords.attempts().add(source, account, now);
                Err(known.map_or(AuthenticationFailure::UnknownClient, |_| AuthenticationFailure::WrongSecret))
            }
        }
    }
}

impl Passwords {
    pub(super) fn attempts(&self) -> std::sync::MutexGuard<'_, FailedAttempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn a_hash_is_argon2id_and_matches_its_password_alone() {
        let password = SecretText::new("correct horse battery".into());
        let hash = hash(&password).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify(&hash, &password) && !verify(&hash, &SecretText::new("correct horse".into())));
        assert!(!verify(unmatched_hash(), &password) && !verify("", &password));
    }

    #[test]
    fn failed_attempts_are_limited_for_an_account_and_for_a_source() {
        let (here, there): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let mut attempts = FailedAttempts::default();
        (0..3).for_each(|_| attempts.add(here, "a", at(0)));
        assert!(attempts.is_limited(here, "a", 3, at(59)) && !attempts.is_limited(here, "a", 3, at(60)));
        assert!(!attempts.is_limited(here, "b", 3, at(1)) && !attempts.is_limited(there, "a", 3, at(1)));
        (0..27).for_each(|number| attempts.add(here, &format!("x{number}"), at(1)));
        assert!(attempts.is_limited(here, "b", 3, at(2)) && !attempts.is_limited(there, "b", 3, at(2)));
        attempts.forget(here, "a");
        assert!(attempts.is_limited(here, "a", 3, at(2)), "the source still is");
        attempts.add(here, "a", at(61));
        assert!(!attempts.is_limited(here, "a", 3, at(62)));
    }

    #[test]
    fn the_addresses_of_one_network_of_version_6_are_one_source() {
        let mut attempts = FailedAttempts::default();
        for number in 0..3 {
            attempts.add(format!("2001:db8:1:2:{number}::1").parse().unwrap(), "a", at(0));
        }
        assert!(attempts.is_limited("2001:db8:1:2:ffff::".parse().unwrap(), "a", 3, at(1)));
        assert!(!attempts.is_limited("2001:db8:1:3::".parse().unwrap(), "a", 3, at(1)));
        attempts.forget("2001:db8:1:2::7".parse().unwrap(), "a");
        assert!(!attempts.is_limited("2001:db8:1:2:ffff::".parse().unwrap(), "a", 3, at(1)));
    }

    #[test]
    fn a_storm_of_names_is_bounded() {
        let mut attempts = FailedAttempts::default();
        (0..20_000).for_each(|number| attempts.add("10.0.0.1".parse().unwrap(), &format!("x{number}"), at(0)));
        assert!(attempts.0.len() <= MAX_COUNTS + 2);
    }
}
