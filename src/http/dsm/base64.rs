//! Base64 as the clients send it: of either alphabet, with commas for the padding, or without any.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::crypto::{SecretBytes, SecretText};
use crate::text::encoding::skip_byte_order_mark;

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes a text; `None` for what is no base64 of a text in UTF-8.
pub(super) fn decode(encoded: &str) -> Option<SecretText> {
    let standard = |character| match character {
        // An unescaped plus in a form.
        '-' | ' ' => '+',
        '_' => '/',
        ',' => '=',
        other => other,
    };
    let characters = encoded.trim().chars().filter(|character| !matches!(character, '\r' | '\n'));
    // Neither buffer grows, and both are wiped, also after an error: what is decoded is a secret.
    let mut plain = Zeroizing::new(String::with_capacity(encoded.len()));
    plain.extend(characters.map(standard));
    let mut decoded = Zeroizing::new(vec![0; base64::decoded_len_estimate(plain.len())]);
    let length = ENGINE.decode_slice(plain.as_bytes(), &mut decoded).ok()?;
    SecretBytes::new(skip_byte_order_mark(decoded.get(..length)?).to_vec()).into_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_alphabet_and_any_padding_are_decoded() {
        for encoded in ["w7/Dvz4/", "w7_Dvz4_", " w7/D\r\nvz4/ "] {
            assert_eq!(decode(encoded).unwrap().expose(), "\u{ff}\u{ff}>?", "{encoded}");
        }
        for encoded in ["fn4+", "fn4-", "fn4 "] {
            assert_eq!(decode(&format!("{encoded}YQ==")).unwrap().expose(), "~~>a", "{encoded}");
        }
        for encoded in ["YQ==", "YQ", "YQ,,", "77u/YQ=="] {
            assert_eq!(decode(encoded).unwrap().expose(), "a", "{encoded}");
        }
        for wrong in ["Y", "{\"a\": 1}", "YQ=a", "/w==", "\u{e9}"] {
            assert!(decode(wrong).is_none(), "{wrong}");
        }
        assert!(decode("").unwrap().is_empty());
    }
}
