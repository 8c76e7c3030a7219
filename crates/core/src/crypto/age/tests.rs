use std::io::{ErrorKind, Read, Write};

use proptest::prelude::*;

use super::*;

fn pair() -> (Identity, Recipient) {
    let identity = Identity::generate();
    let recipient = identity.recipient().unwrap();
    (identity, recipient)
}

fn sealed(recipients: &[Recipient], content: &[u8]) -> Vec<u8> {
    let mut file = encrypt(recipients, Vec::new()).unwrap();
    file.write_all(content).unwrap();
    file.finish().unwrap()
}

fn open(identity: &Identity, file: &[u8]) -> Result<Vec<u8>, AgeError> {
    let mut content = Vec::new();
    decrypt(std::slice::from_ref(identity), file)?.read_to_end(&mut content)?;
    Ok(content)
}

#[test]
fn what_is_encrypted_opens_for_each_recipient_at_every_length_about_a_chunk() {
    let ((first, one), (second, two)) = (pair(), pair());
    for length in [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000] {
        let content: Vec<u8> = (0..length).map(|number| u8::try_from(number % 251).unwrap()).collect();
        let file = sealed(&[one.clone(), two.clone()], &content);
        assert!(open(&first, &file).unwrap() == content && open(&second, &file).unwrap() == content, "{length}");
    }
}

#[test]
fn a_stranger_is_none_of_the_recipients() {
    let file = sealed(&[pair().1], b"content");
    assert!(matches!(open(&pair().0, &file), Err(AgeError::NoMatch)));
}

#[test]
fn a_missing_end_is_named_also_between_two_chunks() {
    let (identity, recipient) = pair();
    let file = sealed(&[recipient], &[7; 100_000]);
    let payload = file.len() - (100_000 + 2 * 16);
    for kept in [payload + 65_536 + 16, payload + 65_536 + 20] {
        let error = open(&identity, &file[..kept]).unwrap_err();
        assert!(matches!(error, AgeError::Io(ErrorKind::UnexpectedEof)), "{kept}: {error:?}");
    }
    for kept in (0..file.len()).step_by(977) {
        assert!(open(&identity, &file[..kept]).is_err(), "{kept}");
    }
    let longer = [file, vec![0]].concat();
    assert!(open(&identity, &longer).is_err());
}

#[test]
fn a_low_order_point_is_no_recipient() {
    let zero: Recipient = crate::text::bech32::encode_key("age", &[0; 32]).parse().unwrap();
    assert!(matches!(encrypt(&[zero], Vec::new()).map(drop), Err(AgeError::Recipient)));
}

#[test]
fn keys_are_read_as_age_keygen_writes_them() {
    // The key pair of the specification's test vectors.
    let text = "# created: 2021\n# public key: age1…\n\nAGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n";
    let identity = Identity::parse_file(text).unwrap().remove(0);
    assert_eq!(*identity.expose(), text.lines().last().unwrap());
    let public = identity.recipient().unwrap().to_string();
    assert_eq!(public, "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj");
    assert_eq!(format!("{identity:?}"), "Identity([secret])");
    assert_eq!(Identity::parse_file("# nothing\n").unwrap_err(), IdentityError::Empty);
    assert_eq!(Identity::parse_file("\nage1abc").unwrap_err(), IdentityError::Malformed(2));
}

#[test]
fn the_header_is_the_one_of_the_format() {
    let file = sealed(&[pair().1], b"");
    let text = String::from_utf8_lossy(&file);
    let lines: Vec<&str> = text.lines().take(4).collect();
    assert_eq!(lines[0], "age-encryption.org/v1");
    assert!(lines[1].starts_with("-> X25519 ") && lines[1].len() == 10 + 43, "{lines:?}");
    assert!(lines[2].len() == 43 && lines[3].starts_with("--- ") && lines[3].len() == 4 + 43, "{lines:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn one_flipped_bit_is_an_error(content in prop::collection::vec(any::<u8>(), 0..60), bit in 0u8..8) {
        let (identity, recipient) = pair();
        let file = sealed(&[recipient], &content);
        for position in 0..file.len() {
            let mut changed = file.clone();
            changed[position] ^= 1 << bit;
            prop_assert!(open(&identity, &changed).is_err(), "byte {position}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), header: bool) {
        let start: &[u8] = if header { b"age-encryption.org/v1\n-> X25519 " } else { b"" };
        let _ = open(&pair().0, &[start, &bytes].concat());
    }
}
