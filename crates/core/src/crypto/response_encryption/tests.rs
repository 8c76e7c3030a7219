//! The vectors of the RFCs, and the keys that are not taken. Round trips stand in `tests/suite/answers`, where there is
//! a decryption.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use spki::der::Document;

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../../../tests/suite/fixtures/answer/", $name, ".pem"))
    };
}

fn refusal(pem: &str) -> ResponseKeyError {
    ResponseKey::parse(pem, None).unwrap_err()
}

/// The fixture with one change to its DER.
fn changed(pem: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut der = Document::from_pem(pem).unwrap().1.into_vec();
    change(&mut der);
    super::pem("PUBLIC KEY", &der).unwrap()
}

#[test]
fn rfc_7516_appendix_a_1() {
    let content_key = [
        177, 161, 244, 128, 84, 143, 225, 115, 63, 180, 3, 255, 107, 154, 212, 246, 138, 7, 110, 91, 112, 46, 34, 105,
        47, 130, 203, 46, 122, 234, 64, 252,
    ];
    let iv = [227, 197, 117, 252, 2, 219, 233, 68, 180, 225, 77, 219];
    let text = "The true sign of intelligence is not knowledge but imagination.";
    let expected = concat!(
        "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.",
        "OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGeipsEdY3mx_etLbbWSrFr05kLzcSr4qKAq7YN7e9jwQRb2",
        "3nfa6c9d-StnImGyFDbSv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwam_lDp5XnZAYpQdb76FdIKLaVmqgfwX7XWRxv2322i-vDxRfqNz",
        "o_tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv0je81860ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi6UklfCp",
        "IMfIjf7iGdXKHzg.",
        "48V1_ALb6US04U3b.",
        "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A.",
        "XFBoMYUZodetZdvTiFvSkQ",
    );
    let wrapped = URL_SAFE_NO_PAD.decode(expected.split('.').nth(1).unwrap()).unwrap();
    let header = r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#;
    let made = jwe::compact(header, &wrapped, &content_key, iv, &SecretText::new(text.into())).unwrap();
    assert_eq!(made, expected);
}

#[test]
fn rfc_7518_appendix_c() {
    let shared = [
        158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163, 218, 128, 106,
        72, 246, 218, 167, 121, 140, 254, 144, 196,
    ];
    let key = jwe::derived_key(&shared, "A128GCM", [b"Alice", b"Bob"], 16);
    assert_eq!(URL_SAFE_NO_PAD.encode(&*key), "VqqN6vgjbSBcIijNcacQGg");
}

