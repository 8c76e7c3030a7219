//! Bech32 (BIP 173) without its limit of 90 characters, as age writes its keys.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
const CHECKSUM_LENGTH: usize = 6;

/// Returns the number of groups of 5 bits that hold so many bytes.
const fn group_count(bytes: usize) -> usize {
    (bytes * 8).div_ceil(5)
}

/// Decodes the bytes of a key with this prefix. The text is in one case, upper or lower; the prefix is given in lower case.
pub fn decode_key<const N: usize>(prefix: &str, text: &str) -> Option<[u8; N]> {
    let has_lower = text.bytes().any(|byte| byte.is_ascii_lowercase());
    if has_lower && text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let head = text.get(..prefix.len())?;
    let data = text.get(prefix.len()..)?.strip_prefix('1')?;
    if !head.eq_ignore_ascii_case(prefix) || data.len() != group_count(N) + CHECKSUM_LENGTH {
        return None;
    }
    let value = |byte: u8| ALPHABET.iter().position(|known| *known == byte.to_ascii_lowercase());
    let groups: Vec<u8> = data.bytes().map(|byte| u8::try_from(value(byte)?).ok()).collect::<Option<_>>()?;
    let groups = Zeroizing::new(groups);
    if polymod(prefix, &groups) == 1 { from_groups(&groups[..group_count(N)]) } else { None }
}

/// Encodes the bytes of a key, in lower case.
pub fn encode_key<const N: usize>(prefix: &str, key: &[u8; N]) -> String {
    let mut groups = to_groups(key);
    let padded = Zeroizing::new([groups.as_slice(), &[0; CHECKSUM_LENGTH]].concat());
    let checksum = polymod(prefix, &padded) ^ 1;
    for position in (0..CHECKSUM_LENGTH).rev() {
        groups.push(low_bits(checksum >> (5 * position)));
    }
    let letters = groups.iter().map(|group| char::from(ALPHABET[usize::from(*group)]));
    [prefix, "1"].into_iter().map(String::from).chain(std::iter::once(letters.collect())).collect()
}

fn low_bits(number: u32) -> u8 {
    u8::try_from(number & 31).unwrap_or(0)
}

/// Splits bytes into groups, in a buffer with room for the checksum, so that it does not move.
fn to_groups(key: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut groups = Zeroizing::new(Vec::with_capacity(group_count(key.len()) + CHECKSUM_LENGTH));
    let (mut pending, mut bits) = (0u32, 0);
    for byte in key {
        pending = (pending << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            groups.push(low_bits(pending >> bits));
        }
        pending &= 31;
    }
    if bits > 0 {
        groups.push(low_bits(pending << (5 - bits)));
    }
    groups
}

/// Joins the groups; the bits of padding must be zero.
fn from_groups<const N: usize>(groups: &[u8]) -> Option<[u8; N]> {
    let (mut key, mut length, mut pending, mut bits) = ([0; N], 0, 0u32, 0);
    for group in groups {
        pending = ((pending << 5) | u32::from(*group)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            *key.get_mut(length)? = u8::try_from((pending >> bits) & 0xff).ok()?;
            length += 1;
        }
    }
    let padding = pending & ((1 << bits) - 1);
    (length == N && padding == 0).then_some(key)
}

fn polymod(prefix: &str, groups: &[u8]) -> u32 {
    let high = prefix.bytes().map(|byte| byte >> 5);
    let low = prefix.bytes().map(|byte| byte & 31);
    let values = high.chain(std::iter::once(0)).chain(low).chain(groups.iter().copied());
    values.fold(1, |checksum, value| {
        let top = checksum >> 25;
        let shifted = ((checksum & 0x01ff_ffff) << 5) ^ u32::from(value);
        let is_set = |bit: &usize| (top >> bit) & 1 == 1;
        (0..GENERATOR.len()).filter(is_set).fold(shifted, |sum, bit| sum ^ GENERATOR[bit])
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The recipient of age's specification.
    const KNOWN: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

    #[test]
    fn a_key_of_the_specification_is_read_and_written() {
        let key = decode_key::<32>("age", KNOWN).unwrap();
        assert_eq!(encode_key("age", &key), KNOWN);
        assert_eq!(decode_key("age", &KNOWN.to_uppercase()), Some(key));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let mixed = KNOWN.replacen('z', "Z", 1);
        for text in ["", "age", "age1", &KNOWN[1..], &KNOWN[..61], &mixed, &format!("{KNOWN}q"), "age1é"] {
            assert_eq!(decode_key::<32>("age", text), None, "{text}");
        }
        assert_eq!(decode_key::<32>("age-secret-key-", KNOWN), None);
        assert_eq!(decode_key::<31>("age", KNOWN), None);
    }

    proptest! {
        #[test]
        fn every_key_comes_back_and_one_changed_letter_is_an_error(key: [u8; 32], at in 4usize..62, by in 1usize..32) {
            let text = encode_key("age", &key);
            prop_assert_eq!(decode_key("age", &text), Some(key));
            let mut letters = text.into_bytes();
            let known = ALPHABET.iter().position(|letter| *letter == letters[at]).unwrap();
            letters[at] = ALPHABET[(known + by) % 32];
            prop_assert_eq!(decode_key::<32>("age", &String::from_utf8(letters).unwrap()), None);
        }

        #[test]
        fn keys_of_any_length_come_back(short: [u8; 5], long: [u8; 31]) {
            prop_assert_eq!(decode_key("k", &encode_key("k", &short)), Some(short));
            prop_assert_eq!(decode_key("k", &encode_key("k", &long)), Some(long));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = decode_key::<32>("age", &text);
        }
    }
}
