use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;

/// Interpolates at 0 by tables of powers and logarithms, without the field of this module.
fn interpolate(points: &[(u8, u8)]) -> u8 {
    let mut powers = vec![1u8];
    while powers.len() < 255 {
        let last = *powers.last().unwrap();
        powers.push((if last & 0x80 == 0 { last << 1 } else { (last << 1) ^ 0x1b }) ^ last);
    }
    let logarithm = |a: u8| powers.iter().position(|power| *power == a).unwrap();
    let term = |&(index, value): &(u8, u8)| {
        if value == 0 {
            return 0;
        }
        let others = points.iter().map(|(other, _)| *other).filter(|other| *other != index);
        let exponent =
            others.fold(logarithm(value), |sum, other| sum + logarithm(other) + 255 - logarithm(other ^ index));
        powers[exponent % 255]
    };
    points.iter().map(term).fold(0, |sum, term| sum ^ term)
}

fn at(shares: &[&RootKeyShare], byte: usize) -> Vec<(u8, u8)> {
    shares.iter().map(|share| (share.index, share.value[byte])).collect()
}

/// A number of shares, a threshold, and so many of their positions.
fn schemes() -> impl Strategy<Value = (u8, u8)> {
    prop_oneof![
        (2u8..=12).prop_flat_map(|shares| (Just(shares), 2..=shares)),
        (2u8..=255).prop_flat_map(|shares| (Just(shares), 2..=shares.min(12))),
    ]
}

fn drawn() -> impl Strategy<Value = (u8, u8, Vec<usize>)> {
    schemes().prop_flat_map(|(shares, threshold)| {
        let positions: Vec<usize> = (0..usize::from(shares)).collect();
        let picked = subsequence(positions, usize::from(threshold)).prop_shuffle();
        (Just(shares), Just(threshold), picked)
    })
}

proptest! {
    #[test]
    fn any_k_shares_give_the_key_and_k_minus_1_do_not((shares, threshold, picked) in drawn(), key: [u8; 32], other: [u8; 32]) {
        let scheme = ShareScheme::new(shares, threshold).unwrap();
        let split = RootKey::from_bytes(&key).split(scheme);
        let picked: Vec<RootKeyShare> = picked.into_iter().map(|position| split[position].clone()).collect();
        prop_assert_eq!(*RootKey::combine(&picked).unwrap().expose(), key);
        let references: Vec<&RootKeyShare> = picked.iter().collect();
        for (byte, expected) in key.iter().enumerate() {
            prop_assert_eq!(interpolate(&at(&references, byte)), *expected);
        }
        // One fewer is refused, and would fit any other key as well: there is a last share that gives it.
        let (last, fewer) = picked.split_last().unwrap();
        prop_assert_eq!(RootKey::combine(fewer).unwrap_err(), CombineError::TooFew { threshold });
        let fitted = last.value.iter().zip(key.iter().zip(&other)).map(|(value, (key, other))| {
            value ^ multiply(key ^ other, invert(weight(last.index, &references)))
        });
        let mut fitting = last.clone();
        fitting.value = fitted.collect::<Vec<u8>>().try_into().unwrap();
        let forged = [fewer, &[fitting]].concat();
        prop_assert_eq!(*RootKey::combine(&forged).unwrap().expose(), other);
    }

    #[test]
    fn a_changed_share_gives_another_key((shares, threshold, picked) in drawn(), key: [u8; 32], byte in 0usize..32, bit in 0u8..8) {
        let split = RootKey::from_bytes(&key).split(ShareScheme::new(shares, threshold).unwrap());
        let mut picked: Vec<RootKeyShare> = picked.into_iter().map(|position| split[position].clone()).collect();
        picked[0].value[byte] ^= 1 << bit;
        prop_assert_ne!(*RootKey::combine(&picked).unwrap().expose(), key);
    }
}

#[test]
fn a_repeated_share_counts_once_and_one_of_another_split_is_refused() {
    let key = RootKey::generate();
    let scheme = ShareScheme::new(5, 3).unwrap();
    let (first, second) = (key.split(scheme), key.split(scheme));
    let twice = [&first[..2], &first[..1]].concat();
    assert_eq!(RootKey::combine(&twice).unwrap_err(), CombineError::TooFew { threshold: 3 });
    assert_eq!(RootKey::combine(&[&twice, &first[4..]].concat()).unwrap().expose(), key.expose());
    let mixed = [&first[..2], &second[2..3]].concat();
    assert_eq!(RootKey::combine(&mixed).unwrap_err(), CombineError::Mismatch);
    assert!(matches!(RootKey::combine(&[]), Err(CombineError::TooFew { .. })));
}

#[test]
fn one_share_of_two_is_equally_likely_for_every_key() {
    // Exhaustively for one byte: whatever the key, each value of the share comes of exactly one coefficient.
    for key in 0..=255u8 {
        let mut seen = [false; 256];
        for coefficient in 0..=255u8 {
            let value = evaluate(&[key; KEY_LENGTH], &[[coefficient; KEY_LENGTH]], 7)[0];
            assert!(!std::mem::replace(&mut seen[usize::from(value)], true));
        }
    }
}

#[test]
fn the_bytes_of_a_key_have_polynomials_of_their_own() {
    let shares = RootKey::from_bytes(&[7; 32]).split(ShareScheme::new(2, 2).unwrap());
    assert!(shares[0].value.iter().any(|byte| *byte != shares[0].value[0]));
    let again = RootKey::from_bytes(&[7; 32]).split(ShareScheme::new(2, 2).unwrap());
    assert_ne!(shares[0].value, again[0].value);
    assert_ne!(shares[0].split, again[0].split);
}

#[test]
fn a_scheme_has_a_threshold_of_2_up_to_its_shares() {
    for (shares, threshold, is_valid) in
        [(2, 2, true), (5, 3, true), (255, 255, true), (1, 1, false), (5, 1, false), (5, 6, false), (0, 0, false)]
    {
        assert_eq!(ShareScheme::new(shares, threshold).is_ok(), is_valid, "{shares} {threshold}");
    }
}
