//! Tables of the audit log: records and chain heads. [`crate::audit`] defines the fields of a record and how it is
//! bound to the record before it.

use diesel::{ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::connection::on_engine;
use super::lock::lock_name;
use super::schema::{audit_chain, audit_record};
use super::{AnyConnection, StoreError, Transaction};

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

/// Appends the record that `build` makes from the head of the chain, and advances the head.
pub fn append(transaction: &mut Transaction<'_>, build: impl FnOnce(&ChainHead) -> AuditRow) -> Result<(), StoreError> {
    let (connection, head) = transaction.chain();
    let row = build(head);
    let next = ChainHead { chain: row.chain.clone(), seq: row.seq, mac: row.mac.clone() };
    on_engine!(connection, c => diesel::insert_into(audit_record::table).values(row).execute(c))?;
    *head = next;
    Ok(())
}

/// Returns the head of `chain` and locks it until the transaction ends, so that a chain never forks: two writers with
/// the same chain name wait for each other.
pub(super) fn lock_head(connection: &mut AnyConnection, chain: &str) -> Result<ChainHead, StoreError> {
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

/// Updates the head of `chain`, in the transaction that locked it.
pub(super) fn update_head(connection: &mut AnyConnection, chain: &str, head: &ChainHead) -> Result<(), StoreError> {
    diesel::update(audit_chain::table.find(chain))
        .set((audit_chain::last_seq.eq(head.seq), audit_chain::last_mac.eq(&head.mac)))
        .execute(connection)?;
    Ok(())
}

/// Returns the heads of all chains, by name.
pub fn heads(connection: &mut AnyConnection) -> Result<Vec<ChainHead>, StoreError> {
    let rows: Vec<(String, i64, Vec<u8>)> = audit_chain::table.order(audit_chain::name).load(connection)?;
    Ok(rows.into_iter().map(|(chain, seq, mac)| ChainHead { chain, seq, mac }).collect())
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
