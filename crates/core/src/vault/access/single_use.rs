//! Values that may be used once: the ids of proofs and assertions that a client has signed.
//!
//! They are kept in the database until they expire, so that every node refuses a replay.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::authentication::AuthenticationFailure;
use crate::clock::to_micros;
use crate::store::{Lane, Ticket, Transaction, single_use};
use crate::vault::operation::Request;
use crate::vault::{DenyReason, Vault, VaultError};

/// The kind of a value. Values of different kinds never collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::vault) enum SingleUseKind {
    /// A DPoP proof (RFC 9449), of the key that signed it.
    DpopProof,
    /// A client assertion (RFC 7523), of its client.
    ClientAssertion,
    /// The nonce of a signed request (RFC 5849), of its signing key.
    RequestNonce,
    /// The token of a workload, of its issuer.
    WorkloadToken,
}

impl SingleUseKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::DpopProof => "dpop-proof",
            Self::ClientAssertion => "client-assertion",
            Self::RequestNonce => "request-nonce",
            Self::WorkloadToken => "workload-token",
        }
    }
}

/// A value that may be used once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::vault) struct SingleUse {
    digest: [u8; 32],
    expires_at: DateTime<Utc>,
}

impl SingleUse {
    /// The value `id` of an owner. It must not be accepted any more from `expires_at` on, for other reasons.
    pub(in crate::vault) fn new(kind: SingleUseKind, owner: &[u8], id: &str, expires_at: DateTime<Utc>) -> Self {
        let mut hash = Sha256::new();
        for part in [kind.as_str().as_bytes(), owner, id.as_bytes()] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self { digest: hash.finalize().into(), expires_at }
    }
}

impl Vault {
    /// Uses the proof of a request that was authenticated by it.
    ///
    /// # Errors
    /// [`DenyReason::Replayed`] if it was used before.
    pub(in crate::vault) async fn use_proof(&self, request: &Request, proof: &SingleUse) -> Result<(), VaultError> {
        let (principal, origin) = (request.principal(), request.origin());
        if self.use_once(principal.lane(), &origin.request_id, proof).await? {
            return Ok(());
        }
        self.note_failure(origin, principal.actor(), AuthenticationFailure::Replayed);
        Err(VaultError::Denied(DenyReason::Replayed))
    }

    /// Uses a value, durably and on all nodes. Returns `false` if it was used before. `lane` is that of the client who has
    /// proved the value.
    ///
    /// # Errors
    /// [`VaultError::Store`].
    pub(in crate::vault) async fn use_once(
        &self,
        lane: Lane,
        request_id: &str,
        value: &SingleUse,
    ) -> Result<bool, VaultError> {
        let (digest, expires_at) = (value.digest, to_micros(value.expires_at));
        let job =
            move |transaction: &mut Transaction<'_>| single_use::insert(transaction.connection()?, &digest, expires_at);
        Ok(self.write_before_permit(Ticket::new(lane, request_id), job).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_micros;

    #[test]
    fn values_differ_by_kind_owner_and_id() {
        let value = |kind, owner: &str, id| SingleUse::new(kind, owner.as_bytes(), id, from_micros(0));
        let one = value(SingleUseKind::DpopProof, "ab", "c");
        assert_eq!(one, value(SingleUseKind::DpopProof, "ab", "c"));
        let others = [
            value(SingleUseKind::ClientAssertion, "ab", "c"),
            value(SingleUseKind::DpopProof, "a", "bc"),
            value(SingleUseKind::DpopProof, "ab", "d"),
        ];
        assert!(!others.contains(&one));
    }
}
