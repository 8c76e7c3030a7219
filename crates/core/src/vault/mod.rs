//! The rules of the vault, one file for each noun. Independent of HTTP, protocols and SQL.
//!
//! Every operation takes the pipeline of [`operation`]: `authorize → Permit → execute | reveal | query`, with exactly one audit
//! record, which is durable before the response is sent.

pub mod access;
pub mod application_secret;
pub mod audit_log;
pub mod audit_prune;
pub mod backup;
pub mod credential;
pub mod device;
pub mod history;
pub mod information;
pub mod item;
pub mod jit;
pub mod keys;
pub mod operation;
pub mod pagination;
pub mod provider;
pub mod proxy_session;
pub mod rotation;
pub mod ssh_key;
pub mod template;

mod background;
mod custody;
mod error;
mod heads_file;
mod identifier;
mod jobs;
mod registry;
mod secrets;
mod status;
mod transit;
mod whole_list;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};

pub use background::BackgroundTasks;
pub use error::{DenyReason, Dependency, Field, InvalidField, Noun, Precondition, Switchable, VaultError};
pub use identifier::IdentifierPolicy;
pub use keys::{Inspection, StartError};

pub use crate::store::id;

use crate::audit::RowMac;
use crate::clock::Clock;
use crate::config::Settings;
use crate::crypto::{DataKey, KeyedDigest, RootKeyLocation};
use crate::directory::{self, Directory};
use crate::key_set::KeySets;
use crate::store::{CommitObserver, DatabaseLocation, Store, StoreError, WriterSettings};
use crate::token::{SessionTokens, TokenAuthority};
use access::{Failures, Freshness, Grants, Guesses, IssuedTokens, Passwords, RequestCounts};

/// Time during which a transaction accepts further jobs: short against a commit, long against a job.
const BATCH_TIME: Duration = Duration::from_millis(10);
/// Time during which jobs that conflict with other transactions are retried alone; the jobs behind them wait.
const LONGEST_ALONE: Duration = Duration::from_secs(5);

/// Location of a vault: data directory and database.
#[derive(Clone, Debug)]
pub struct VaultLocation {
    /// The data directory: root key, heads of the audit log, and by default the database.
    pub data_dir: PathBuf,
    /// The database.
    pub database: DatabaseLocation,
    /// The root key.
    pub root_key: RootKeyLocation,
    /// Whether a new vault may be made where a root key or audit heads lie already.
    pub init: bool,
}

impl VaultLocation {
    /// The location in a data directory, with its own SQLite file unless a URL names another database.
    ///
    /// # Errors
    /// [`StoreError`] for a URL of an unknown kind.
    pub fn new(data_dir: &Path, database_url: Option<&str>) -> Result<Self, StoreError> {
        let database = match database_url {
            Some(url) => DatabaseLocation::parse(url)?,
            None => DatabaseLocation::Sqlite(data_dir.join("vault.sqlite")),
        };
        let root_key = RootKeyLocation::find(data_dir);
        Ok(Self { data_dir: data_dir.into(), database, root_key, init: false })
    }
}

/// An open vault. Cheap to clone; all clones share one vault.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    store: Store,
    data_keys: keys::DataKeys,
    reseal_progress: keys::ResealProgress,
    audit_key: DataKey,
    session_tokens: SessionTokens,
    keyed_digest: KeyedDigest,
    tokens: ArcSwap<TokenAuthority>,
    grants: ArcSwap<Grants>,
    freshness: Freshness,
    refreshes: background::Refreshes,
    identity_mac: RowMac,
    secret_heads: secrets::HeadMac,
    transit_key: transit::TransitKeyCell,
    passwords: Passwords,
    guesses: Guesses,
    directory: Arc<dyn Directory>,
    key_sets: KeySets<id::TrustedIssuerId>,
    failures: Failures,
    issued_tokens: IssuedTokens,
    requests: RequestCounts,
    whole_lists: whole_list::WholeLists,
    backup_status: backup::KnownStatus,
    rotation_figures: rotation::RotationFigures,
    clock: Clock,
    settings: Settings,
    data_dir: PathBuf,
}

impl Vault {
    /// Opens the vault at `location`. Initializes an empty vault, and rejects a wrong root key before any write.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn open(
        location: &VaultLocation,
        settings: &Settings,
        clock: Clock,
        observer: &Arc<dyn CommitObserver>,
    ) -> Result<Self, StartError> {
        let freshness = Freshness::new(&clock);
        let keys = keys::unlock(location, settings, &clock)?;
        let writers = WriterSettings {
            node: settings.node.name.clone(),
            writers: settings.store.writers,
            queue: settings.store.queue,
            wait: Duration::from_secs(settings.store.wait_seconds),
            batch: settings.store.batch,
            batch_time: BATCH_TIME,
            longest_alone: LONGEST_ALONE,
        };
        Ok(Self(Arc::new(Inner {
            store: Store::open(&location.database, &writers, settings.store.readers, observer)?,
            data_keys: keys.data_keys,
            reseal_progress: keys::ResealProgress::default(),
            secret_heads: secrets::HeadMac::new(&keys.audit),
            transit_key: transit::TransitKeyCell::default(),
            session_tokens: SessionTokens::new(&keys.audit),
            keyed_digest: KeyedDigest::new(&keys.audit),
            audit_key: keys.audit,
            tokens: ArcSwap::from_pointee(keys.tokens),
            grants: ArcSwap::from_pointee(keys.grants),
            freshness,
            refreshes: background::Refreshes::default(),
            identity_mac: keys.identity_mac,
            passwords: Passwords::default(),
            guesses: keys.guesses,
            directory: directory::open(&settings.directory),
            key_sets: KeySets::default(),
            failures: Failures::default(),
            issued_tokens: IssuedTokens::default(),
            requests: RequestCounts::default(),
            whole_lists: whole_list::WholeLists::new(settings.http.whole_list_bytes),
            backup_status: backup::KnownStatus::default(),
            rotation_figures: rotation::RotationFigures::default(),
            clock,
            settings: settings.clone(),
            data_dir: location.data_dir.clone(),
        })))
    }

    /// The settings of the vault.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The wall time of the vault's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// The vault's clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The number of writes that wait for a writer.
    pub fn queue_depth(&self) -> usize {
        self.0.store.queue_depth()
    }

    /// The age of the grants in memory. Remote requests are refused when it exceeds three seconds.
    pub fn grants_age(&self) -> Duration {
        self.0.freshness.age(&self.0.clock)
    }

    /// By how many seconds the clock of this machine is ahead of that of the database.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of some hundred years fit into 2^53")]
    pub fn clock_skew(&self) -> f64 {
        self.0.clock.skew() as f64 / 1e6
    }

    /// Whether the database answers and takes writes, this node has every data key and opens what it seals, the grants are
    /// current, and the clock is right.
    pub async fn is_ready(&self) -> bool {
        let store = &self.0.store;
        let database_works = store.control(crate::store::meta::change_mark).await.is_ok() && store.takes_writes().await;
        let has_keys = self.0.data_keys.is_complete() && secrets::round_trips(&self.0);
        database_works && has_keys && self.0.are_grants_fresh() && self.0.is_clock_right()
    }

    /// Finishes the queued writes and refuses later ones.
    pub fn close(&self) {
        self.0.store.close();
    }
}
