//! Whether the private numbers of a key belong to its public key, for every format that has them in the clear.

use aws_lc_rs::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair,
};
use ssh_key::EcdsaCurve;
use zeroize::Zeroizing;

/// The longest public exponent of RSA that aws-lc checks a key with, in bits.
const MAX_EXPONENT_BITS: u32 = 33;

/// The numbers of an RSA key of two primes, in big endian.
pub(super) struct RsaNumbers<'a> {
    pub(super) modulus: &'a [u8],
    pub(super) exponent: &'a [u8],
    pub(super) private_exponent: &'a [u8],
    pub(super) primes: [&'a [u8]; 2],
    /// The inverse of the second prime modulo the first.
    pub(super) coefficient: &'a [u8],
}

impl RsaNumbers<'_> {
    /// Whether the numbers belong together: the product of the primes, the exponents, the coefficient, and
    /// `prime_exponents` where the format has them. A key with a public exponent of more than 33 bits is not checked.
    pub(super) fn is_pair(&self, prime_exponents: Option<[&[u8]; 2]>) -> bool {
        match small_exponent(self.exponent) {
            Some(exponent) => self.check(exponent, prime_exponents).is_some(),
            None => true,
        }
    }

    fn check(&self, exponent: u64, prime_exponents: Option<[&[u8]; 2]>) -> Option<()> {
        let [p, q] = self.primes.map(without_zeros);
        let [own_p, own_q] = [prime_exponent(p, exponent)?, prime_exponent(q, exponent)?];
        let [exponent_p, exponent_q] = prime_exponents.unwrap_or([&own_p, &own_q]).map(without_zeros);
        let components = KeyPairComponents {
            public_key: PublicKeyComponents { n: without_zeros(self.modulus), e: without_zeros(self.exponent) },
            d: without_zeros(self.private_exponent),
            p,
            q,
            dP: exponent_p,
            dQ: exponent_q,
            qInv: without_zeros(self.coefficient),
        };
        match KeyPair::from_components(&components) {
            Ok(_) => Some(()),
            // The numbers are checked before the size, which is limited for signing.
            Err(error) => matches!(error.description_(), "TooSmall" | "TooLarge").then_some(()),
        }
    }
}

/// Returns a public exponent that is short enough for a check.
fn small_exponent(bytes: &[u8]) -> Option<u64> {
    let bytes = without_zeros(bytes);
    let exponent = bytes.iter().try_fold(0u64, |number, byte| Some(number.checked_mul(256)? + u64::from(*byte)))?;
    (u64::BITS - exponent.leading_zeros() <= MAX_EXPONENT_BITS).then_some(exponent)
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]
}

/// Returns the inverse of a public exponent modulo `prime - 1`; `None` where there is none.
///
/// For the inverse x and a k below e, `e x = 1 + k (prime - 1)`. So k is `-1 / (prime - 1)` modulo e, and only small
/// numbers are divided by.
fn prime_exponent(prime: &[u8], exponent: u64) -> Option<Zeroizing<Vec<u8>>> {
    let mut number = Zeroizing::new(Vec::with_capacity(prime.len() + 8));
    number.extend([0; 8]);
    number.extend(prime);
    // Subtracts one from an odd number.
    *number.last_mut().filter(|last| **last & 1 == 1)? -= 1;
    let modulus = u128::from(exponent);
    let rest = number.iter().try_fold(0, |rest, byte| (rest * 256 + u128::from(*byte)).checked_rem(modulus))?;
    let factor = modulus - inverse(rest, modulus)?;
    let mut carry = 1;
    for byte in number.iter_mut().rev() {
        carry += factor * u128::from(*byte);
        *byte = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    let mut rest = 0;
    for byte in number.iter_mut() {
        rest = rest * 256 + u128::from(*byte);
        *byte = (rest / modulus).to_le_bytes()[0];
        rest %= modulus;
    }
    (rest == 0).then_some(number)
}

/// Returns the inverse of a number modulo another, by Euclid's extended algorithm. Both are of at most 33 bits.
fn inverse(number: u128, modulus: u128) -> Option<u128> {
    let modulus = i128::try_from(modulus).ok()?;
    let (mut rests, mut factors) = ((modulus, i128::try_from(number).ok()?), (0, 1));
    while rests.1 != 0 {
        let quotient = rests.0 / rests.1;
        rests = (rests.1, rests.0 - quotient * rests.1);
        factors = (factors.1, factors.0 - quotient * factors.1);
    }
    (rests.0 == 1).then(|| u128::try_from(factors.0.rem_euclid(modulus)).ok()).flatten()
}

/// Whether the seed of an Ed25519 key gives its public key.
pub(super) fn is_ed25519_pair(seed: &[u8], public: &[u8]) -> bool {
    Ed25519KeyPair::from_seed_and_public_key(seed, public).is_ok()
}

/// Whether the private number of an ECDSA key gives its point.
pub(super) fn is_ecdsa_pair(curve: EcdsaCurve, number: &[u8], point: &[u8]) -> bool {
    EcdsaKeyPair::from_private_key_and_public_key(signing(curve), number, point).is_ok()
}

/// Returns the algorithm of a curve.
pub(super) fn signing(curve: EcdsaCurve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        EcdsaCurve::NistP256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        EcdsaCurve::NistP384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        EcdsaCurve::NistP521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_of_a_prime_is_the_inverse_of_the_public_one() {
        // 3 * 7 = 1 + 20, 7 * 3 = 1 + 20, 17 * 13 = 1 + 220.
        for (prime, exponent, expected) in [(11u16, 3u64, 7u8), (11, 7, 3), (31, 7, 13), (1021, 7, 0)] {
            let found = prime_exponent(&prime.to_be_bytes(), exponent);
            let found = found.map(|number| number.iter().fold(0u64, |sum, byte| sum * 256 + u64::from(*byte)));
            match found {
                Some(found) => assert_eq!(found * exponent % u64::from(prime - 1), 1, "{prime}, {exponent}"),
                None => panic!("{prime}, {exponent}"),
            }
            assert!(expected == 0 || found == Some(u64::from(expected)));
        }
        for (prime, exponent) in [(7u16, 3), (10, 3), (11, 0), (11, 2), (0, 3)] {
            assert_eq!(prime_exponent(&prime.to_be_bytes(), exponent), None, "{prime}, {exponent}");
        }
        assert_eq!(prime_exponent(&[], 3), None);
    }
}
