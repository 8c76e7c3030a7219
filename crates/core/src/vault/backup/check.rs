//! Opens every sealed value of a backup and verifies its audit log, while its rows pass by.

use std::collections::HashMap;
use std::mem;

use super::create::DATA_KEY;
use super::format::Header;
use super::{BackupError, vault_id};
use crate::audit::ChainCheck;
use crate::crypto::{DataKey, Keyring, SecretBinding, SecretKind};
use crate::store::audit::{AuditRow, ChainHead, Checkpoint};
use crate::store::catalogue::Column;
use crate::store::dump::Row;
use crate::store::key::KeyState;
use crate::store::secret::{SecretHead, SecretOwner};
use crate::vault::keys::{AUDIT, VALUES};
use crate::vault::secrets::{HeadMac, check_stored};

/// The versions of a secret: the highest and the current one, 0 for none.
#[derive(Clone, Copy, Default)]
struct Seen {
    highest: i32,
    current: i32,
}

/// The check of one backup. It keeps two numbers for each secret, and no row.
pub(super) struct Check {
    vault_id: String,
    heads: HashMap<String, Vec<ChainHead>>,
    table: String,
    keys: Keys,
    opened: u64,
    seen: HashMap<(&'static str, i32), Seen>,
    chain: Option<(String, ChainCheck)>,
    checkpoints: HashMap<String, Checkpoint>,
    chains: Vec<(String, i64)>,
}

/// The keys of the backup, as far as they were read.
#[derive(Default)]
struct Keys {
    values: Vec<(i32, DataKey)>,
    active: Option<i32>,
    audit: Option<DataKey>,
    ring: Option<(Keyring, HeadMac)>,
}

impl Check {
    pub(super) fn new(header: &Header) -> Self {
        let mut heads: HashMap<String, Vec<ChainHead>> = HashMap::new();
        for head in header.audit_heads.iter().filter(|head| head.seq > 0) {
            let known = ChainHead { chain: head.chain.clone(), seq: head.seq, mac: head.mac.clone() };
            heads.entry(head.chain.clone()).or_default().push(known);
        }
        Self {
            vault_id: header.vault_id.clone(),
            heads,
            table: String::new(),
            keys: Keys::default(),
            opened: 0,
            seen: HashMap::new(),
            chain: None,
            checkpoints: HashMap::new(),
            chains: Vec::new(),
        }
    }

    /// The audit key of the backup.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] before the keys were read.
    pub(super) fn audit_key(&self) -> Result<&DataKey, BackupError> {
        self.keys.audit.as_ref().ok_or_else(|| BackupError::damaged("its keys are missing"))
    }

    /// Notes that the rows of a table begin.
    pub(super) fn table(&mut self, name: &str) -> Result<(), BackupError> {
        match mem::replace(&mut self.table, name.into()).as_str() {
            "" if name != DATA_KEY => return Err(BackupError::damaged("it does not begin with its keys")),
            DATA_KEY => self.unlock()?,
            "audit_record" => self.end_chain()?,
            "secret_head" => self.require_heads()?,
            _ => {}
        }
        Ok(())
    }

    /// Checks a row of the table.
    pub(super) fn row(&mut self, columns: &[Column], row: &Row) -> Result<(), BackupError> {
        let fields = Fields { table: &self.table, columns, row };
        match self.table.as_str() {
            DATA_KEY => self.keys.read(&fields),
            "secret" => {
                let found = opened(&self.keys, &fields)?;
                self.opened += 1;
                let seen = self.seen.entry(found.0).or_default();
                seen.highest = seen.highest.max(found.1);
                if found.2 && mem::replace(&mut seen.current, found.1) != 0 {
                    let (kind, id) = found.0;
                    return Err(BackupError::damaged(format!("{kind} of {id} has two current versions")));
                }
                Ok(())
            }
            "secret_head" => {
                let (owner, head) = head(&fields)?;
                self.check_head(owner, &head)
            }
            "idempotency" => check_result(&self.keys, &fields),
            "audit_checkpoint" => {
                let head = ChainHead {
                    chain: fields.text("chain")?.into(),
                    seq: fields.big_integer("seq")?,
                    mac: fields.bytes("record_mac")?,
                };
                let mac = fields.bytes("mac")?;
                self.checkpoints.insert(head.chain.clone(), Checkpoint { head, mac });
                Ok(())
            }
            "audit_record" => {
                let record = audit_row(&fields)?;
                self.check_record(&record)
            }
            _ => Ok(()),
        }
    }

