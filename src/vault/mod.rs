//! The rules of the vault, one file for each noun. Knows no HTTP and no SQL.
//!
//! Every call goes through `Vault::perform` or `Vault::look`: permission, the work, and exactly one audit record,
//! which is durable before the answer leaves.

pub mod access;
pub mod admin;
pub mod audit_log;
pub mod authentication;
pub mod credential;
pub mod device;
pub mod history;
pub mod information;
pub mod keyfactor;
pub mod listing;
pub mod origin;
pub mod session;
pub mod ssh_key;

mod call;
mod conditions;
mod custody;
mod each;
mod error;
mod failures;
mod grants;
mod identifier;
mod input;
mod keys;
mod once;
mod secrets;
mod upkeep;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};

pub use call::{Action, Call, Dialect, Encryption, Object};
pub use conditions::{Conditions, StateTag, States};
pub use error::{InvalidInput, Refusal, VaultError};
pub use input::Parameters;
pub use keys::{Inspection, StartError};
pub use once::Once;
pub use upkeep::Upkeep;

use crate::audit::{self, Record, Signer};
use crate::clock::Clock;
use crate::config::Settings;
use crate::crypto::{DataKey, Fingerprints, Keyring, RootKeyLocation};
use crate::directory::{self, Directory};
use crate::store::{AnyConnection, CommitObserver, DatabaseLocation, Store, StoreError, Transaction, WriterSettings};
use crate::token::{SessionTokens, TokenAuthority};

use failures::Failures;
use grants::Grants;
use keyfactor::password::Passwords;

/// How long a transaction takes on further jobs: short against a commit, long against a job.
const BATCH_TIME: Duration = Duration::from_millis(10);

/// Where a vault lives.
#[derive(Clone, Debug)]
pub struct Place {
    /// The data directory: root key, heads of the audit log, and by default the database.
    pub data_dir: PathBuf,
    /// The database.
    pub database: DatabaseLocation,
}

impl Place {
    /// The place of a data directory, with its own SQLite file unless a URL names another database.
    pub fn new(data_dir: &Path, database_url: Option<&str>) -> Result<Self, StoreError> {
        let database = match database_url {
            Some(url) => DatabaseLocation::parse(url)?,
            None => DatabaseLocation::Sqlite(data_dir.join("vault.sqlite")),
        };
        Ok(Self { data_dir: data_dir.into(), database })
    }
}

/// An open vault. Cheap to clone; all clones are one vault.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    store: Store,
    keyring: ArcSwap<Keyring>,
    audit_key: DataKey,
    session_tokens: SessionTokens,
    fingerprints: Fingerprints,
    tokens: ArcSwap<TokenAuthority>,
    grants: ArcSwap<Grants>,
    identities: Signer,
    passwords: Passwords,
    directory: Arc<dyn Directory>,
    failures: Failures,
    clock: Clock,
    settings: Settings,
    data_dir: PathBuf,
}

impl Vault {
    /// Opens the vault at `place`: makes what an empty place lacks, refuses a wrong root key before any write.
    pub fn open(
        place: &Place,
        settings: &Settings,
        clock: Clock,
        observer: &Arc<dyn CommitObserver>,
    ) -> Result<Self, StartError> {
        let root_key = RootKeyLocation::find(&place.data_dir);
        let keys = keys::unlock(place, &root_key, settings, clock.now())?;
        let writers = WriterSettings {
            node: settings.node.name.clone(),
            writers: settings.store.writers,
            queue: settings.store.queue,
            batch: settings.store.batch,
            batch_time: BATCH_TIME,
        };
        Ok(Self(Arc::new(Inner {
            store: Store::open(&place.database, &writers, settings.store.readers, observer)?,
            keyring: ArcSwap::from_pointee(keys.keyring),
            session_tokens: SessionTokens::under(&keys.audit),
            fingerprints: Fingerprints::under(&keys.audit),
            audit_key: keys.audit,
            tokens: ArcSwap::from_pointee(keys.tokens),
            grants: ArcSwap::from_pointee(keys.grants),
            identities: keys.identities,
            passwords: Passwords::default(),
            directory: directory::open(&settings.directory),
            failures: Failures::default(),
            clock,
            settings: settings.clone(),
            data_dir: place.data_dir.clone(),
        })))
    }

    /// The settings that it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// How many writes wait for a writer.
    pub fn queue_depth(&self) -> usize {
        self.0.store.queue_depth()
    }

    /// Whether the database answers, and the keys open what they sealed.
    pub async fn is_ready(&self) -> bool {
        let keyring = self.0.keyring.load_full();
        self.0.store.read(crate::store::meta::change_mark).await.is_ok() && keys::work(&keyring)
    }

    /// Finishes the writes that are queued and refuses later ones.
    pub fn close(&self) {
        self.0.store.close();
    }

