//! Making a backup.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use zeroize::Zeroize;

use super::check::Check;
use super::format::{BackupWriter, Header, TableHeader};
use super::unfinished::Unfinished;
use super::{BackupError, BackupReport, Progress, report, vault_id};
use crate::clock::{from_micros, to_micros};
use crate::crypto::RootKey;
use crate::crypto::age::{self, Recipient};
use crate::store::catalogue::Column;
use crate::store::dump::{DatabaseSnapshot, Row};
use crate::store::{StoreError, meta};
use crate::vault::operation::{Done, Permit};
use crate::vault::{StartError, Vault};

/// The table of the data keys, which comes first.
pub(super) const DATA_KEY: &str = "data_key";

/// What the name of a file that is being written has after that of the backup, before a random part.
pub(super) const PARTIAL_SUFFIX: &str = ".partial-";

/// The columns of a data key that are changed.
pub(super) struct KeyColumns {
    id: usize,
    purpose: usize,
    pub(super) wrapped: usize,
}

impl KeyColumns {
    /// The columns, if the table is that of the data keys.
    pub(super) fn of_table(table: &TableHeader, columns: &[Column]) -> Option<Self> {
        if table.name != DATA_KEY {
            return None;
        }
        let position = |name: &str| columns.iter().position(|column| column.name == name);
        Some(Self { id: position("id")?, purpose: position("purpose")?, wrapped: position("wrapped")? })
    }

    /// What a wrapped key is bound to: its purpose and its id.
    pub(super) fn binding<'a>(&self, row: &'a Row) -> Option<(&'a str, i32)> {
        let id = row[self.id].as_i64().and_then(|id| i32::try_from(id).ok())?;
        Some((row[self.purpose].as_str()?, id))
    }
}

