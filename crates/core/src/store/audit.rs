//! Tables of the audit log: records and chain heads. [`crate::audit`] defines the fields of a record and how it is
//! bound to the record before it.

mod append;

use diesel::{ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::connection::Part;
use super::id::CredentialId;
use super::lock::lock_name;
use super::schema::{audit_chain, audit_record};
use super::{AnyConnection, Cause, StoreError, Transaction, credential};
use append::append_records;

/// The last record of a chain: its number and its MAC. The head of an empty chain is number 0 and 32 zero bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// The name of the chain: the node and the number of its writer.
    pub chain: String,
    /// The number of the last record, 0 when there is none.
    pub seq: i64,
    /// The MAC of the last record.
    pub mac: Vec<u8>,
}

/// The last record of a chain that was archived and deleted, with a MAC over it. [`crate::audit`] makes and verifies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// That record.
    pub head: ChainHead,
    /// The MAC.
    pub mac: Vec<u8>,
}

/// A row of the table of records.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = audit_record, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "the columns are described by audit::Record")]
pub struct AuditRow {
    pub chain: String,
    pub seq: i64,
    pub at: i64,
    pub request_id: String,
    pub actor: String,
    pub source: String,
    pub family: String,
    pub action: String,
    pub object: String,
    pub outcome: String,
    pub reason: String,
    pub times: i32,
    pub previous: Vec<u8>,
    pub mac: Vec<u8>,
}

/// The chain of a writer during a transaction. Its records are inserted together at the end of the transaction, so that a
/// read costs the writer no statement of its own.
pub(super) struct OpenChain {
    /// The head before the transaction.
    start: ChainHead,
    records: Vec<AuditRow>,
}

impl OpenChain {
    /// Opens a chain whose head is known from the last transaction. If it is not the head any more, the chain cannot be closed.
    pub(super) fn after(head: ChainHead) -> Self {
        Self { start: head, records: Vec::new() }
    }

    /// Locks the head of a chain until the transaction ends.
    pub(super) fn lock(connection: &mut AnyConnection, name: &str) -> Result<Self, StoreError> {
        Ok(Self { start: lock_head(connection, name)?, records: Vec::new() })
    }

    fn head(&self) -> ChainHead {
        let of_record = |row: &AuditRow| ChainHead { chain: row.chain.clone(), seq: row.seq, mac: row.mac.clone() };
        self.records.last().map_or_else(|| self.start.clone(), of_record)
    }

    /// The number of records so far.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Drops the records of a job that is rolled back.
    pub(super) fn truncate(&mut self, len: usize) {
        self.records.truncate(len);
    }

    fn append(&mut self, build: impl FnOnce(&ChainHead) -> AuditRow) {
        let row = build(&self.head());
        self.records.push(row);
    }

    /// Inserts the records, updates the head, and stores the times at which credentials were viewed. Returns the new head.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when the chain has got another head meanwhile.
    pub(super) fn close(
        &self,
        connection: &mut AnyConnection,
        views: &[(CredentialId, i64)],
    ) -> Result<ChainHead, StoreError> {
        let head = self.head();
        match connection {
            // A statement costs no round trip here.
            AnyConnection::Sqlite(c) => {
                for row in &self.records {
                    diesel::insert_into(audit_record::table).values(row).execute(c)?;
                }
                credential::set_viewed(connection, views)?;
                if !self.records.is_empty() {
                    update_head(connection, &head)?;
                }
            }
            AnyConnection::Postgresql(c) => {
                if !append_records(c, &self.start, &self.records, views)? {
                    return Err(StoreError::Contended(Cause::default()));
                }
            }
        }
        Ok(head)
    }
}

/// Appends the record that `build` makes from the head of the chain. It is inserted with the others of the transaction.
pub fn append(transaction: &mut Transaction<'_>, build: impl FnOnce(&ChainHead) -> AuditRow) {
    transaction.chain().append(build);
}

