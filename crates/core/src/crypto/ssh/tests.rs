use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use ssh_key::EcdsaCurve;

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        (
            SecretText::new(include_str!(concat!("../../../../../tests/suite/fixtures/ssh/", $name)).into()),
            include_str!(concat!("../../../../../tests/suite/fixtures/ssh/", $name, ".pub")),
        )
    };
}

fn flaw_of(private: &str) -> Option<KeyFlaw> {
    match check_ssh_pair(&SecretText::new(private.into()), None) {
        Err(SshKeyError::PrivateKey(flaw)) => Some(flaw),
        _ => None,
    }
}

fn public_flaw(public: &str) -> Option<KeyFlaw> {
    public_key::read(public).err()
}

#[test]
fn a_pair_is_recognised_and_its_public_key_derived() {
    for (private, public) in
        [fixture!("ed25519"), fixture!("ecdsa"), fixture!("rsa"), fixture!("encrypted"), fixture!("pkcs1")]
    {
        assert_eq!(check_ssh_pair(&private, Some(public)), Ok(public.into()));
        let derived = check_ssh_pair(&private, None).unwrap();
        assert_eq!(derived.split(' ').nth(1).unwrap().trim(), public.split(' ').nth(1).unwrap());
    }
}

#[test]
fn line_ends_and_text_around_do_not_matter() {
    let (private, public) = fixture!("ed25519");
    let windows = SecretText::new(format!("\u{feff}\r\na\r\n{}\r\nb", private.expose().replace('\n', "\r\n")));
    assert!(check_ssh_pair(&windows, Some(&format!(" {public}\r\n"))).is_ok());
}

#[test]
fn a_private_key_of_another_pair_is_refused() {
    let ((private, _), (_, public)) = (fixture!("ed25519"), fixture!("rsa"));
    assert_eq!(check_ssh_pair(&private, Some(public)), Err(SshKeyError::PublicKey(KeyFlaw::OtherPair)));
    let ((private, _), (_, public)) = (fixture!("pkcs1"), fixture!("rsa"));
    assert_eq!(check_ssh_pair(&private, Some(public)), Err(SshKeyError::PublicKey(KeyFlaw::OtherPair)));
}

#[test]
fn what_is_no_private_key_is_refused_with_the_reason() {
    let (private, public) = fixture!("ed25519");
    let private = private.expose();
    let lines: Vec<&str> = private.lines().collect();
    let other_header = private.replace("OPENSSH", "RSA");
    for (text, expected) in [
        ("", KeyFlaw::NoPrivateKey),
        ("hunter2", KeyFlaw::NoPrivateKey),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", KeyFlaw::CutOff),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----", KeyFlaw::Malformed),
        ("-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----", KeyFlaw::NotBase64),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", KeyFlaw::IsCertificate),
        ("PuTTY-User-Key-File-3: ssh-ed25519", KeyFlaw::Malformed),
        (public, KeyFlaw::IsPublic),
        (&private[..120], KeyFlaw::CutOff),
        (&lines.join(" "), KeyFlaw::NoLineBreaks),
        (&[&lines[..2], &lines[3..]].concat().join("\n"), KeyFlaw::NotBase64),
        (&other_header, KeyFlaw::OtherFormat),
        (&format!("{private}{private}"), KeyFlaw::SeveralKeys),
    ] {
        assert_eq!(flaw_of(text), Some(expected), "{text}");
    }
}

/// Every character of the base64, replaced: the public key, the private one, their frame, or the padding shows it. Only
/// the comment is free.
#[test]
fn a_character_that_changed_is_found() {
    let (private, _) = fixture!("ed25519");
    let (header, rest) = private.expose().split_once('\n').unwrap();
    let (content, footer) = rest.split_once("-----").unwrap();
    let mut accepted = 0;
    for at in content.match_indices(|c: char| c.is_ascii_alphanumeric()).map(|(at, _)| at) {
        let other = if &content[at..=at] == "A" { "B" } else { "A" };
        let changed = format!("{header}\n{}{other}{}-----{footer}", &content[..at], &content[at + 1..]);
        accepted += usize::from(flaw_of(&changed).is_none());
    }
    // "made for tests" in base64.
    assert!(accepted <= 20, "{accepted}");
}

