//! Decodes files and standard input. All text of an operator is UTF-8; what an editor or a shell of Windows writes instead is
//! named in the error.

/// The UTF-8 byte order mark.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why bytes are no text. Follows the name of the input in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// UTF-16, as PowerShell and Notepad write it.
    #[error("is UTF-16 text, expected UTF-8")]
    Utf16,
    /// A UTF-8 byte order mark where every byte counts.
    #[error("begins with a byte order mark, expected UTF-8 without one")]
    ByteOrderMark,
    /// A NUL character, as in UTF-16 without a byte order mark.
    #[error("contains a NUL character, expected UTF-8 text")]
    Nul,
    /// Any other encoding, or binary data.
    #[error("is not UTF-8 text")]
    NotUtf8,
}

/// Decodes a document: settings, PEM. A byte order mark at its start is skipped.
///
/// # Errors
/// [`EncodingError::Utf16`], [`EncodingError::Nul`], [`EncodingError::NotUtf8`].
pub fn document(bytes: &[u8]) -> Result<&str, EncodingError> {
    decode(skip_byte_order_mark(bytes))
}

/// Decodes a secret, of which every byte counts. A byte order mark is refused: it is invisible, so keeping it would make
/// another secret, and skipping it could.
///
/// # Errors
/// [`EncodingError`]
pub fn secret(bytes: &[u8]) -> Result<&str, EncodingError> {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Err(EncodingError::ByteOrderMark);
    }
    decode(bytes)
}

/// Returns the bytes without a byte order mark at their start.
pub fn skip_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

fn decode(bytes: &[u8]) -> Result<&str, EncodingError> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(EncodingError::Utf16);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| EncodingError::NotUtf8)?;
    if text.contains('\0') { Err(EncodingError::Nul) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_encodings_are_named() {
        for (bytes, expected) in [
            (&b"\xff\xfep\0w\0"[..], EncodingError::Utf16),
            (b"\xfe\xff\0p\0w", EncodingError::Utf16),
            (b"p\0w\0", EncodingError::Nul),
            (b"caf\xe9", EncodingError::NotUtf8),
            (b"\xed\xa0\x80", EncodingError::NotUtf8),
            (b"\xc0\xaf", EncodingError::NotUtf8),
        ] {
            assert_eq!(document(bytes), Err(expected), "{bytes:?}");
            assert_eq!(secret(bytes), Err(expected), "{bytes:?}");
        }
        assert_eq!((document("café".as_bytes()), secret("café".as_bytes())), (Ok("café"), Ok("café")));
    }

    #[test]
    fn a_byte_order_mark_is_skipped_in_documents_and_refused_in_secrets() {
        let marked = "\u{feff}text".as_bytes();
        assert_eq!((document(marked), secret(marked)), (Ok("text"), Err(EncodingError::ByteOrderMark)));
        // Elsewhere it is a character.
        assert_eq!(secret("te\u{feff}xt".as_bytes()), Ok("te\u{feff}xt"));
    }
}