    /// Ends the check, and returns the number of opened values and the chains with their records.
    pub(super) fn end(mut self) -> Result<(u64, Vec<(String, i64)>), BackupError> {
        self.table("")?;
        self.audit_key()?;
        let cut_off = self.heads.values().flatten().next();
        match cut_off {
            Some(head) => Err(BackupError::damaged(format!("the audit chain {} has no records", head.chain))),
            None => Ok((self.opened, self.chains)),
        }
    }

    fn unlock(&mut self) -> Result<(), BackupError> {
        if vault_id(self.audit_key()?) != self.vault_id {
            return Err(BackupError::damaged("its keys are of another vault than its header"));
        }
        let keys = &mut self.keys;
        let (Some(active), Some(audit)) = (keys.active, keys.audit.as_ref()) else {
            return Err(BackupError::damaged("its keys are missing"));
        };
        let ring = Keyring::new(mem::take(&mut keys.values), active)?;
        keys.ring = Some((ring, HeadMac::new(audit)));
        Ok(())
    }

    fn check_head(&mut self, owner: SecretOwner, head: &SecretHead) -> Result<(), BackupError> {
        let key = (owner.kind().as_str(), owner.owner_id());
        let seen = self.seen.remove(&key).unwrap_or_default();
        let is_genuine = self.keys.ring.as_ref().is_some_and(|(_, heads)| heads.is_genuine(owner, head));
        let expected = (head.highest_version, head.current_version.unwrap_or(0));
        if is_genuine && (seen.highest, seen.current) == expected {
            return Ok(());
        }
        let (kind, id) = key;
        Err(BackupError::damaged(format!("the newest or current version of {kind} of {id} is not the one of its head")))
    }

    fn require_heads(&self) -> Result<(), BackupError> {
        match self.seen.keys().next() {
            Some((kind, id)) => Err(BackupError::damaged(format!("the head of {kind} of {id} is missing"))),
            None => Ok(()),
        }
    }

    fn check_record(&mut self, record: &AuditRow) -> Result<(), BackupError> {
        if self.chain.as_ref().is_none_or(|(name, _)| *name != record.chain) {
            self.end_chain()?;
            let heads = self.heads.remove(&record.chain).unwrap_or_default();
            let check = ChainCheck::new(self.audit_key()?, &record.chain, heads);
            let check = check.after(self.checkpoints.get(&record.chain));
            let check = check.map_err(|broken| BackupError::damaged(broken.to_string()))?;
            self.chain = Some((record.chain.clone(), check));
        }
        let Some((_, check)) = &mut self.chain else { return Ok(()) };
        check.next(record).map_err(|broken| BackupError::damaged(broken.to_string()))
    }

    fn end_chain(&mut self) -> Result<(), BackupError> {
        if let Some((name, check)) = self.chain.take() {
            let records = check.end().map_err(|broken| BackupError::damaged(broken.to_string()))?;
            self.chains.push((name, records));
        }
        Ok(())
    }
}

impl Keys {
    fn read(&mut self, fields: &Fields<'_>) -> Result<(), BackupError> {
        let (id, purpose, state) = (fields.integer("id")?, fields.text("purpose")?, fields.text("state")?);
        let key = DataKey::from_bytes(&zeroize::Zeroizing::new(fields.bytes("wrapped")?))?;
        match purpose {
            VALUES => {
                self.active = (state == KeyState::Current.as_str()).then_some(id).or(self.active);
                self.values.push((id, key));
            }
            AUDIT => self.audit = Some(key),
            _ => {}
        }
        Ok(())
    }
}

/// Opens a sealed value. Returns the secret, its version, and whether it is current.
fn opened(keys: &Keys, fields: &Fields<'_>) -> Result<((&'static str, i32), i32, bool), BackupError> {
    let (kind, owner, version) = (fields.kind()?, fields.integer("owner_id")?, fields.integer("version")?);
    let sealed = fields.bytes("sealed")?;
    let binding = SecretBinding { kind, owner, version };
    let is_open = keys.ring.as_ref().is_some_and(|(ring, _)| ring.open(binding, &sealed).is_ok());
    let kind = kind.as_str();
    if is_open {
        return Ok(((kind, owner), version, fields.text("state")? == "current"));
    }
    Err(BackupError::damaged(format!("version {version} of {kind} of {owner} does not open")))
}