#[test]
fn rfc_7638_section_3_1() {
    let modulus = concat!(
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3o",
        "knjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZH",
        "zu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEg",
        "U8awapJzKnqDKgw",
    );
    let modulus = URL_SAFE_NO_PAD.decode(modulus).unwrap();
    assert_eq!(public_key::rsa_thumbprint(&modulus, &[1, 0, 1]), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn a_key_says_which_forms_it_can_have() {
    let rsa = ResponseKey::parse(fixture!("rsa.pub"), None).unwrap();
    assert_eq!(rsa.form(), ResponseEncryption::Vendor);
    assert!(ResponseEncryption::ALL.into_iter().all(|form| rsa.supports(form)));
    assert_eq!(
        ResponseKey::parse(fixture!("rsa.pub"), Some(ResponseEncryption::Jwe)).unwrap().form(),
        ResponseEncryption::Jwe
    );
    let secret = SecretText::new("s".into());
    for pem in [fixture!("p256.pub"), fixture!("p384.pub"), fixture!("p521.pub"), fixture!("x25519.pub")] {
        let key = ResponseKey::parse(pem, None).unwrap();
        assert_eq!((key.form(), key.supports(ResponseEncryption::Vendor)), (ResponseEncryption::Jwe, false));
        assert_eq!(key.encrypt(&secret, ResponseEncryption::Vendor), Err(SealError));
        let refused = ResponseKey::parse(pem, Some(ResponseEncryption::Vendor));
        assert_eq!(refused.unwrap_err(), ResponseKeyError::VendorNeedsRsa);
    }
}

#[test]
fn what_is_kept_is_read_again() {
    for pem in [fixture!("rsa.pub"), fixture!("p521.pub"), fixture!("x25519.pub")] {
        let first = ResponseKey::parse(&format!("\n  {}\n", pem.replace('\n', "\r\n")), None).unwrap();
        let second = ResponseKey::parse(first.pem(), Some(first.form())).unwrap();
        assert_eq!((first.pem(), first.thumbprint()), (second.pem(), second.thumbprint()));
        assert_eq!(first.pem(), pem);
    }
}

#[test]
fn private_keys_are_refused_wherever_they_stand() {
    for pem in [fixture!("rsa"), fixture!("p256"), fixture!("x25519")] {
        assert_eq!(refusal(pem), ResponseKeyError::Private);
        assert_eq!(refusal(&format!("{}{pem}", fixture!("rsa.pub"))), ResponseKeyError::Private);
    }
    assert_eq!(refusal("-----BEGIN OPENSSH PRIVATE KEY-----"), ResponseKeyError::Private);
}

#[test]
fn other_keys_are_refused_by_what_they_are() {
    for pem in ["", "a", fixture!("rsa-pkcs1.pub"), &fixture!("rsa.pub").replace("PUBLIC KEY", "CERTIFICATE")] {
        assert_eq!(refusal(pem), ResponseKeyError::Malformed, "{pem}");
    }
    assert_eq!(refusal(&fixture!("rsa.pub").repeat(2)), ResponseKeyError::Malformed);
    assert_eq!(refusal(&fixture!("rsa.pub")[..200]), ResponseKeyError::Malformed);
    assert_eq!(refusal(fixture!("rsa1024.pub")), ResponseKeyError::Size);
    assert_eq!(refusal(fixture!("secp256k1.pub")), ResponseKeyError::Algorithm);
    assert_eq!(refusal(fixture!("ed25519.pub")), ResponseKeyError::Algorithm);
}

#[test]
fn numbers_that_would_give_the_secret_away_are_refused() {
    // The last five bytes are the exponent; those before it that count the length shrink with it.
    let with_exponent = |exponent: &[u8]| {
        changed(fixture!("rsa.pub"), |der| {
            der.truncate(der.len() - 5);
            der.extend([&[2, exponent.len() as u8], exponent].concat());
            [3, 22, 27].into_iter().for_each(|at| der[at] -= 3 - exponent.len() as u8);
        })
    };
    for sound in [&[1, 0, 1][..], &[3]] {
        ResponseKey::parse(&with_exponent(sound), None).unwrap();
    }
    // With the exponent 1 a block would be what it hides.
    for unsound in [&[1][..], &[0], &[1, 0, 0]] {
        assert_eq!(refusal(&with_exponent(unsound)), ResponseKeyError::Unsound, "{unsound:?}");
    }
    let even = changed(fixture!("rsa.pub"), |der| {
        let last = der.len() - 6;
        der[last] &= 0xfe;
    });
    assert_eq!(refusal(&even), ResponseKeyError::Unsound);
    let beside_the_curve = changed(fixture!("p256.pub"), |der| *der.last_mut().unwrap() ^= 1);
    assert_eq!(refusal(&beside_the_curve), ResponseKeyError::Unsound);
    assert_eq!(refusal(fixture!("p256-compressed.pub")), ResponseKeyError::Unsound);
    // The point 0 leads every agreement to 0.
    let zero = changed(fixture!("x25519.pub"), |der| {
        let start = der.len() - 32;
        der[start..].fill(0);
    });
    assert_eq!(refusal(&zero), ResponseKeyError::Unsound);
}

#[test]
fn nothing_prints_a_generated_private_key() {
    let pair = ResponseKeyPair::generate(ResponseEncryption::Jwe).unwrap();
    assert_eq!(pair.public.form(), ResponseEncryption::Jwe);
    assert!(pair.private_pem.expose().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let shown = format!("{pair:?}");
    assert!(shown.contains("[secret]") && !shown.contains("PRIVATE"), "{shown}");
}

proptest! {
    #[test]
    fn no_text_makes_the_reading_panic(text in any::<String>()) {
        let _ = ResponseKey::parse(&text, None);
    }

    #[test]
    fn no_damage_to_a_key_makes_it_panic(at in 0..294usize, byte in any::<u8>()) {
        let damaged = changed(fixture!("rsa.pub"), |der| der[at] = byte);
        let _ = ResponseKey::parse(&damaged, None).map(|key| key.encrypt(&SecretText::new("s".into()), key.form()));
    }
}
