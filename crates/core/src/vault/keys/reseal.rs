//! The background job that keeps the keys: rotates an old data key, re-seals the values under retiring keys, and deletes keys
//! that are not needed any more.
//!
//! Re-sealing reads a few rows beside requests, opens and seals them on a thread of its own, and replaces each in the writer if
//! it is still what was read. A row under a retiring key is the only record of what is left to do, so the job can stop at any
//! step, and two nodes can run it at once. A retiring key is deleted when no row is under it; the database refuses that
//! otherwise (`store::reseal`).

use std::sync::Arc;
use std::time::Duration;

use super::progress::{Pass, Position, Walk, Walks};
use super::rotate::earliest_deletion;
use super::{LOCK, VALUES};
use crate::clock::to_micros;
use crate::crypto::{Keyring, SealError, SecretBinding, SecretKind};
use crate::store::id::DataKeyId;
use crate::store::job::{self, Lease};
use crate::store::key::{self, DataKeyRow};
use crate::store::lock::lock_name;
use crate::store::reseal::{self, SecretVersion, StoredResult};
use crate::store::{AnyConnection, StoreError, Ticket, Transaction, meta};
use crate::vault::operation::{Action, Done, OperationContext, Permit};
use crate::vault::secrets::reseal_stored;
use crate::vault::{Vault, VaultError};

/// The rows that one transaction replaces: a few milliseconds of the writer.
const BATCH: i64 = 32;
/// The cost of a row in the fair queue: while clients write, the job gets half of what one of them gets.
const COST: usize = 2;
/// The transactions of one run, after which other jobs of the node have their turn.
const BATCHES_OF_RUN: usize = 500;
/// The most rows of a table under one key that a pass names in the log because they do not open.
const MOST_NAMED: usize = 100;
/// How long the job waits for the last values of other nodes, and for its turn.
const WAIT: Duration = Duration::from_secs(1);

/// One run of the job.
struct Run<'a> {
    lease: &'a Lease,
    keyring: Arc<Keyring>,
    /// The transactions that are left.
    batches: usize,
}

/// A row under a retiring key.
trait Resealable: Clone + Send + Sync + 'static {
    /// The new content of the row.
    type Sealed: Send + Sync + 'static;
    /// The kind of row with its key, for the log.
    fn name(&self) -> String;
    /// The walks of a pass over the table.
    fn walks(pass: &mut Pass) -> &mut Walks<Self>;
    fn rows(connection: &mut AnyConnection, key: DataKeyId, after: Option<&Self>) -> Result<Vec<Self>, StoreError>;
    fn reseal(&self, keyring: &Keyring) -> Result<Self::Sealed, SealError>;
    fn replace(
        &self,
        connection: &mut AnyConnection,
        sealed: &Self::Sealed,
        key: DataKeyId,
    ) -> Result<bool, StoreError>;
}

impl Resealable for SecretVersion {
    type Sealed = Vec<u8>;

    fn name(&self) -> String {
        format!("{} of {}, version {}", self.kind, self.owner_id, self.version)
    }

    fn walks(pass: &mut Pass) -> &mut Walks<Self> {
        &mut pass.versions
    }

    fn rows(c: &mut AnyConnection, key: DataKeyId, after: Option<&Self>) -> Result<Vec<Self>, StoreError> {
        reseal::versions_under(c, key, after, BATCH)
    }

    fn reseal(&self, keyring: &Keyring) -> Result<Vec<u8>, SealError> {
        let kind = SecretKind::from_name(&self.kind).ok_or(SealError)?;
        let binding = SecretBinding { kind, owner: self.owner_id, version: self.version };
        keyring.seal(binding, keyring.open(binding, &self.sealed)?.expose())
    }

    fn replace(&self, c: &mut AnyConnection, sealed: &Vec<u8>, key: DataKeyId) -> Result<bool, StoreError> {
        reseal::replace_version(c, self, sealed, key)
    }
}

impl Resealable for StoredResult {
    type Sealed = String;

    fn name(&self) -> String {
        format!("a stored result of authorization {}", self.authorization_id)
    }

    fn walks(pass: &mut Pass) -> &mut Walks<Self> {
        &mut pass.results
    }

    fn rows(c: &mut AnyConnection, key: DataKeyId, after: Option<&Self>) -> Result<Vec<Self>, StoreError> {
        reseal::results_under(c, key, after, BATCH)
    }

