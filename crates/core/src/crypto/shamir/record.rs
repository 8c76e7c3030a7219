//! What a vault keeps of the split of its root key: enough to tell a share of it from any other text, and nothing of the key.

use subtle::ConstantTimeEq;

use super::{RootKeyShare, ShareScheme, SplitId};

const VERSION: u8 = 1;
const DIGEST_LENGTH: usize = 32;

/// The record of a split: its id and scheme, and a digest of each share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitRecord {
    split: SplitId,
    scheme: ShareScheme,
    digests: Vec<[u8; DIGEST_LENGTH]>,
}

impl SplitRecord {
    /// Creates the record of the shares of one split; `None` for shares that are not all of one split.
    pub fn new(shares: &[RootKeyShare]) -> Option<Self> {
        let first = shares.first()?;
        let scheme = ShareScheme::new(u8::try_from(shares.len()).ok()?, first.threshold).ok()?;
        let is_of_first = |share: &RootKeyShare| share.split == first.split && share.threshold == first.threshold;
        let digests = shares.iter().map(RootKeyShare::digest).collect();
        shares.iter().all(is_of_first).then_some(Self { split: first.split, scheme, digests })
    }

    /// The scheme.
    pub fn scheme(&self) -> ShareScheme {
        self.scheme
    }

    /// Whether a share is one of the split, unchanged.
    pub fn contains(&self, share: &RootKeyShare) -> bool {
        let digest = share.digest();
        let is_same = |known: &[u8; DIGEST_LENGTH]| bool::from(known.ct_eq(&digest));
        share.split == self.split && self.digests.iter().any(is_same)
    }

    /// Returns the bytes to store: version, split, threshold, number, digests.
    pub fn to_bytes(&self) -> Vec<u8> {
        let head = [&[VERSION][..], &self.split, &[self.scheme.threshold, self.scheme.shares]].concat();
        [head, self.digests.concat()].concat()
    }

    /// Parses stored bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[VERSION], rest) = bytes.split_first_chunk()? else { return None };
        let (split, rest) = rest.split_first_chunk()?;
        let (&[threshold, shares], rest) = rest.split_first_chunk()?;
        let scheme = ShareScheme::new(shares, threshold).ok()?;
        let (digests, rest) = rest.as_chunks();
        let is_whole = rest.is_empty() && digests.len() == usize::from(shares);
        is_whole.then(|| Self { split: *split, scheme, digests: digests.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::RootKey;

    #[test]
    fn a_record_knows_its_shares_and_no_other() {
        let key = RootKey::generate();
        let scheme = ShareScheme::new(5, 3).unwrap();
        let (shares, others) = (key.split(scheme), key.split(scheme));
        let record = SplitRecord::new(&shares).unwrap();
        let record = SplitRecord::from_bytes(&record.to_bytes()).unwrap();
        assert_eq!(record.scheme(), scheme);
        assert!(shares.iter().all(|share| record.contains(share)));
        assert!(!others.iter().any(|share| record.contains(share)), "another split of the same key");
        let mut changed = shares[0].clone();
        changed.value[31] ^= 1;
        assert!(!record.contains(&changed));
        assert_eq!(SplitRecord::new(&[shares, others].concat()), None);
    }

    #[test]
    fn what_is_no_record_is_none() {
        let shares = RootKey::generate().split(ShareScheme::new(3, 2).unwrap());
        let good = SplitRecord::new(&shares).unwrap().to_bytes();
        for bytes in
            [&good[1..], &good[..good.len() - 1], &[], &[&good[..], &[0]].concat(), &[&[2], &good[1..]].concat()]
        {
            assert_eq!(SplitRecord::from_bytes(bytes), None);
        }
    }
}