impl Vault {
    /// Writes a backup to a new file, encrypted to `recipients`. The vault serves meanwhile.
    ///
    /// # Errors
    /// [`BackupError`]; the file is there with all of its content, or not at all.
    pub async fn create_backup(
        &self,
        permit: Permit,
        file: PathBuf,
        recipients: Vec<Recipient>,
        mut progress: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<BackupReport, BackupError> {
        // The record is durable before the file is there, and in the backup itself.
        let named: String = recipients.iter().map(|recipient| format!(", recipient:{recipient}")).collect();
        let object = format!("vault:{}{named}", vault_id(&self.0.audit_key));
        let (_, recorded) = self.execute(permit, move |_| Ok(Done::several(object.clone(), ()))).await?;
        let vault = self.clone();
        let write = move || vault.write_backup(&file, &recipients, &mut progress);
        let written = tokio::task::spawn_blocking(write).await.unwrap_or(Err(StoreError::Panicked.into()));
        match written {
            Ok(report) => {
                self.note_backup(to_micros(report.created_at)).await?;
                Ok(report)
            }
            Err(error) => {
                self.record_refusal(recorded.permit(), &error.reason()).await?;
                Err(error)
            }
        }
    }

    fn write_backup(
        &self,
        file: &Path,
        recipients: &[Recipient],
        progress: Progress<'_>,
    ) -> Result<BackupReport, BackupError> {
        if recipients.is_empty() {
            return Err(BackupError::NoRecipient);
        }
        let partial = PartialFile::create(file)?;
        let output = age::encrypt(recipients, BufWriter::new(partial.file()?))?;
        let created_at = to_micros(self.0.clock.now());
        let mut snapshot = self.0.store.dump()?;
        let root_key = self.root_key(&mut snapshot)?;
        let header = self.backup_header(&mut snapshot, created_at)?;
        let mut writer = BackupWriter::new(output, &header)?;
        write_tables(&mut snapshot, &header, &root_key, &mut writer, progress)?;
        let finished = writer.finish()?.finish().and_then(|output| Ok(output.into_inner()?));
        finished.and_then(|file| file.sync_all()).map_err(|error| BackupError::Write(error.kind()))?;
        partial.publish()?;
        Ok(BackupReport { created_at: from_micros(created_at), ..BackupReport::new(file, &header) })
    }

    /// Opens every sealed value of the database and verifies its audit log, on one snapshot. Returns the number of values, and
    /// the chains with their numbers of records.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] names what is damaged.
    pub fn check_everything(&self) -> Result<(u64, Vec<(String, i64)>), BackupError> {
        let mut snapshot = self.0.store.dump()?;
        let root_key = self.root_key(&mut snapshot)?;
        let header = self.backup_header(&mut snapshot, to_micros(self.0.clock.now()))?;
        let mut check = Check::new(&header);
        for table in &header.tables {
            let columns = table.columns()?;
            check.table(&table.name)?;
            let key = KeyColumns::of_table(table, &columns);
            snapshot.rows::<BackupError>(&table.name, |mut row| {
                if let Some(key) = &key {
                    unwrap_key(&mut row, key, &root_key)?;
                }
                check.row(&columns, &row)
            })?;
        }
        check.end()
    }

    /// Returns the root key of the snapshot, which may have been rotated since this node has started.
    fn root_key(&self, snapshot: &mut DatabaseSnapshot) -> Result<Arc<RootKey>, BackupError> {
        let check = meta::root_key_check(snapshot.connection())?.ok_or(BackupError::NoVault)?;
        Ok(self.0.data_keys.root_key_of(&check).ok_or(StartError::FormerRootKey)?)
    }

    fn backup_header(&self, snapshot: &mut DatabaseSnapshot, created_at: i64) -> Result<Header, BackupError> {
        let heads = crate::store::audit::heads(snapshot.connection())?;
        let mut names: Vec<String> = snapshot.tables().keys().cloned().collect();
        names.sort_by_key(|name| (name != DATA_KEY, name.clone()));
        let mut tables = Vec::new();
        for name in names {
            let rows = u64::try_from(snapshot.count(&name)?).unwrap_or(0);
            let last_id = snapshot.last_id(&name)?;
            tables.push(TableHeader::new(&name, &snapshot.tables()[&name].columns, rows, last_id));
        }
        Ok(Header::new(vault_id(&self.0.audit_key), created_at, heads, tables))
    }
}

fn write_tables(
    snapshot: &mut DatabaseSnapshot,
    header: &Header,
    root_key: &RootKey,
    writer: &mut BackupWriter<impl Write>,
    progress: Progress<'_>,
) -> Result<(), BackupError> {
    let (mut done, all) = (0, header.rows());
    for table in &header.tables {
        writer.table(&table.name)?;
        let columns = table.columns()?;
        let key = KeyColumns::of_table(table, &columns);
        snapshot.rows::<BackupError>(&table.name, |mut row| {
            if let Some(key) = &key {
                unwrap_key(&mut row, key, root_key)?;
            }
            writer.row(&row)?;
            if key.is_some() {
                wipe(&mut row);
            }
            done += 1;
            report(progress, done, all);
            Ok(())
        })?;
    }
    Ok(())
}

/// Replaces the wrapped key in a row by the key itself.
fn unwrap_key(row: &mut Row, columns: &KeyColumns, root_key: &RootKey) -> Result<(), BackupError> {
    let wrapped = row[columns.wrapped].as_str().and_then(|text| hex::decode(text).ok());
    let (Some(wrapped), Some(binding)) = (wrapped, columns.binding(row)) else {
        return Err(StartError::Keys.into());
    };
    let unwrapped = root_key.unwrap_key(binding, &wrapped);
    let key = unwrapped.map_err(|_| StartError::DataKey(binding.1))?;
    row[columns.wrapped] = Value::String(hex::encode(key.expose()));
    Ok(())
}

/// Wipes the texts of a row that holds a key.
pub(super) fn wipe(row: &mut Row) {
    for value in row {
        if let Value::String(text) = value {
            text.zeroize();
        }
    }
}

/// A file that is being written, beside its final path. Removed when it is dropped before it is published.
struct PartialFile {
    path: PathBuf,
    partial: PathBuf,
    is_published: bool,
    _unfinished: Unfinished,
}

impl PartialFile {
    fn create(path: &Path) -> Result<Self, BackupError> {
        if path.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(path.into()));
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(format!("{PARTIAL_SUFFIX}{}", uuid::Uuid::new_v4().simple()));
        let partial = PathBuf::from(partial);
        let _unfinished = Unfinished::new(partial.clone());
        Ok(Self { path: path.into(), partial, is_published: false, _unfinished })
    }

    /// Opens the file, readable by its owner alone.
    fn file(&self) -> Result<File, BackupError> {
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.partial);
        opened.map_err(|error| BackupError::Write(error.kind()))
    }

    /// Gives the file its final name, durably. A file that came into being meanwhile is not replaced.
    fn publish(mut self) -> Result<(), BackupError> {
        let renamed = rename_to_new(&self.partial, &self.path).map_err(|kind| match kind {
            ErrorKind::AlreadyExists => BackupError::Exists(self.path.clone()),
            kind => BackupError::Write(kind),
        });
        renamed?;
        self.is_published = true;
        sync_directory(&self.path).map_err(|error| BackupError::Write(error.kind()))
    }
}

fn rename_to_new(from: &Path, to: &Path) -> Result<(), ErrorKind> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // Some network file systems lack the flag.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
            if to.symlink_metadata().is_ok() {
                return Err(ErrorKind::AlreadyExists);
            }
            fs::rename(from, to).map_err(|error| error.kind())
        }
        Err(error) => Err(error.kind()),
    }
}

/// Makes the entry of a file in its directory durable.
pub(super) fn sync_directory(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.is_published {
            let _ = fs::remove_file(&self.partial);
        }
    }
}
