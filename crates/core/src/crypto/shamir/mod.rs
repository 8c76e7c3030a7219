//! Shamir's secret sharing of the root key (A. Shamir, "How to share a secret", 1979).
//!
//! Each byte of the key is the value at 0 of a random polynomial over GF(2⁸) of a degree below the threshold. A share has
//! the values of all 32 polynomials at its index. So many shares as the threshold give the key; fewer give nothing at all:
//! every key is equally likely then.

mod field;
mod record;
mod share;

use zeroize::Zeroizing;

use super::{RootKey, random_bytes};
use field::{invert, multiply};

pub use record::SplitRecord;
use share::SplitId;
pub use share::{MalformedShare, RootKeyShare};

/// The length of a root key, in bytes.
const KEY_LENGTH: usize = 32;

/// How many shares there are, and how many of them give the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareScheme {
    shares: u8,
    threshold: u8,
}

/// A number of shares or a threshold that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 2 to 255 shares, and a threshold from 2 up to the number of shares")]
pub struct InvalidScheme;

/// Shares that do not give a root key together. It is not told which of them is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
    /// There are fewer different shares than the threshold.
    #[error("too few shares: {threshold} different ones are needed")]
    TooFew {
        /// How many are needed.
        threshold: u8,
    },
    /// They are not of one split.
    #[error("these shares do not give a root key together")]
    Mismatch,
}

impl ShareScheme {
    /// The smallest threshold: with 1, each share would be the key.
    pub(super) const MIN_THRESHOLD: u8 = 2;

    /// Creates a scheme.
    ///
    /// # Errors
    /// [`InvalidScheme`]
    pub fn new(shares: u8, threshold: u8) -> Result<Self, InvalidScheme> {
        let is_valid = (Self::MIN_THRESHOLD..=shares).contains(&threshold);
        if is_valid { Ok(Self { shares, threshold }) } else { Err(InvalidScheme) }
    }

    /// The number of shares.
    pub fn shares(self) -> u8 {
        self.shares
    }

    /// How many shares give the key.
    pub fn threshold(self) -> u8 {
        self.threshold
    }
}

impl RootKey {
    /// Splits the key into new shares. Shares of an earlier split of the key keep giving it.
    pub fn split(&self, scheme: ShareScheme) -> Vec<RootKeyShare> {
        let split = random_bytes();
        // One coefficient of each power from 1 on, for every byte of the key.
        let coefficients: Vec<[u8; KEY_LENGTH]> = (1..scheme.threshold).map(|_| random_bytes()).collect();
        let coefficients = Zeroizing::new(coefficients);
        let share = |index| RootKeyShare {
            split,
            threshold: scheme.threshold,
            index,
            value: evaluate(self.expose(), &coefficients, index),
        };
        (1..=scheme.shares).map(share).collect()
    }

    /// Combines shares to the key. Equal shares count once, and more than the threshold are not used.
    ///
    /// A wrong share gives another key, not an error: the caller has to compare the key with a check value.
    ///
    /// # Errors
    /// [`CombineError`]
    pub fn combine(shares: &[RootKeyShare]) -> Result<Self, CombineError> {
        let first = shares.first().ok_or(CombineError::TooFew { threshold: ShareScheme::MIN_THRESHOLD })?;
        let is_of_first = |share: &RootKeyShare| share.split == first.split && share.threshold == first.threshold;
        if !shares.iter().all(is_of_first) {
            return Err(CombineError::Mismatch);
        }
        let mut different: Vec<&RootKeyShare> = Vec::with_capacity(shares.len());
        for share in shares {
            if !different.iter().any(|known| known.index == share.index) {
                different.push(share);
            }
        }
        let used = different.get(..usize::from(first.threshold));
        let used = used.ok_or(CombineError::TooFew { threshold: first.threshold })?;
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        for share in used {
            let weight = weight(share.index, used);
            key.iter_mut().zip(&share.value).for_each(|(byte, value)| *byte ^= multiply(*value, weight));
        }
        Ok(Self::from_bytes(&key))
    }
}

/// Evaluates the polynomials at `index` by Horner's rule.
fn evaluate(key: &[u8; KEY_LENGTH], coefficients: &[[u8; KEY_LENGTH]], index: u8) -> [u8; KEY_LENGTH] {
    let mut value = [0; KEY_LENGTH];
    for coefficients in coefficients.iter().rev().chain([key]) {
        value.iter_mut().zip(coefficients).for_each(|(value, next)| *value = multiply(*value, index) ^ next);
    }
    value
}

/// Returns the weight of a share in Lagrange's interpolation at 0: the product of x / (x - index) over the other indices x.
fn weight(index: u8, shares: &[&RootKeyShare]) -> u8 {
    let others = shares.iter().map(|share| share.index).filter(|other| *other != index);
    others.fold(1, |product, other| multiply(product, multiply(other, invert(other ^ index))))
}

#[cfg(test)]
mod tests;