    /// One call that writes or reveals: permission, `rule`, and the record, in one transaction. A refusal keeps
    /// nothing but its record. A `POST` takes [`Vault::perform_once`].
    pub(crate) async fn perform<T>(
        &self,
        call: &Call,
        action: Action,
        rule: impl Fn(&mut Work<'_, '_>) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError>
    where
        T: Send + 'static,
    {
        let writes = action.need(call.dialect).is_some_and(|need| need.write);
        let rule = move |work: &mut Work<'_, '_>| {
            work.call.conditions()?.refuse_once()?;
            work.under_conditions(writes, &rule)
        };
        self.transact(call, action, rule).await
    }

    async fn transact<T>(
        &self,
        call: &Call,
        action: Action,
        rule: impl Fn(&mut Work<'_, '_>) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError>
    where
        T: Send + 'static,
    {
        let (inner, call) = (Arc::clone(&self.0), call.clone());
        let job = move |transaction: &mut Transaction<'_>| {
            let mut work = Work::new(transaction, &call, &inner);
            let result = call.permit(action).and_then(|()| rule(&mut work));
            let Work { object, now, outcome, .. } = work;
            let outcome = match &result {
                Ok(_) => outcome,
                Err(unchanged @ VaultError::Unchanged { .. }) => unchanged.reason(),
                // Not the caller's doing: the whole job fails, and may run again.
                Err(VaultError::Store(error)) => return Err(error.clone()),
                Err(refusal) => {
                    transaction.undo()?;
                    refusal.reason()
                }
            };
            inner.record(transaction, &call.record(action, object, outcome, now))?;
            Ok(result)
        };
        self.0.store.write(job).await?
    }

    /// One call that only looks: permission, `query` on a connection for reading, then the record, and only when
    /// that is durable the answer.
    pub(crate) async fn look<T>(
        &self,
        call: &Call,
        action: Action,
        query: impl FnOnce(&mut AnyConnection, &Call) -> Result<(T, Option<Object>), VaultError> + Send + 'static,
    ) -> Result<T, VaultError>
    where
        T: Send + 'static,
    {
        let result = match call.permit(action).and_then(|()| call.conditions().map(drop)) {
            Ok(()) => {
                let call = call.clone();
                self.0.store.read(move |connection| Ok(query(connection, &call))).await?
            }
            Err(refusal) => Err(refusal),
        };
        let (object, outcome) = match &result {
            Ok((_, object)) => (*object, "ok"),
            Err(VaultError::Store(error)) => return Err(error.clone().into()),
            Err(unchanged @ VaultError::Unchanged { object, .. }) => (Some(*object), unchanged.reason()),
            Err(refusal) => (None, refusal.reason()),
        };
        let (inner, call) = (Arc::clone(&self.0), call.clone());
        let job = move |transaction: &mut Transaction<'_>| {
            inner.record(transaction, &call.record(action, object, outcome, inner.clock.now()))
        };
        self.0.store.write(job).await?;
        result.map(|(found, _)| found)
    }

    /// Records a call that is refused before it reaches a rule of its own, and gives the refusal back.
    pub async fn refuse(&self, call: &Call, action: Action, refusal: VaultError) -> VaultError {
        let again = refusal.clone();
        match self.transact(call, action, move |_| Err::<(), _>(again.clone())).await {
            Ok(()) => refusal,
            Err(error) => error,
        }
    }
}

impl Inner {
    /// Appends a record to the chain of the writer that runs the transaction.
    fn record(&self, transaction: &mut Transaction<'_>, record: &Record) -> Result<(), StoreError> {
        crate::store::audit::append(transaction, |head| audit::seal(&self.audit_key, head, record))
    }
}

impl Call {
    fn permit(&self, action: Action) -> Result<(), VaultError> {
        let Some(need) = action.need(self.dialect) else { return Ok(()) };
        access::permit(&self.client, need, &self.origin)?;
        self.answer_key().map(|_| ())
    }

    fn record(&self, action: Action, object: Option<Object>, outcome: &'static str, at: DateTime<Utc>) -> Record {
        Record {
            at,
            request_id: self.origin.request_id.clone(),
            actor: self.client.client_id.clone(),
            source: self.origin.source.to_string(),
            action: action.word(),
            object: object.map(|object| object.to_string()).unwrap_or_default(),
            outcome,
            times: 1,
        }
    }
}

/// What a rule works with: the transaction, the call, the time.
pub(crate) struct Work<'a, 't> {
    transaction: &'a mut Transaction<'t>,
    call: &'a Call,
    inner: &'a Inner,
    now: DateTime<Utc>,
    object: Option<Object>,
    /// What the record says of a success.
    outcome: &'static str,
    conditions_checked: bool,
}

impl<'a, 't> Work<'a, 't> {
    fn new(transaction: &'a mut Transaction<'t>, call: &'a Call, inner: &'a Inner) -> Self {
        let now = inner.clock.now();
        Self { transaction, call, inner, now, object: None, outcome: "ok", conditions_checked: false }
    }

    fn connection(&mut self) -> &mut AnyConnection {
        self.transaction.connection()
    }

    /// The number of the authorization that asks.
    fn authorization(&self) -> i32 {
        self.call.client.id
    }

    fn micros(&self) -> i64 {
        crate::clock::to_micros(self.now)
    }

    /// Notes what the call is about, for its record, also when it is then refused.
    fn touches(&mut self, object: Object) {
        self.object = Some(object);
    }
}
