//! The audit log as a whole: verifying it, reading its end, and writing the heads of its chains down outside the
//! database.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Vault, VaultError};
use crate::audit::{Break, ChainCheck, SignedHead};
use crate::clock::to_micros;
use crate::crypto::DataKey;
use crate::store::audit::{self, AuditRow, ChainHead};
use crate::store::{AnyConnection, StoreError};

const HEADS_FILE: &str = "audit-heads.jsonl";
const PAGE: i64 = 1000;

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Each chain with the number of its records.
    pub chains: Vec<(String, i64)>,
    /// How many signed heads were compared.
    pub heads: usize,
    /// The first thing that is wrong, if anything is.
    pub broken: Option<Break>,
}

/// Why a verification did not come to an end.
#[derive(Debug, thiserror::Error)]
pub enum VerificationError {
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The file of heads cannot be read.
    #[error("the file of heads {0} cannot be read: {1}")]
    Heads(String, io::ErrorKind),
}

impl From<StoreError> for VerificationError {
    fn from(error: StoreError) -> Self {
        Self::Vault(error.into())
    }
}

impl Vault {
    /// The file of signed heads of this vault.
    pub fn heads_file(&self) -> PathBuf {
        self.0.data_dir.join(HEADS_FILE)
    }

    /// Walks every chain from its first record to its last, against the chains' own heads and the signed ones in
    /// `heads_file`.
    pub async fn verify_audit(&self, heads_file: &Path) -> Result<Verification, VerificationError> {
        let (heads, forged) = read_heads(heads_file, &self.0.audit_key)?;
        let mut found = Verification { chains: Vec::new(), heads: heads.len(), broken: forged };
        if found.broken.is_some() {
            return Ok(found);
        }
        let key = self.0.audit_key.clone();
        let verify = move |connection: &mut AnyConnection| {
            // The stored heads first: records that come to be while we walk are beyond them, not missing from them.
            let stored = audit::heads(connection)?;
            let mut names = audit::chains_with_records(connection)?;
            names.extend(stored.iter().chain(&heads).map(|head| head.chain.clone()));
            names.sort();
            names.dedup();
            for name in names {
                let known = stored.iter().chain(&heads).filter(|head| head.chain == name && head.seq > 0).cloned();
                match verify_chain(connection, &key, &name, known.collect())? {
                    Ok(length) => found.chains.push((name, length)),
                    Err(broken) => {
                        found.broken = Some(broken);
                        break;
                    }
                }
            }
            Ok(found)
        };
        Ok(self.0.store.read(verify).await?)
    }

    /// The last `count` records of all chains, oldest first.
    pub async fn last_records(&self, count: i64) -> Result<Vec<AuditRow>, VaultError> {
        let read = move |connection: &mut AnyConnection| {
            let mut records = Vec::new();
            for chain in audit::chains_with_records(connection)? {
                records.extend(audit::last_records(connection, &chain, count)?);
            }
            records.sort_by(|a, b| (a.at, &a.chain, a.seq).cmp(&(b.at, &b.chain, b.seq)));
            let surplus = records.len().saturating_sub(usize::try_from(count).unwrap_or(0));
            Ok(records.split_off(surplus))
        };
        Ok(self.0.store.read(read).await?)
    }

    /// Appends the heads that have moved to the file of heads, signed. Whoever keeps a copy of that file elsewhere
    /// can show that a tail was cut off.
    pub async fn write_heads(&self) -> Result<(), VaultError> {
        let heads = self.0.store.read(audit::heads).await?;
        let (path, at) = (self.heads_file(), to_micros(self.0.clock.now()));
        let last = read_heads(&path, &self.0.audit_key).map(|(known, _)| known).unwrap_or_default();
        let moved = |head: &&ChainHead| head.seq > 0 && !last.contains(head);
        let lines: Vec<String> = heads
            .iter()
            .filter(moved)
            .filter_map(|head| serde_json::to_string(&SignedHead::sign(&self.0.audit_key, head, at)).ok())
            .collect();
        let written = append_lines(&path, &lines);
        written.map_err(|_| StoreError::Unavailable("the file of audit heads cannot be written").into())
    }
}

fn verify_chain(
    connection: &mut AnyConnection,
    key: &DataKey,
    name: &str,
    known: Vec<ChainHead>,
) -> Result<Result<i64, Break>, StoreError> {
    let mut check = ChainCheck::new(key, name, known);
    loop {
        let records = audit::records_after(connection, name, check.position(), PAGE)?;
        if records.is_empty() {
            return Ok(check.end());
        }
        for record in &records {
            if let Err(broken) = check.next(record) {
                return Ok(Err(broken));
            }
        }
    }
}

/// The newest signed head of each chain, and the first line that is not the vault's.
///
/// Older lines are checked for their signature, and then only the newest counts: it stands at the end of the same
/// chain. A last line without an end is a write that a crash cut short, and is passed over.
fn read_heads(path: &Path, key: &DataKey) -> Result<(Vec<ChainHead>, Option<Break>), VerificationError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(VerificationError::Heads(path.display().to_string(), error.kind())),
    };
    let mut newest: Vec<ChainHead> = Vec::new();
    for (number, line) in text.split_inclusive('\n').filter(|line| line.ends_with('\n')).enumerate() {
        let signed = serde_json::from_str::<SignedHead>(line).ok().and_then(|head| head.verified(key));
        let Some(head) = signed else { return Ok((newest, Some(Break::ForgedHead { line: number + 1 }))) };
        newest.retain(|known| known.chain != head.chain || known.seq > head.seq);
        if newest.iter().all(|known| known.chain != head.chain) {
            newest.push(head);
        }
    }
    Ok((newest, None))
}

fn append_lines(path: &Path, lines: &[String]) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let cut_short = fs::read(path)?.last().is_some_and(|last| *last != b'\n');
    // A line that a crash cut short is cut off, or the next one would be lost with it.
    if cut_short {
        let whole = fs::read(path)?.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64)?;
    }
    file.write_all((lines.join("\n") + "\n").as_bytes())?;
    file.sync_all()
}
