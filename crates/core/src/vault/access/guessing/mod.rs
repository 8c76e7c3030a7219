//! Limits on guessing: failed logins are counted by account and by network, on all nodes together.
//!
//! * An account (a client, an AppID has none): `[login] max_failures_per_minute` failures, then a delay that each further failure
//!   doubles, from a minute up to an hour. Rotating the secret begins the count anew.
//! * A network, by [`counted_networks`]: ten times as many a minute, for all accounts together.
//! * A place that is the account's own is exempt from both, so that nobody locks it out from elsewhere: a source that the allowed
//!   addresses of the client name narrowly, and one from which it logged in within 30 days. There, the limit is that of the
//!   account and the address alone, a minute long.
//!
//! Tokens and signatures are too long to be guessed, so valid ones are always accepted; failures are counted by network, and are
//! answered as too many over the limit. A node writes its counts to the database and reads those of others each second: an attacker
//! can gain the failures of a second by a crash or by turning to another node.

mod counters;
mod places;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::Client;
use super::authentication::AuthenticationFailure;
use super::client::LiveSecret;
use crate::clock::to_micros;
use crate::network::counted_networks;
use crate::store::{AnyConnection, StoreError, Transaction, login_attempt};
use crate::text::case_folded;
use crate::token::VerifyingKey;
use crate::vault::{Vault, VaultError};
use counters::{Counters, Key, MAX_COUNTERS, Rule};
pub(in crate::vault) use places::MAX_PLACES;
use places::Places;

/// The limit of a network, as a multiple of the limit of an account.
const NETWORK_FACTOR: u32 = 10;
/// The most counters that a node writes at a time.
const MOST_WRITTEN: usize = 256;
/// The most places that a node writes at a time.
const MOST_PLACES_WRITTEN: usize = 64;
/// How much older than the last look a change of another node may be, whose clock may differ.
const OVERLAP: i64 = 10_000_000;

/// How a caller authenticates. Each kind is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoginKind {
    /// A client at the token endpoint.
    Client,
    /// An account with a password.
    Password,
    /// An AppID.
    AppId,
    /// A bearer token.
    Token,
    /// The token of a workload.
    Workload,
    /// A signature of OAuth 1.0.
    Signature,
}

impl LoginKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Password => "password",
            Self::AppId => "app-id",
            Self::Token => "token",
            Self::Workload => "workload",
            Self::Signature => "signature",
        }
    }
}

/// What stands for the secrets and keys of an account: new ones have a new count. As long for an unknown account, whose count
/// takes the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Generation([u8; 32]);

impl Generation {
    /// That of an unknown account. A new account has another one, since it may try before this node knows it.
    pub(super) const NONE: Generation = Generation([0; 32]);

    /// Of an account by the hash of its password.
    pub(super) fn of_password(hash: &str) -> Self {
        Self(Sha256::digest(hash).into())
    }

    /// Of a client by its secrets and keys.
    pub(super) fn of_client(secrets: &[LiveSecret], keys: &[Arc<VerifyingKey>]) -> Self {
        let mut digest = Sha256::new();
        secrets.iter().for_each(|secret| digest.update(secret.hash.as_bytes()));
        keys.iter().for_each(|key| digest.update(key.thumbprint()));
        Self(digest.finalize().into())
    }
}

/// An attempt to log in.
#[derive(Clone, Debug)]
pub(super) struct LoginAttempt {
    kind: LoginKind,
    source: IpAddr,
    account: Option<String>,
    /// Whether the account exists.
    is_known: bool,
    generation: Generation,
    /// Whether the allowed addresses of the account name the source.
    is_allowed: bool,
}

impl LoginAttempt {
    /// An attempt without an account.
    pub(super) fn anonymous(kind: LoginKind, source: IpAddr) -> Self {
        Self { kind, source, account: None, is_known: false, generation: Generation::NONE, is_allowed: false }
    }