    fn reseal(&self, keyring: &Keyring) -> Result<String, SealError> {
        reseal_stored(&self.result, keyring)
    }

    fn replace(&self, c: &mut AnyConnection, result: &String, key: DataKeyId) -> Result<bool, StoreError> {
        reseal::replace_result(c, self, result, key)
    }
}

impl Vault {
    /// Runs the job for a while. Returns when it is due again: soon, if requests have left it no turn.
    pub(in crate::vault) async fn maintain_keys_under(
        &self,
        lease: &Lease,
        period: Duration,
    ) -> Result<Duration, VaultError> {
        match self.maintain_keys(lease, period).await {
            Err(VaultError::Store(StoreError::Busy | StoreError::TimedOut)) => Ok(WAIT),
            ended => ended,
        }
    }

    async fn maintain_keys(&self, lease: &Lease, period: Duration) -> Result<Duration, VaultError> {
        self.renew_lease(lease).await?;
        self.delete_expired_signing_keys().await?;
        let mut keys = self.0.store.read(value_keys).await?;
        if keys.iter().any(|row| row.is_current() && self.is_old(row.created_at)) {
            let rotated = self.rotate_data_key(Permit::system(Action::KEY_ROTATE)).await?;
            log::info!("data key {} has reached its age; data key {} replaces it", rotated.former, rotated.current);
            keys = self.0.store.read(value_keys).await?;
        }
        let Some(current) = keys.iter().find(|row| row.is_current()) else { return Err(SealError.into()) };
        let retiring: Vec<DataKeyRow> = keys.iter().filter(|row| !row.is_current()).cloned().collect();
        if retiring.is_empty() {
            self.0.reseal_progress.set_remaining(0);
            return Ok(period);
        }
        self.load_data_keys().await?;
        let keyring = self.0.data_keys.keyring();
        if keyring.current() != current.id.get() {
            return Err(SealError.into());
        }
        let mut run = Run { lease, keyring, batches: BATCHES_OF_RUN };
        self.note_remaining(&retiring).await?;
        for row in &retiring {
            self.reseal_rows::<SecretVersion>(row.id, &mut run).await?;
            self.reseal_rows::<StoredResult>(row.id, &mut run).await?;
        }
        if run.batches == 0 {
            return Ok(Duration::ZERO);
        }
        let unopened = std::mem::take(&mut *self.0.reseal_progress.pass()).unopened();
        if unopened > 0 {
            log::error!("{unopened} sealed values do not open, so that their data key cannot be deleted");
            return Err(SealError.into());
        }
        let left = earliest_deletion(current.created_at) - to_micros(self.now());
        if left > 0 {
            return Ok(Duration::from_micros(u64::try_from(left).unwrap_or(0)));
        }
        self.delete_retiring_keys(lease, &retiring).await?;
        // The key may have been rotated again meanwhile.
        Ok(WAIT)
    }

    /// Loads the data keys that this node does not have yet.
    async fn load_data_keys(&self) -> Result<(), StoreError> {
        let inner = Arc::clone(&self.0);
        self.0.store.control(move |connection| inner.data_keys.load(connection)).await
    }

    async fn note_remaining(&self, retiring: &[DataKeyRow]) -> Result<(), StoreError> {
        let ids: Vec<DataKeyId> = retiring.iter().map(|row| row.id).collect();
        let count = move |connection: &mut AnyConnection| -> Result<i64, StoreError> {
            ids.iter().try_fold(0, |sum, id| Ok(sum + reseal::count_under(connection, *id)?))
        };
        let remaining = self.0.store.read(count).await?;
        self.0.reseal_progress.set_remaining(remaining);
        Ok(())
    }

    /// Re-seals the rows of a table that are under `key`, from the position of the pass.
    async fn reseal_rows<R: Resealable>(&self, key: DataKeyId, run: &mut Run<'_>) -> Result<(), VaultError> {
        while run.batches > 0
            && let Position::After(last) = self.walk(key, |walk: &mut Walk<R>| walk.position.clone())
        {
            let rows = self.0.store.read(move |connection| R::rows(connection, key, last.as_ref())).await?;
            let next = rows.last().map_or(Position::End, |last| Position::After(Some(last.clone())));
            if !rows.is_empty() {
                run.batches -= 1;
                let failed = self.reseal_batch(key, rows, run).await?;
                self.walk(key, |walk: &mut Walk<R>| note_unopened(walk, &failed));
            }
            self.walk(key, |walk: &mut Walk<R>| walk.position = next);
        }
        Ok(())
    }

