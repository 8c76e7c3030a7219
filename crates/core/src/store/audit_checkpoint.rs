//! Table of checkpoints: the last record of each chain that was archived and deleted.

use diesel::dsl::min;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::audit::{ChainHead, Checkpoint};
use super::schema::{audit_checkpoint, audit_record};
use super::{AnyConnection, StoreError};

/// Returns the checkpoint of a chain.
pub fn find(connection: &mut AnyConnection, chain: &str) -> Result<Option<Checkpoint>, StoreError> {
    let found: Option<(String, i64, Vec<u8>, Vec<u8>)> =
        audit_checkpoint::table.find(chain).first(connection).optional()?;
    Ok(found.map(|(chain, seq, record_mac, mac)| Checkpoint { head: ChainHead { chain, seq, mac: record_mac }, mac }))
}

/// Returns the number of the last record of a chain before the first one at or after `time`. The last record of a chain is never
/// among them, so that its head has its record.
pub fn last_before(connection: &mut AnyConnection, chain: &ChainHead, time: i64) -> Result<i64, StoreError> {
    let later = audit_record::table.filter(audit_record::chain.eq(&chain.chain)).filter(audit_record::at.ge(time));
    let first: Option<i64> = later.select(min(audit_record::seq)).first(connection)?;
    Ok(first.unwrap_or(chain.seq).min(chain.seq) - 1)
}

/// Deletes the records of a chain up to a checkpoint, in the place of the former one.
pub fn delete_up_to(connection: &mut AnyConnection, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    let Checkpoint { head, mac } = checkpoint;
    diesel::delete(audit_checkpoint::table.find(&head.chain)).execute(connection)?;
    diesel::insert_into(audit_checkpoint::table)
        .values((
            audit_checkpoint::chain.eq(&head.chain),
            audit_checkpoint::seq.eq(head.seq),
            audit_checkpoint::record_mac.eq(&head.mac),
            audit_checkpoint::mac.eq(mac),
        ))
        .execute(connection)?;
    let older = audit_record::table.filter(audit_record::chain.eq(&head.chain)).filter(audit_record::seq.le(head.seq));
    diesel::delete(older).execute(connection)?;
    Ok(())
}
