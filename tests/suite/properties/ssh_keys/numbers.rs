//! A key whose private numbers are of another key of its kind, or wrong, is refused in every format that has them in the
//! clear, although its frame, its MAC and its public key are right.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::programs::{Made, Programs};
use super::{expect_reason, save, vault};

#[actix_web::test]
async fn private_numbers_of_another_key_are_refused() {
    let Some(programs) = Programs::find() else { return };
    let keys = programs.keys();
    let (_app, client) = vault().await;
    let mut refused = [0, 0];
    for (number, key) in keys.iter().enumerate() {
        let kind = key.public.split(' ').next();
        let is_other = |other: &&Made| other.public != key.public && other.public.split(' ').next() == kind;
        for other in keys.iter().cycle().skip(number + 1).take(keys.len()).filter(is_other) {
            let Some((format, text)) = openssh(key, other).or_else(|| putty(key, other)) else { continue };
            let answer = save(&client, "k", &text, None).await;
            expect_reason(&answer, "private_key: is damaged: its private numbers", &text, &key.by);
            refused[format] += 1;
            break;
        }
    }
    assert!(refused[0] > 50 && refused[1] >= 4, "{refused:?}");
}

/// OpenSSH's format repeats modulus and exponent, and has every other number of RSA once.
#[actix_web::test]
async fn wrong_or_empty_numbers_of_rsa_are_refused() {
    let Some(programs) = Programs::find() else { return };
    let (_app, client) = vault().await;
    let keys = programs.keys().iter().filter(|key| key.public.starts_with("ssh-rsa"));
    let mut refused = 0;
    for key in keys {
        let Some((frame, strings)) = openssh_strings(&key.text) else { continue };
        // The private exponent, the coefficient and the primes, after type, modulus and exponent.
        for place in 3..7 {
            let mut odd = strings[place].clone();
            *odd.last_mut().unwrap() ^= 2;
            for number in [Vec::new(), vec![1], odd, strings[place][1..].to_vec()] {
                let mut strings = strings.clone();
                strings[place] = number;
                let text = armored(&frame, &strings);
                let answer = save(&client, "k", &text, None).await;
                expect_reason(&answer, "private_key: ", &text, &key.by);
                refused += 1;
            }
        }
        // As it was, it is a key.
        save(&client, "whole", &armored(&frame, &strings), None).await.expect(201);
    }
    assert!(refused >= 30, "{refused}");
}

/// The key with the private numbers of another one, in OpenSSH's format.
fn openssh(key: &Made, other: &Made) -> Option<(usize, String)> {
    let ((frame, mut strings), (_, others)) = (openssh_strings(&key.text)?, openssh_strings(&other.text)?);
    let public = match strings[0].as_slice() {
        b"ssh-ed25519" => 2,
        _ => 3,
    };
    let comment = strings.len() - 1;
    strings[public..comment].clone_from_slice(&others[public..comment]);
    if strings[0] == b"ssh-ed25519" {
        // The copy of the public key behind the seed is right.
        let (seed, own) = (others[2][..32].to_vec(), strings[1].clone());
        strings[2] = [seed, own].concat();
    }
    Some((0, armored(&frame, &strings)))
}

/// What stands before the private part, and its strings; `None` for an encrypted key or one of another format.
fn openssh_strings(text: &str) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let body = text.split("-----BEGIN OPENSSH PRIVATE KEY-----").nth(1)?.split("-----").next()?;
    let bytes = STANDARD.decode(body.split_whitespace().collect::<String>()).ok()?;
    let mut rest = &bytes[b"openssh-key-v1\0".len()..];
    let [cipher, _, _] = [string(&mut rest)?, string(&mut rest)?, string(&mut rest)?];
    if cipher != b"none" {
        return None;
    }
    rest = &rest[4..];
    string(&mut rest)?;
    let frame = bytes[..bytes.len() - rest.len()].to_vec();
    let mut private = &string(&mut rest)?[8..];
    let mut strings = Vec::new();
    while let Some(string) = string(&mut private) {
        strings.push(string.to_vec());
    }
    Some((frame, strings))
}

/// A key in OpenSSH's format.
fn armored(frame: &[u8], strings: &[Vec<u8>]) -> String {
    let mut private = vec![7; 8];
    strings.iter().for_each(|string| private.extend(framed(string)));
    let padding = (8 - private.len() % 8) % 8;
    private.extend((1..).take(padding));
    let text = STANDARD.encode([frame, &framed(&private)].concat());
    format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{text}\n-----END OPENSSH PRIVATE KEY-----\n")
}

/// The key with the private numbers of another one and the right MAC, in version 3 of PuTTY's format.
fn putty(key: &Made, other: &Made) -> Option<(usize, String)> {
    let is_clear = |key: &Made| key.text.starts_with("PuTTY-User-Key-File-") && key.text.contains("Encryption: none");
    if !is_clear(key) || !is_clear(other) {
        return None;
    }
    let value = |text: &str, name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_string();
    let block = |text: &str, name: &str| {
        let count = value(text, name).parse().unwrap();
        let lines = text.lines().skip_while(|line| !line.starts_with(name)).skip(1).take(count);
        STANDARD.decode(lines.collect::<String>()).unwrap()
    };
    let (public, private) = (block(&key.text, "Public-Lines: "), block(&other.text, "Private-Lines: "));
    let (kind, comment) = (key.public.split(' ').next()?, value(&key.text, "Comment: "));
    let parts = [kind.as_bytes(), b"none", comment.as_bytes(), &public, &private];
    let mut mac = Hmac::<Sha256>::new_from_slice(b"").unwrap();
    mac.update(&parts.map(framed).concat());
    let mac = hex::encode(mac.finalize().into_bytes());
    let (public, private) = (STANDARD.encode(&public), STANDARD.encode(&private));
    Some((
        1,
        format!(
            "PuTTY-User-Key-File-3: {kind}\nEncryption: none\nComment: {comment}\nPublic-Lines: 1\n{public}\n\
             Private-Lines: 1\n{private}\nPrivate-MAC: {mac}\n"
        ),
    ))
}

fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_at_checked(4)?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    let (string, after) = after.split_at_checked(length.try_into().ok()?)?;
    *rest = after;
    Some(string)
}

fn framed(string: &[u8]) -> Vec<u8> {
    [&u32::try_from(string.len()).unwrap().to_be_bytes()[..], string].concat()
}