    /// An attempt at an account by its name, in any spelling, with its generation if it exists.
    pub(super) fn of_account(kind: LoginKind, source: IpAddr, name: &str, known: Option<Generation>) -> Self {
        let account = Some(case_folded(name.trim()));
        let (is_known, generation) = (known.is_some(), known.unwrap_or(Generation::NONE));
        Self { account, is_known, generation, ..Self::anonymous(kind, source) }
    }

    /// An attempt to authenticate as a client: the known one, or [`nobody`](super::nobody::nobody).
    pub(super) fn of_client(source: IpAddr, client_id: &str, client: &Client, is_known: bool) -> Self {
        let attempt = Self::of_account(LoginKind::Client, source, client_id, Some(client.generation));
        Self { is_known, is_allowed: client.origins.name_source(source), ..attempt }
    }

    /// An attempt by an AppID, which names these clients.
    pub(super) fn of_app_id(source: IpAddr, app_id: &str, named: &[Arc<Client>]) -> Self {
        let is_allowed = named.iter().any(|client| client.origins.name_source(source));
        Self { is_allowed, ..Self::of_account(LoginKind::AppId, source, app_id, None) }
    }
}

/// The keys of the counters of an attempt.
struct Keys {
    account: Option<Key>,
    /// Account and address.
    place: Option<Key>,
    /// The account, and where it has logged in.
    known_place: Option<(Key, Key)>,
    networks: Vec<Key>,
}

/// The counters of this node.
#[derive(Default)]
pub(in crate::vault) struct Guesses {
    counters: Mutex<Counters>,
    places: Mutex<Places>,
    /// When the counters of other nodes were read last.
    exchanged_at: Mutex<i64>,
}

impl Guesses {
    /// Loads the counters.
    pub(in crate::vault) fn read(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let (guesses, now) = (Self::default(), to_micros(now));
        guesses.merge(&login_attempt::changed_since(connection, i64::MIN, now, most_read())?, now);
        Ok(guesses)
    }

    fn merge(&self, rows: &[login_attempt::LoginAttemptRow], now: i64) {
        let (mut counters, mut places) = (self.counters(), self.places());
        places.prune(now);
        for row in rows {
            if row.account.is_some() { places.merge(row, now) } else { counters.merge(row, now) }
        }
        *self.exchanged_at.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what the database does not have.
    fn take_changes(&self, now: i64) -> Vec<login_attempt::CountedLogins> {
        let mut changes = self.counters().take_changes(MOST_WRITTEN, now);
        changes.append(&mut self.places().take_changes(MOST_PLACES_WRITTEN, now));
        changes
    }

    fn put_back(&self, changes: &[login_attempt::CountedLogins]) {
        self.counters().put_back(changes);
        let mut places = self.places();
        changes.iter().for_each(|change| places.put_back(&change.row));
    }
}

impl Vault {
    /// Checks whether an attempt may be evaluated.
    ///
    /// # Errors
    /// [`AuthenticationFailure::TooManyAttempts`].
    pub(super) fn check_attempt(&self, attempt: &LoginAttempt) -> Result<(), AuthenticationFailure> {
        let (keys, now) = (self.attempt_keys(attempt), to_micros(self.0.clock.now()));
        let (limit, network_limit) = self.attempt_limits();
        let knows = |(account, place)| self.0.guesses.places().knows(&account, &place, now);
        let is_exempt = attempt.is_allowed || keys.known_place.is_some_and(knows);
        let counters = self.0.guesses.counters();
        let own = keys.place.iter().filter_map(|key| counters.delay(key, Rule::Window, limit, now));
        let delay = if is_exempt {
            own.max()
        } else {
            let account = keys.account.iter().filter_map(|key| counters.delay(key, Rule::Growing, limit, now));
            let networks = keys.networks.iter();
            let networks = networks.filter_map(|key| counters.delay(key, Rule::Window, network_limit, now));
            own.chain(account).chain(networks).max()
        };
        let seconds = |micros: i64| u32::try_from(micros.div_euclid(1_000_000) + 1).unwrap_or(u32::MAX);
        delay.map_or(Ok(()), |micros| Err(AuthenticationFailure::TooManyAttempts { seconds: seconds(micros - 1) }))
    }

