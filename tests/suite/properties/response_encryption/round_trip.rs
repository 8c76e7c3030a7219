//! What is encrypted for a key opens with its private half, and says what it was: by the library that made it, and by
//! the program `openssl`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro::crypto::{ResponseEncryption, ResponseKey, ResponseKeyPair, SecretText};
use proptest::prelude::*;

use crate::support::decrypt::{By, PAIRS, Pair, PrivateKey, openssl_is_there};

/// What a block of the RSA key among the fixtures holds: 256 bytes less 42.
const LIMIT: usize = 214;

fn encrypt(pair: &Pair, form: ResponseEncryption, text: &str) -> String {
    let key = ResponseKey::parse(pair.public, None).unwrap();
    key.encrypt(&SecretText::new(text.into()), form).unwrap()
}

/// The lengths at which something changes, and letters of one to four bytes, which blocks cut through.
fn texts() -> Vec<String> {
    let letters = |length: usize| "x".repeat(length);
    let mut texts: Vec<String> = [0, 1, LIMIT - 1, LIMIT, LIMIT + 1, 2 * LIMIT, 10_000].map(letters).into();
    texts.extend(["\0".into(), "ação".repeat(100), "€".repeat(LIMIT), "🔑".repeat(LIMIT), "a\r\nb\n".into()]);
    texts
}

#[track_caller]
fn opens(by: By) {
    for pair in PAIRS {
        let key = pair.key(by);
        for text in texts() {
            let jwe = encrypt(pair, ResponseEncryption::Jwe, &text);
            assert_eq!(key.open_jwe(&jwe).0, text, "{} {} bytes", pair.name, text.len());
        }
    }
    let (pair, key) = (Pair::named("rsa"), Pair::named("rsa").key(by));
    for text in texts() {
        let value = encrypt(pair, ResponseEncryption::Vendor, &text);
        assert_eq!(key.open_vendor(&value), text, "{} bytes", text.len());
    }
}

#[test]
fn every_form_opens_with_the_private_key() {
    opens(By::AwsLc);
}

#[test]
fn every_form_opens_with_openssl() {
    if openssl_is_there() {
        opens(By::Openssl);
    }
}

#[test]
fn a_generated_pair_is_one() {
    let pair = ResponseKeyPair::generate(ResponseEncryption::Vendor).unwrap();
    let private = PrivateKey::new(pair.private_pem.expose(), By::AwsLc);
    // 384 bytes less 42 in one block, as clients of the older service expect.
    let secret = SecretText::new("x".repeat(342));
    let value = pair.public.encrypt(&secret, ResponseEncryption::Vendor).unwrap();
    assert_eq!(STANDARD.decode(&value).unwrap().len(), 384);
    for form in ResponseEncryption::ALL {
        assert_eq!(private.open(&pair.public.encrypt(&secret, form).unwrap()), secret.expose());
    }
}

#[test]
fn long_values_take_as_many_blocks_as_they_need_and_an_empty_one_takes_one() {
    for (length, blocks) in [(0, 1), (1, 1), (LIMIT, 1), (LIMIT + 1, 2), (2 * LIMIT, 2), (10_000, 47)] {
        let value = encrypt(Pair::named("rsa"), ResponseEncryption::Vendor, &"x".repeat(length));
        assert_eq!(STANDARD.decode(value).unwrap().len(), 256 * blocks, "{length} bytes");
    }
}

#[test]
fn a_jwe_names_its_key_and_how_it_was_made() {
    for pair in PAIRS {
        let public = ResponseKey::parse(pair.public, None).unwrap();
        let jwe = encrypt(pair, ResponseEncryption::Jwe, "x");
        let (_, header) = pair.key(By::AwsLc).open_jwe(&jwe);
        assert_eq!(header["kid"], public.thumbprint());
        let expected = if pair.name == "rsa" { "RSA-OAEP-256" } else { "ECDH-ES" };
        assert_eq!((&header["alg"], header.get("epk").is_some()), (&expected.into(), pair.name != "rsa"));
    }
}

#[test]
fn nothing_is_the_same_twice() {
    for pair in PAIRS {
        let part = |jwe: String, number: usize| jwe.split('.').nth(number).unwrap().to_string();
        let made = [(); 2].map(|()| encrypt(pair, ResponseEncryption::Jwe, "the same"));
        for number in [2, 3, 4] {
            assert_ne!(part(made[0].clone(), number), part(made[1].clone(), number), "{} {number}", pair.name);
        }
        if pair.name != "rsa" {
            assert_ne!(part(made[0].clone(), 0), part(made[1].clone(), 0), "the key made for this once");
        }
    }
    let made = [(); 2].map(|()| encrypt(Pair::named("rsa"), ResponseEncryption::Vendor, "the same"));
    assert_ne!(made[0], made[1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_comes_back(text in "\\PC{0,300}", number in 0..PAIRS.len()) {
        let (pair, rsa) = (&PAIRS[number], Pair::named("rsa"));
        prop_assert_eq!(pair.key(By::AwsLc).open(&encrypt(pair, ResponseEncryption::Jwe, &text)), &text[..]);
        prop_assert_eq!(rsa.key(By::AwsLc).open(&encrypt(rsa, ResponseEncryption::Vendor, &text)), &text[..]);
    }
}