/// Returns the head of `chain` and locks it until the transaction ends, so that a chain never forks: two writers with
/// the same chain name wait for each other.
fn lock_head(connection: &mut AnyConnection, chain: &str) -> Result<ChainHead, StoreError> {
    if let Some(head) = locked_head(connection, chain)? {
        return Ok(head);
    }
    // Two nodes with the same new name must not both insert its first head: the second waits here, and finds it.
    lock_name(connection, &format!("audit/chain/{chain}"))?;
    if let Some(head) = locked_head(connection, chain)? {
        return Ok(head);
    }
    let head = ChainHead { chain: chain.into(), seq: 0, mac: vec![0; 32] };
    diesel::insert_into(audit_chain::table)
        .values((audit_chain::name.eq(chain), audit_chain::last_seq.eq(head.seq), audit_chain::last_mac.eq(&head.mac)))
        .execute(connection)?;
    Ok(head)
}

fn locked_head(connection: &mut AnyConnection, chain: &str) -> Result<Option<ChainHead>, StoreError> {
    let found: Option<(i64, Vec<u8>)> = match connection {
        // The transaction holds the write lock already.
        AnyConnection::Sqlite(c) => {
            let head = audit_chain::table.find(chain).select((audit_chain::last_seq, audit_chain::last_mac));
            head.get_result(c).optional()?
        }
        AnyConnection::Postgresql(c) => {
            let head = audit_chain::table.find(chain).select((audit_chain::last_seq, audit_chain::last_mac));
            head.for_update().get_result(c).optional()?
        }
    };
    Ok(found.map(|(seq, mac)| ChainHead { chain: chain.into(), seq, mac }))
}

/// Updates the head of a chain, in the transaction that locked it.
fn update_head(connection: &mut AnyConnection, head: &ChainHead) -> Result<(), StoreError> {
    connection.run_prepared(&[
        Part::Sql("UPDATE audit_chain SET last_seq = "),
        Part::BigInt(head.seq),
        Part::Sql(", last_mac = "),
        Part::Binary(&head.mac),
        Part::Sql(" WHERE name = "),
        Part::Text(&head.chain),
    ])?;
    Ok(())
}

/// Returns the heads of all chains, by name.
pub fn heads(connection: &mut AnyConnection) -> Result<Vec<ChainHead>, StoreError> {
    let rows: Vec<(String, i64, Vec<u8>)> = audit_chain::table.order(audit_chain::name).load(connection)?;
    Ok(rows.into_iter().map(|(chain, seq, mac)| ChainHead { chain, seq, mac }).collect())
}

/// Returns the time of the newest record, by the heads of the chains.
pub fn newest_at(connection: &mut AnyConnection) -> Result<Option<i64>, StoreError> {
    let mut newest = None;
    for head in heads(connection)? {
        let record = audit_record::table.find((head.chain, head.seq)).select(audit_record::at);
        newest = newest.max(record.first(connection).optional()?);
    }
    Ok(newest)
}

/// Returns the names of the chains that have records, including chains whose head is missing.
pub fn chains_with_records(connection: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    Ok(audit_record::table.select(audit_record::chain).distinct().order(audit_record::chain).load(connection)?)
}

/// Returns at most `limit` records of `chain` after number `after`, in order.
pub fn records_after(
    connection: &mut AnyConnection,
    chain: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<AuditRow>, StoreError> {
    Ok(audit_record::table
        .filter(audit_record::chain.eq(chain))
        .filter(audit_record::seq.gt(after))
        .order(audit_record::seq)
        .limit(limit)
        .load(connection)?)
}

/// Returns the last `limit` records of `chain`, oldest first; only those of `object`, if it is given.
pub fn last_records(
    connection: &mut AnyConnection,
    chain: &str,
    object: Option<&str>,
    limit: i64,
) -> Result<Vec<AuditRow>, StoreError> {
    let mut query = audit_record::table.filter(audit_record::chain.eq(chain)).into_boxed();
    if let Some(object) = object {
        query = query.filter(audit_record::object.eq(object));
    }
    let mut rows: Vec<AuditRow> = query.order(audit_record::seq.desc()).limit(limit).load(connection)?;
    rows.reverse();
    Ok(rows)
}