    /// Looks at the walk of the pass over the rows under `key`, or changes it.
    fn walk<R: Resealable, T>(&self, key: DataKeyId, change: impl FnOnce(&mut Walk<R>) -> T) -> T {
        change(R::walks(&mut self.0.reseal_progress.pass()).entry(key).or_default())
    }

    /// Re-seals rows. Returns the names of those that do not open.
    async fn reseal_batch<R: Resealable>(
        &self,
        key: DataKeyId,
        rows: Vec<R>,
        run: &mut Run<'_>,
    ) -> Result<Vec<String>, VaultError> {
        let keyring = Arc::clone(&run.keyring);
        let seal = move || {
            let sealed = |row: R| match row.reseal(&keyring) {
                Ok(sealed) => Ok((row, sealed)),
                Err(SealError) => Err(row.name()),
            };
            rows.into_iter().map(sealed).partition::<Vec<_>, _>(Result::is_ok)
        };
        let (sealed, failed) = tokio::task::spawn_blocking(seal).await.map_err(|_| StoreError::Panicked)?;
        let failed = failed.into_iter().filter_map(Result::err).collect();
        let sealed: Vec<(R, R::Sealed)> = sealed.into_iter().filter_map(Result::ok).collect();
        if sealed.is_empty() {
            return Ok(failed);
        }
        let (lease, until, current) = (run.lease.clone(), self.lease_end(), DataKeyId::new(run.keyring.current()));
        let cost = sealed.len().saturating_mul(COST);
        let replace = move |transaction: &mut Transaction<'_>| {
            let connection = transaction.connection()?;
            job::renew(connection, &lease, until)?;
            let mut replaced = 0;
            for (row, sealed) in &sealed {
                replaced += i64::from(row.replace(connection, sealed, current)?);
            }
            key::add_resealed(connection, key, replaced)?;
            Ok(replaced)
        };
        let replaced = self.write_in_background_for(Ticket::maintenance().for_items(cost), replace).await?;
        self.0.reseal_progress.note(replaced);
        Ok(failed)
    }

    /// Deletes the retiring keys, with an audit record; nothing of both while a value is under one of them.
    async fn delete_retiring_keys(&self, lease: &Lease, retiring: &[DataKeyRow]) -> Result<(), VaultError> {
        let ids: Vec<DataKeyId> = retiring.iter().map(|row| row.id).collect();
        let any = {
            let ids = ids.clone();
            move |connection: &mut AnyConnection| any_under(connection, &ids)
        };
        if self.0.store.read(any).await? {
            return Ok(());
        }
        let (lease, until) = (lease.clone(), self.lease_end());
        let rule = move |context: &mut OperationContext<'_>| {
            job::renew(context.connection(), &lease, until)?;
            lock_name(context.connection(), LOCK)?;
            finish(context, &ids)
        };
        self.execute_and_refresh(Permit::system(Action::KEY_FINISH_ROTATION), rule).await
    }
}

/// Counts rows that do not open, and names the first ones: the number of all is in the log at the end of the pass.
fn note_unopened<R>(walk: &mut Walk<R>, names: &[String]) {
    for name in names.iter().take(MOST_NAMED.saturating_sub(walk.unopened)) {
        log::error!("{name} does not open: modified, moved, or its key is missing");
    }
    walk.unopened += names.len();
}

/// Deletes the retiring keys. The database refuses it while a value is under one of them.
fn finish(context: &mut OperationContext<'_>, ids: &[DataKeyId]) -> Result<Done<()>, VaultError> {
    let connection = context.connection();
    let mut objects = Vec::new();
    for row in value_keys(connection)?.into_iter().filter(|row| !row.is_current() && ids.contains(&row.id)) {
        key::delete_data_key(connection, row.id)?;
        objects.push(format!("data-key:{}, re-sealed values: {}", row.id, row.resealed));
    }
    meta::increment_change_mark(connection)?;
    Ok(Done::several(objects.join("; "), ()))
}

fn any_under(connection: &mut AnyConnection, ids: &[DataKeyId]) -> Result<bool, StoreError> {
    for id in ids {
        if reseal::any_under(connection, *id)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn value_keys(connection: &mut AnyConnection) -> Result<Vec<DataKeyRow>, StoreError> {
    key::data_keys_for(connection, VALUES)
}
