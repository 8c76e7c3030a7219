//! The seal of a vault whose root key was split: it collects shares until they give the key.
//!
//! A share is compared with the digests that the split has left in the database. What is no share of it changes nothing, so
//! nobody without shares can fill, reset or spoil the progress; and nobody is told why a text is refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::sync::Notify;

use crate::crypto::{RootKey, RootKeyShare, SplitRecord};

/// A vault that waits for the shares of its root key.
#[derive(Debug)]
pub struct Seal {
    /// The check value of the root key.
    check: Vec<u8>,
    record: SplitRecord,
    shares: Mutex<BTreeMap<[u8; 32], RootKeyShare>>,
    key: OnceLock<RootKey>,
    opened: Notify,
}

/// How far an unsealing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealStatus {
    /// Whether the root key is still missing.
    pub is_sealed: bool,
    /// How many shares give the root key.
    pub threshold: u8,
    /// How many shares there are.
    pub shares: u8,
    /// How many different ones were entered.
    pub progress: u8,
}

/// A text is no share of this root key, or the shares did not give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the share is not accepted")]
pub struct ShareRefused;

impl Seal {
    /// Creates the seal of a root key with this check value.
    pub(super) fn new(check: Vec<u8>, record: SplitRecord) -> Self {
        Self { check, record, shares: Mutex::default(), key: OnceLock::new(), opened: Notify::new() }
    }

    /// Returns how far it is.
    pub fn status(&self) -> SealStatus {
        let progress = self.shares.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.status_at(progress)
    }

    fn status_at(&self, progress: usize) -> SealStatus {
        let (scheme, is_sealed) = (self.record.scheme(), self.key.get().is_none());
        // All shares of an opened seal are forgotten.
        let progress = if is_sealed { u8::try_from(progress).unwrap_or(u8::MAX) } else { scheme.threshold() };
        SealStatus { is_sealed, threshold: scheme.threshold(), shares: scheme.shares(), progress }
    }

    /// Takes the text of a share. One that was entered already changes nothing.
    ///
    /// # Errors
    /// [`ShareRefused`]
    pub fn enter(&self, text: &str) -> Result<SealStatus, ShareRefused> {
        let share = RootKeyShare::parse(text).map_err(|_| ShareRefused)?;
        if !self.record.contains(&share) {
            return Err(ShareRefused);
        }
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if self.key.get().is_some() {
            return Ok(self.status_at(0));
        }
        shares.insert(share.digest(), share);
        if shares.len() < usize::from(self.record.scheme().threshold()) {
            return Ok(self.status_at(shares.len()));
        }
        let collected: Vec<RootKeyShare> = std::mem::take(&mut *shares).into_values().collect();
        let combined = RootKey::combine(&collected).ok().filter(|key| key.matches(&self.check));
        let Some(key) = combined else {
            // Every share was compared with its digest, so the digests themselves were changed.
            log::error!("the shares do not give the root key; the record of the split in the database is damaged");
            return Err(ShareRefused);
        };
        let _ = self.key.set(key);
        self.opened.notify_one();
        Ok(self.status_at(0))
    }

    /// Waits for the root key. For one caller.
    pub async fn opened(&self) -> RootKey {
        loop {
            if let Some(key) = self.key.get() {
                return key.clone();
            }
            self.opened.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::ShareScheme;

    fn sealed(shares: u8, threshold: u8) -> (Seal, RootKey, Vec<String>) {
        let key = RootKey::generate();
        let split = key.split(ShareScheme::new(shares, threshold).unwrap());
        let seal = Seal::new(key.check_value().unwrap(), SplitRecord::new(&split).unwrap());
        let texts = split.iter().map(|share| share.text().expose().to_string()).collect();
        (seal, key, texts)
    }

    fn progress(seal: &Seal, text: &str) -> Result<u8, ShareRefused> {
        seal.enter(text).map(|status| status.progress)
    }

    #[actix_web::test]
    async fn so_many_different_shares_as_the_threshold_open_it() {
        let (seal, key, shares) = sealed(5, 3);
        assert_eq!(seal.status(), SealStatus { is_sealed: true, threshold: 3, shares: 5, progress: 0 });
        assert_eq!(progress(&seal, &shares[4]), Ok(1));
        assert_eq!(progress(&seal, &shares[4]), Ok(1), "entered already");
        assert_eq!(progress(&seal, &shares[0].to_uppercase()), Ok(2));
        assert!(seal.status().is_sealed);
        assert_eq!(progress(&seal, &shares[2]), Ok(3));
        assert!(!seal.status().is_sealed);
        assert_eq!(seal.opened().await, key);
        // A late one does no harm.
        assert_eq!(seal.enter(&shares[1]).unwrap(), seal.status());
        assert!(!format!("{seal:?}").contains(&shares[0]));
    }

    #[test]
    fn what_is_no_share_of_it_changes_nothing_and_nobody_is_told_why() {
        let (seal, _, shares) = sealed(3, 2);
        let (_, _, foreign) = sealed(3, 2);
        progress(&seal, &shares[0]).unwrap();
        let mut mistyped = shares[1].clone();
        mistyped.replace_range(20..21, if &mistyped[20..21] == "q" { "p" } else { "q" });
        for text in ["", "hunter2", &mistyped, &foreign[1], &foreign[0]] {
            assert_eq!(seal.enter(text), Err(ShareRefused));
            assert_eq!(seal.status().progress, 1);
        }
        assert_eq!(ShareRefused.to_string(), "the share is not accepted");
        assert_eq!(progress(&seal, &shares[2]), Ok(2));
        assert!(!seal.status().is_sealed);
    }

    #[test]
    fn shares_of_an_earlier_split_do_not_count() {
        let key = RootKey::generate();
        let scheme = ShareScheme::new(3, 2).unwrap();
        let (earlier, present) = (key.split(scheme), key.split(scheme));
        let seal = Seal::new(key.check_value().unwrap(), SplitRecord::new(&present).unwrap());
        assert_eq!(seal.enter(earlier[0].text().expose()), Err(ShareRefused));
        assert_eq!(seal.status().progress, 0);
    }

    #[test]
    fn shares_that_do_not_give_the_key_are_forgotten() {
        // As after a change of the check value or of the record in the database.
        let (other, _, _) = sealed(3, 2);
        let key = RootKey::generate();
        let split = key.split(ShareScheme::new(3, 2).unwrap());
        let seal = Seal::new(other.check, SplitRecord::new(&split).unwrap());
        seal.enter(split[0].text().expose()).unwrap();
        assert_eq!(seal.enter(split[1].text().expose()), Err(ShareRefused));
        assert_eq!(seal.status(), SealStatus { is_sealed: true, threshold: 2, shares: 3, progress: 0 });
    }

    proptest! {
        #[test]
        fn strangers_between_the_shares_do_not_matter(noise in prop::collection::vec("[ -~]{0,100}", 0..8), at in 0usize..3) {
            let (seal, _, shares) = sealed(3, 3);
            for (position, share) in shares.iter().enumerate() {
                if position == at {
                    for text in &noise {
                        prop_assert_eq!(seal.enter(text), Err(ShareRefused));
                    }
                }
                prop_assert_eq!(progress(&seal, share).map(usize::from), Ok(position + 1));
            }
            prop_assert!(!seal.status().is_sealed);
        }
    }
}
