//! Passwords of accounts, for Basic authentication: Argon2id (RFC 9106), and a short cache of verified passwords,
//! since a client sends its password with every request.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use quick_cache::sync::Cache;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::audit::RowMac;
use crate::crypto::{DataKey, SecretText};
use crate::directory::AccountName;
use crate::network::{NetworkBudget, Share};
use crate::text::case_folded;
use crate::vault::Vault;
use crate::vault::operation::{Principal, Request};

use super::authentication::AuthenticationFailure;
use super::guessing::{Generation, LoginAttempt, LoginKind};
use super::{Account, Origin};

/// Maximum number of concurrent checks: each takes 19 MiB.
const MAX_CONCURRENT_CHECKS: usize = 4;
/// Maximum number of checks that wait or run, of all networks and of one.
const MAX_CHECKS: usize = 256;
const MAX_CHECKS_OF_NETWORK: usize = 16;
/// How long a check waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// Maximum number of verified passwords in the cache.
const MAX_CACHED: usize = 1024;

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

/// Password checks of this node: cache, limit of concurrent checks.
pub(in crate::vault) struct Passwords {
    /// Verified passwords, each as a MAC over hash and password under a key of this process.
    verified: Cache<Vec<u8>, ()>,
    cache_mac: RowMac,
    checks: Semaphore,
    /// The checks that wait or run.
    queue: NetworkBudget,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            verified: Cache::new(MAX_CACHED),
            cache_mac: RowMac::new(&DataKey::generate(), "passwords"),
            checks: Semaphore::new(MAX_CONCURRENT_CHECKS),
            queue: NetworkBudget::new(MAX_CHECKS, MAX_CHECKS_OF_NETWORK),
        }
    }
}

/// The turn of a check.
type Turn<'a> = (Share, SemaphorePermit<'a>);

impl Passwords {
    /// Waits for the turn of a check, unless too many wait already.
    ///
    /// # Errors
    /// [`AuthenticationFailure::Busy`].
    async fn turn(&self, source: IpAddr) -> Result<Turn<'_>, AuthenticationFailure> {
        let mut place = self.queue.share(source);
        if !place.grow(1) {
            return Err(AuthenticationFailure::Busy);
        }
        let turn = tokio::time::timeout(MAX_WAIT, self.checks.acquire()).await;
        turn.ok().and_then(Result::ok).map(|turn| (place, turn)).ok_or(AuthenticationFailure::Busy)
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
        let passwords = &self.0.passwords;
        let login = self.0.grants.load().login(account).cloned();
        let generation = login.as_ref().map(|login| Generation::of_password(&login.password_hash));
        let attempt = LoginAttempt::of_account(LoginKind::Password, source, account, generation);
        // Before the cache lookup, or a limited caller could continue guessing against the cache.
        self.check_attempt(&attempt)?;
        let hash = login.as_ref().map_or(unmatched_hash(), |login| &login.password_hash).to_string();
        let cached = passwords.cache_mac.mac(&[hash.as_bytes(), password.expose().as_bytes()]);
        if let Some(login) = &login
            && passwords.verified.get(&cached).is_some()
        {
            self.remember_place(&attempt);
            return Ok(Arc::clone(&login.account));
        }
        let turn = passwords.turn(source).await?;
        // Other attempts may have failed in the meantime.
        self.check_attempt(&attempt)?;
        let right = tokio::task::spawn_blocking(move || verify(&hash, &password)).await.unwrap_or(false);
        if !right || login.is_none() {
            self.count_failed_attempt(&attempt);
        }
        drop(turn);
        match login {
            Some(login) if right => {
                passwords.verified.insert(cached, ());
                self.remember_place(&attempt);
                Ok(Arc::clone(&login.account))
            }
            known => Err(known.map_or(AuthenticationFailure::UnknownClient, |_| AuthenticationFailure::WrongSecret)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn the_checks_that_wait_are_bounded_and_one_network_has_a_part() {
        let passwords = Passwords::default();
        let all = passwords.checks.acquire_many(4).await.unwrap();
        let source = |network: usize| IpAddr::from([10, 0, u8::try_from(network).unwrap(), 1]);
        let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(passwords.turn(source(0)))).collect();
        waiting.extend((0..300).map(|number| Box::pin(passwords.turn(source(1 + number / 16)))));
        let mut refused = 0;
        for turn in &mut waiting {
            refused += usize::from(futures_util::poll!(turn).is_ready());
        }
        assert_eq!(refused, 4 + 300 - (MAX_CHECKS - MAX_CHECKS_OF_NETWORK));
        drop((waiting, all));
        assert!(passwords.turn(source(0)).await.is_ok());
    }

    #[test]
    fn a_hash_is_argon2id_and_matches_its_password_alone() {
        let password = SecretText::new("correct horse battery".into());
        let hash = hash(&password).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify(&hash, &password) && !verify(&hash, &SecretText::new("correct horse".into())));
        assert!(!verify(unmatched_hash(), &password) && !verify("", &password));
    }
}
