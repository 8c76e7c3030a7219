//! The comment of a private key is text of its owner, and becomes part of a line in `authorized_keys`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::programs::{Programs, two_fields};
use super::{read, save, vault};

/// Comments, and what a derived public key keeps of them.
const COMMENTS: [(&[u8], &str); 9] = [
    (b"ana@example", "ana@example"),
    (b"  two  words ", "two  words"),
    ("ação".as_bytes(), "ação"),
    (b"a\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA b", ""),
    (b"a\rb", ""),
    (b"\x1b[31mred", ""),
    ("a\u{2028}b".as_bytes(), ""),
    ("a\u{9b}b".as_bytes(), ""),
    (b"caf\xe9", ""),
];

#[actix_web::test]
async fn a_derived_public_key_is_one_line_of_text() {
    let Some(programs) = Programs::find() else { return };
    let (_app, client) = vault().await;
    for (number, (comment, kept)) in COMMENTS.into_iter().enumerate() {
        let text = programs.with_comment(OsStr::from_bytes(comment));
        let name = format!("k{number}");
        save(&client, &name, &text, None).await.expect(201);
        let shown = read(&client, &name).await;
        let public = shown["public_key"].as_str().unwrap();
        let expected = [&programs.public_key(&text).unwrap(), kept].join(" ");
        assert_eq!((public, &shown["comment"]), (expected.trim(), &kept.into()), "{comment:?}");
        assert_eq!(shown["private_key"], text);
    }
}

/// PuTTY before 0.82 wrote comments in the encoding of the system, and its MAC is over their bytes.
#[actix_web::test]
async fn a_comment_in_latin_1_does_not_break_the_mac_of_putty() {
    let Some(programs) = Programs::find() else { return };
    let (_app, client) = vault().await;
    for (number, (kind, version)) in
        [("ed25519", "3"), ("ed25519", "2"), ("ecdsa", "3"), ("rsa", "2")].into_iter().enumerate()
    {
        for (encoding, comment) in [("latin-1", &b"caf\xe9"[..]), ("utf-8", "caf\u{e9} \u{20ac}".as_bytes())] {
            let bytes = programs.putty_with_comment(kind, version, OsStr::from_bytes(comment));
            let text = match encoding {
                "utf-8" => String::from_utf8(bytes).unwrap(),
                _ => bytes.into_iter().map(char::from).collect(),
            };
            let name = format!("k{number}-{encoding}");
            save(&client, &name, &text, None).await.expect(201);
            let shown = read(&client, &name).await;
            assert_eq!(shown["private_key"], text);
            assert!(shown["comment"].as_str().unwrap().starts_with("café"), "{encoding}");
            let changed = text.replacen("caf", "coffe", 1);
            save(&client, "changed", &changed, None)
                .await
                .expect_refusal(400, "private_key: is damaged or was changed");
        }
    }
}

/// ssh-keygen has read the continued header of RFC 4716 for as long as it has written one.
#[actix_web::test]
async fn a_comment_of_rfc_4716_continues_on_the_next_line() {
    let Some(programs) = Programs::find() else { return };
    let (_app, client) = vault().await;
    let key = &programs.keys()[0];
    let base64 = key.public.split(' ').nth(1).unwrap();
    let public = format!(
        "---- BEGIN SSH2 PUBLIC KEY ----\nSubject: ana\nComment: \"This is a long comment: \\\nwith a colon, \\\n\
         and three lines\"\nx-a: b\n{base64}\n---- END SSH2 PUBLIC KEY ----\n"
    );
    assert_eq!(programs.imported("RFC4716", &public), key.public);
    save(&client, "k", &key.text, Some(&public)).await.expect(201);
    let shown = read(&client, "k").await;
    assert_eq!(shown["comment"], "This is a long comment: with a colon, and three lines");
    assert_eq!(two_fields(shown["public_key"].as_str().unwrap()), two_fields(&public));
}