#[test]
fn a_public_key_is_read_in_every_spelling() {
    let (_, public) = fixture!("ed25519");
    let key = public.split(' ').nth(1).unwrap();
    for (text, comment) in [
        (format!("ssh-ed25519 {key}"), ""),
        (format!("\n\t ssh-ed25519\t{key}\t a b \r\n\r\n"), "a b"),
        (format!("# a key\nssh-ed25519   {key}  c\n"), "c"),
        (format!(r#"from="10.0.0.1",command="echo \"a b\"" ssh-ed25519 {key} c"#), "c"),
        (format!("no-pty ssh-ed25519 {key}"), ""),
        (format!("---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"a b\"\n{key}\n---- END SSH2 PUBLIC KEY ----\n"), "a b"),
    ] {
        let facts = ssh_key_facts(&text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((facts.algorithm.as_str(), facts.comment.as_str()), ("ssh-ed25519", comment), "{text}");
    }
}

#[test]
fn what_is_no_public_key_is_refused_with_the_reason() {
    let (private, public) = fixture!("ed25519");
    let key = public.split(' ').nth(1).unwrap();
    let cut = &key[..key.len() - 4];
    for (text, expected) in [
        ("", KeyFlaw::NoPublicKey),
        ("# ssh-ed25519", KeyFlaw::NoPublicKey),
        ("hunter2", KeyFlaw::NoPublicKey),
        ("ssh-ed25519", KeyFlaw::NoPublicKey),
        ("ssh-ed25519 nonsense", KeyFlaw::NoPublicKey),
        (&format!("ssh-rsa {key}"), KeyFlaw::NoPublicKey),
        (&format!("ssh-ed25519 {cut}"), KeyFlaw::Malformed),
        (&format!("{public}{public}"), KeyFlaw::SeveralLines),
        (private.expose(), KeyFlaw::IsPrivate),
        ("PuTTY-User-Key-File-3: ssh-ed25519", KeyFlaw::IsPrivate),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", KeyFlaw::IsCertificate),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", KeyFlaw::Malformed),
        ("ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29t", KeyFlaw::IsCertificate),
        ("ssh-ed448 AAAACXNzaC1lZDQ0OA==", KeyFlaw::UnknownType),
    ] {
        assert_eq!(public_flaw(text), Some(expected), "{text}");
    }
}

#[test]
fn the_facts_are_those_of_ssh_keygen() {
    let sizes = [
        (fixture!("ed25519").1, "ssh-ed25519", 256),
        (fixture!("ecdsa").1, "ecdsa-sha2-nistp256", 256),
        (fixture!("rsa").1, "ssh-rsa", 2048),
    ];
    for (public, algorithm, bits) in sizes {
        let facts = ssh_key_facts(public).unwrap();
        assert_eq!((facts.algorithm.as_str(), facts.bits), (algorithm, Some(bits)));
        assert!(facts.fingerprint.starts_with("SHA256:") && facts.fingerprint.len() == 50);
        assert_eq!(facts.comment, "made for tests");
    }
    assert_eq!(ssh_key_facts("nonsense"), None);
}

/// A public key of these strings, as a line.
fn line(strings: &[&[u8]]) -> String {
    let mut blob = Vec::new();
    strings.iter().for_each(|string| wire::push_string(&mut blob, string).unwrap());
    format!("{} {} c", std::str::from_utf8(strings[0]).unwrap(), STANDARD.encode(blob))
}

fn armored(label: &str, content: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(content))
}

fn ecdsa_point(curve: EcdsaCurve) -> (EcdsaKeyPair, Vec<u8>) {
    let pair = EcdsaKeyPair::generate(numbers::signing(curve)).unwrap();
    let point = pair.public_key().as_ref().to_vec();
    (pair, point)
}

#[test]
fn only_the_algorithms_of_ssh_are_read() {
    let (_, point) = ecdsa_point(EcdsaCurve::NistP256);
    let fido = |name: &str| line(&[name.as_bytes(), b"nistp256", &point, b"ssh:"]);
    let key = ssh_key_facts(&fido("sk-ecdsa-sha2-nistp256@openssh.com")).unwrap();
    assert_eq!((key.algorithm.as_str(), key.bits), ("sk-ecdsa-sha2-nistp256@openssh.com", Some(256)));
    // ssh-keygen prints the same fingerprint for the name that browsers sign with.
    assert_eq!(ssh_key_facts(&fido("webauthn-sk-ecdsa-sha2-nistp256@openssh.com")), Some(key));
    let ed25519 = line(&[b"sk-ssh-ed25519@openssh.com", &[7; 32], b"ssh:"]);
    assert_eq!(ssh_key_facts(&ed25519).unwrap().algorithm, "sk-ssh-ed25519@openssh.com");
    for name in ["ssh-ed25519@example.com", "sk-ssh-ed25519@example.com", "ssh-xmss@openssh.com", "a@b", "@", "ssh-foo"]
    {
        assert_eq!(public_flaw(&line(&[name.as_bytes(), &[7; 32]])), Some(KeyFlaw::UnknownType), "{name}");
    }
    for name in ["ssh-ed25519", "ssh-rsa", "sk-ssh-ed25519", "ecdsa-sha2-nistp521"] {
        let name = format!("{name}-cert-v01@openssh.com");
        assert_eq!(public_flaw(&line(&[name.as_bytes(), &[7; 32]])), Some(KeyFlaw::IsCertificate), "{name}");
    }
}

#[test]
fn a_point_is_on_its_curve_and_uncompressed() {
    for (curve, name) in [(EcdsaCurve::NistP256, "nistp256"), (EcdsaCurve::NistP521, "nistp521")] {
        let (_, point) = ecdsa_point(curve);
        let algorithm = format!("ecdsa-sha2-{name}");
        let line = |point: &[u8]| line(&[algorithm.as_bytes(), name.as_bytes(), point]);
        assert_eq!(public_flaw(&line(&point)), None);
        let mut other = point.clone();
        *other.last_mut().unwrap() ^= 1;
        let compressed = [&[2 + point.last().unwrap() % 2], &point[1..point.len() / 2 + 1]].concat();
        for point in [&other, &compressed, &vec![4; point.len()]] {
            assert_eq!(public_flaw(&line(point)), Some(KeyFlaw::Malformed), "{curve}");
        }
    }
}

#[test]
fn a_modulus_has_a_largest_size() {
    let modulus = |bits: usize| [&[0, 0x80 >> ((8 - bits % 8) % 8)][..], &vec![1; bits.div_ceil(8) - 1]].concat();
    let line = |modulus: &[u8]| line(&[b"ssh-rsa", &[1, 0, 1], modulus]);
    assert_eq!(ssh_key_facts(&line(&modulus(16384))).unwrap().bits, Some(16384));
    assert_eq!(public_flaw(&line(&[&[0, 1, 0][..], &vec![1; 2047]].concat())), Some(KeyFlaw::Malformed));
    assert_eq!(public_flaw(&line(&[&[1, 0][..], &vec![1; 2047]].concat())), Some(KeyFlaw::TooLarge));
    let pkcs1 = |bits: usize| {
        let number =
            |bytes: &[u8]| [&[2, 0x82], &u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
        let mut content = [&[2, 1, 0][..], &number(&modulus(bits))].concat();
        (0..7).for_each(|_| content.extend([2, 1, 3]));
        let header = [&[0x30, 0x82], &u16::try_from(content.len()).unwrap().to_be_bytes()[..]].concat();
        flaw_of(&armored("RSA PRIVATE KEY", &[header, content].concat()))
    };
    assert_eq!(pkcs1(16384), Some(KeyFlaw::Inconsistent));
    assert_eq!(pkcs1(16392), Some(KeyFlaw::TooLarge));
    for bytes in [vec![], vec![0x80; 256]] {
        assert_eq!(public_flaw(&line(&bytes)), Some(KeyFlaw::Malformed));
    }
}

/// The public key that PKCS #8 and SEC 1 may repeat is of the same pair.
#[test]
fn a_repeated_public_key_of_another_pair_is_refused() {
    let (pair, point) = ecdsa_point(EcdsaCurve::NistP256);
    let der: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
    assert_eq!(flaw_of(&armored("EC PRIVATE KEY", der.as_ref())), None);
    let (_, other) = ecdsa_point(EcdsaCurve::NistP256);
    let start = der.as_ref().windows(65).position(|window| window == point).unwrap();
    let changed = [&der.as_ref()[..start], &other, &der.as_ref()[start + 65..]].concat();
    assert_eq!(flaw_of(&armored("EC PRIVATE KEY", &changed)), Some(KeyFlaw::Inconsistent));

    let [own, other] = [(); 2].map(|()| Ed25519KeyPair::generate().unwrap());
    let der = own.to_pkcs8().unwrap();
    assert_eq!(flaw_of(&armored("PRIVATE KEY", der.as_ref())), None);
    let (start, point) = der.as_ref().split_at(der.as_ref().len() - 32);
    assert_eq!(point, own.public_key().as_ref());
    let changed = [start, other.public_key().as_ref()].concat();
    assert_eq!(flaw_of(&armored("PRIVATE KEY", &changed)), Some(KeyFlaw::Inconsistent));
}

#[test]
fn an_encrypted_key_is_refused_with_what_its_frame_shows() {
    let (encrypted, _) = fixture!("encrypted_pem");
    let text = encrypted.expose();
    assert_eq!(flaw_of(text), None);
    let (short, cipher) = (&text[..text.rfind("\n--").unwrap() - 4], "AES-128-CBC");
    let short = format!("{short}\n-----END RSA PRIVATE KEY-----");
    for (text, expected) in [
        (short.clone(), Some(KeyFlaw::Malformed)),
        (short.replace(cipher, "AES-128-CFB"), None),
        (text.replace("4,ENCRYPTED", "4, ENCRYPTED"), None),
        (text.replace("4,ENCRYPTED", "4,MIC-ONLY"), Some(KeyFlaw::UnknownCipher)),
        (text.replace("DEK-Info", "DEK-Data"), Some(KeyFlaw::UnknownCipher)),
        (text.replace(&format!("{cipher},"), cipher), Some(KeyFlaw::UnknownCipher)),
        (text.replace(&format!("{cipher},"), &format!("{cipher},xx")), Some(KeyFlaw::UnknownCipher)),
        (text.replace("RSA PRIVATE", "PRIVATE"), Some(KeyFlaw::OtherFormat)),
    ] {
        assert_eq!(flaw_of(&text), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(private in any::<String>(), public in any::<String>()) {
        let _ = check_ssh_pair(&SecretText::new(private.clone()), Some(&public));
        for label in ["OPENSSH PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"] {
            let wrapped = format!("-----BEGIN {label}-----\n{private}\n-----END {label}-----");
            let _ = check_ssh_pair(&SecretText::new(wrapped), None);
        }
        let putty = format!("PuTTY-User-Key-File-3: {private}");
        let _ = check_ssh_pair(&SecretText::new(putty), None);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
        let _ = openssh::public_key(&[b"openssh-key-v1\0", bytes.as_slice()].concat());
        for label in ["RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"] {
            let _ = der::public_key(label, &bytes);
        }
    }
}

#[test]
fn a_succeeding_public_key_has_the_options_and_the_comment_of_the_one_before() {
    let (private, public) = fixture!("ed25519");
    let words: Vec<&str> = public.split_whitespace().take(2).collect();
    let key = words.join(" ");
    let (_, other) = fixture!("ecdsa");
    let other: Vec<&str> = other.split_whitespace().take(2).collect();
    let other = other.join(" ");
    for (replaced, expected) in [
        (format!("{other} jo@host of old\n"), format!("{key} jo@host of old")),
        (other.clone(), key.clone()),
        (
            format!("# a key\nfrom=\"10.0.0.0/8\",command=\"echo \\\"a b\\\"\"  {other} jo"),
            format!("from=\"10.0.0.0/8\",command=\"echo \\\"a b\\\"\"  {key} jo"),
        ),
        (format!("no-pty {other}"), format!("no-pty {key}")),
        ("no key at all".into(), succeeding_ssh_public_key(&private, "").unwrap()),
        (format!("{other}\n{other}"), succeeding_ssh_public_key(&private, "").unwrap()),
    ] {
        assert_eq!(succeeding_ssh_public_key(&private, &replaced), Ok(expected), "{replaced}");
    }
}
