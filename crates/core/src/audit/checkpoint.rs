//! Checkpoints: where a chain begins whose older records were archived and deleted.

use subtle::ConstantTimeEq;

use super::chain::mac;
use crate::crypto::DataKey;
use crate::store::audit::{ChainHead, Checkpoint};

/// Authenticates the last deleted record of a chain. The label differs from that of a head in a file: a copy of such a head is no
/// leave to delete.
pub fn seal_checkpoint(key: &DataKey, head: ChainHead) -> Checkpoint {
    let mac = checkpoint_mac(key, &head);
    Checkpoint { head, mac }
}

/// Whether a checkpoint is the vault's own.
pub(super) fn is_genuine(key: &DataKey, checkpoint: &Checkpoint) -> bool {
    checkpoint_mac(key, &checkpoint.head).ct_eq(&checkpoint.mac).into()
}

fn checkpoint_mac(key: &DataKey, head: &ChainHead) -> Vec<u8> {
    mac(key, b"chaveiro/audit/checkpoint/1", &[head.chain.as_bytes(), &head.seq.to_be_bytes(), &head.mac])
}