/// Opens the sealed values of a stored result.
fn check_result(keys: &Keys, fields: &Fields<'_>) -> Result<(), BackupError> {
    if fields.optional_integer("data_key_id").is_none() {
        return Ok(());
    }
    let is_open = keys
        .ring
        .as_ref()
        .is_some_and(|(ring, _)| fields.text("result").is_ok_and(|result| check_stored(result, ring).is_ok()));
    let client = fields.integer("authorization_id")?;
    let what = || format!("a stored result of authorization {client} does not open");
    if is_open { Ok(()) } else { Err(BackupError::damaged(what())) }
}

fn head(fields: &Fields<'_>) -> Result<(SecretOwner, SecretHead), BackupError> {
    let owner = SecretOwner::new(fields.kind()?, fields.integer("owner_id")?);
    let head = SecretHead {
        highest_version: fields.integer("highest_version")?,
        current_version: fields.optional_integer("current_version"),
        mac: fields.bytes("mac")?,
    };
    Ok((owner, head))
}

fn audit_row(fields: &Fields<'_>) -> Result<AuditRow, BackupError> {
    let text = |name| fields.text(name).map(String::from);
    Ok(AuditRow {
        chain: text("chain")?,
        seq: fields.big_integer("seq")?,
        at: fields.big_integer("at")?,
        request_id: text("request_id")?,
        actor: text("actor")?,
        source: text("source")?,
        family: text("family")?,
        action: text("action")?,
        object: text("object")?,
        outcome: text("outcome")?,
        reason: text("reason")?,
        times: fields.integer("times")?,
        previous: fields.bytes("previous")?,
        mac: fields.bytes("mac")?,
    })
}

/// The values of a row by the names of their columns.
struct Fields<'a> {
    table: &'a str,
    columns: &'a [Column],
    row: &'a Row,
}

impl<'a> Fields<'a> {
    fn value(&self, name: &str) -> Option<&'a serde_json::Value> {
        let index = self.columns.iter().position(|column| column.name == name)?;
        self.row.get(index)
    }

    fn missing(&self, name: &str) -> BackupError {
        BackupError::damaged(format!("the column {name} of the table {} is missing, or of another type", self.table))
    }

    fn text(&self, name: &str) -> Result<&'a str, BackupError> {
        self.value(name).and_then(|value| value.as_str()).ok_or_else(|| self.missing(name))
    }

    fn big_integer(&self, name: &str) -> Result<i64, BackupError> {
        self.value(name).and_then(|value| value.as_i64()).ok_or_else(|| self.missing(name))
    }

    fn integer(&self, name: &str) -> Result<i32, BackupError> {
        self.optional_integer(name).ok_or_else(|| self.missing(name))
    }

    fn optional_integer(&self, name: &str) -> Option<i32> {
        self.value(name).and_then(|value| value.as_i64()).and_then(|number| i32::try_from(number).ok())
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, BackupError> {
        hex::decode(self.text(name)?).map_err(|_| self.missing(name))
    }

    fn kind(&self) -> Result<SecretKind, BackupError> {
        let name = self.text("kind")?;
        SecretKind::from_name(name)
            .ok_or_else(|| BackupError::damaged("a secret is of a kind that this version does not know"))
    }
}