    /// Counts a failed attempt.
    pub(super) fn count_failed_attempt(&self, attempt: &LoginAttempt) {
        let (keys, now) = (self.attempt_keys(attempt), to_micros(self.0.clock.now()));
        let mut counters = self.0.guesses.counters();
        if let Some(account) = keys.account {
            counters.add(account, Rule::Growing, attempt.is_known, now);
        }
        for key in keys.place.into_iter().chain(keys.networks) {
            counters.add(key, Rule::Window, false, now);
        }
    }

    /// Counts a failure of credentials that cannot be guessed. Returns the failure to answer with.
    pub(super) fn failed_token(
        &self,
        kind: LoginKind,
        source: IpAddr,
        failure: AuthenticationFailure,
    ) -> AuthenticationFailure {
        let attempt = LoginAttempt::anonymous(kind, source);
        let limited = self.check_attempt(&attempt).err();
        self.count_failed_attempt(&attempt);
        limited.unwrap_or(failure)
    }

    /// Remembers the place of an attempt that succeeded.
    pub(super) fn remember_place(&self, attempt: &LoginAttempt) {
        let (keys, now) = (self.attempt_keys(attempt), to_micros(self.0.clock.now()));
        if let Some((account, place)) = keys.known_place {
            self.0.guesses.places().remember(account, place, now);
        }
    }

    /// Writes the counters of this node to the database, and reads those of others.
    ///
    /// # Errors
    /// [`VaultError::Store`]; the counts are then kept for the next call.
    pub async fn share_login_attempts(&self) -> Result<(), VaultError> {
        let (guesses, now) = (&self.0.guesses, to_micros(self.0.clock.now()));
        let changes = guesses.take_changes(now);
        if !changes.is_empty() {
            let written = changes.clone();
            let job = move |transaction: &mut Transaction<'_>| {
                let connection = transaction.connection()?;
                written.iter().try_for_each(|counted| login_attempt::add(connection, counted))
            };
            if let Err(error) = self.write_in_background(job).await {
                guesses.put_back(&changes);
                return Err(error.into());
            }
        }
        let since = *guesses.exchanged_at.lock().unwrap_or_else(PoisonError::into_inner) - OVERLAP;
        let read =
            move |connection: &mut AnyConnection| login_attempt::changed_since(connection, since, now, most_read());
        guesses.merge(&self.0.store.read(read).await?, now);
        Ok(())
    }

    /// The limits of an account and of a network.
    fn attempt_limits(&self) -> (i32, i32) {
        let limit = self.0.settings.login.max_failures_per_minute.max(1);
        let clamp = |limit: u32| i32::try_from(limit).unwrap_or(i32::MAX);
        (clamp(limit), clamp(limit.saturating_mul(NETWORK_FACTOR)))
    }

    fn attempt_keys(&self, attempt: &LoginAttempt) -> Keys {
        let (kind, generation) = (attempt.kind.as_str(), hex::encode(attempt.generation.0));
        let digest = |what: &str, account: &str, network: &str| {
            self.0.keyed_digest.digest(&("login-attempt", what, kind, account, network))
        };
        let networks: Vec<String> = counted_networks(attempt.source).map(|network| network.to_string()).collect();
        let here = networks.first().map_or("", String::as_str);
        let account = attempt.account.as_deref();
        // An AppID is no secret, and where it is bound to is its proof: others cannot fail in its name.
        let counted = account.filter(|_| attempt.kind != LoginKind::AppId);
        Keys {
            account: counted.map(|name| digest("account", name, &generation)),
            place: counted.map(|name| digest("place", name, &format!("{here} {generation}"))),
            known_place: account.map(|name| (digest("places", name, ""), digest("known-place", name, here))),
            networks: networks.iter().map(|network| digest("network", "", network)).collect(),
        }
    }
}

fn most_read() -> i64 {
    i64::try_from(MAX_COUNTERS).unwrap_or(i64::MAX)
}
