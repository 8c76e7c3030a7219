//! The field GF(2⁸) with the polynomial of AES (FIPS 197, section 4): x⁸ + x⁴ + x³ + x + 1.
//!
//! Time and memory access do not depend on the values: no branch and no table lookup by one.

use subtle::{Choice, ConditionallySelectable};

/// x⁸, reduced by the polynomial.
const REDUCTION: u8 = 0x1b;

/// Returns `value` if the lowest bit of `bit` is set, and 0 otherwise.
fn select(value: u8, bit: u8) -> u8 {
    u8::conditional_select(&0, &value, Choice::from(bit & 1))
}

/// Multiplies two elements. Their sum is their exclusive or.
pub(super) fn multiply(a: u8, b: u8) -> u8 {
    let (mut product, mut shifted) = (0, a);
    for bit in 0..8 {
        product ^= select(shifted, b >> bit);
        shifted = (shifted << 1) ^ select(REDUCTION, shifted >> 7);
    }
    product
}

/// Returns the multiplicative inverse, a²⁵⁴; 0 for 0.
pub(super) fn invert(a: u8) -> u8 {
    // 254 = 2 + 4 + … + 128.
    let (mut inverse, mut power) = (1, a);
    for _ in 1..8 {
        power = multiply(power, power);
        inverse = multiply(inverse, power);
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_products_of_fips_197_come_out() {
        assert_eq!(multiply(0x57, 0x83), 0xc1);
        assert_eq!(multiply(0x57, 0x13), 0xfe);
        assert_eq!(multiply(0x57, 0x02), 0xae);
        assert_eq!(invert(0x53), 0xca);
    }

    #[test]
    fn every_element_but_0_has_an_inverse() {
        assert_eq!(invert(0), 0);
        for a in 1..=255 {
            assert_eq!(multiply(a, invert(a)), 1, "{a}");
        }
    }

    #[test]
    fn a_product_is_that_of_the_logarithms() {
        // 3 generates the multiplicative group; doubling and adding builds the table without `multiply`.
        let mut powers = vec![1u8];
        while powers.len() < 255 {
            let last = *powers.last().unwrap();
            let doubled = if last & 0x80 == 0 { last << 1 } else { (last << 1) ^ 0x1b };
            powers.push(doubled ^ last);
        }
        let logarithm = |a: u8| powers.iter().position(|power| *power == a).unwrap();
        for a in 0..=255u8 {
            for b in 0..=255u8 {
                let expected = if a == 0 || b == 0 { 0 } else { powers[(logarithm(a) + logarithm(b)) % 255] };
                assert_eq!(multiply(a, b), expected, "{a} {b}");
            }
        }
    }
}
