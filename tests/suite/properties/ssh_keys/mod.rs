//! Keys that ssh-keygen, openssl and puttygen have just made are taken, in every wrapping, and come back to the byte.
//! Broken ones are refused, with the field and the reason.

mod comments;
mod numbers;
mod programs;
mod text;

use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient};
use programs::{Made, Programs, two_fields};
use text::{DAMAGES, WRAPPINGS, damaged, flipped, wrapped};

async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("erp-01", "10.20.30.50").await;
    (app, client)
}

async fn save(client: &TestClient, identifier: &str, private: &str, public: Option<&str>) -> Answer {
    let key = json!({ "hostname": "erp-01", "ip": "10.20.30.50", "identifier": identifier,
                      "private_key": private, "public_key": public });
    client.post("/iso/pam/key", &key).await
}

async fn read(client: &TestClient, identifier: &str) -> Value {
    client.get(&format!("/iso/pam/key/{identifier}")).await.expect(200)["key"].clone()
}

#[actix_web::test]
async fn fresh_keys_are_taken_in_every_wrapping_and_come_back_to_the_byte() {
    let Some(programs) = Programs::find() else { return };
    let keys = programs.keys();
    let (_app, client) = vault().await;
    let short = keys.iter().filter(|key| key.by.contains("ecdsa -b 521")).count();
    assert!(keys.len() >= 200 && short >= 40, "{} keys, {short} of 521 bits", keys.len());
    for (number, key) in keys.iter().enumerate() {
        // As it is, and in two of the other wrappings.
        let wrappings = [0, 1 + number % (WRAPPINGS - 1), 1 + (number / 3 + 5) % (WRAPPINGS - 1)];
        for (turn, wrapping) in wrappings.into_iter().enumerate() {
            let Some(text) = wrapped(key, wrapping) else { continue };
            let told = format!("{}, wrapping {wrapping}", key.by);
            let (name, sent) = (format!("k{number}-{turn}"), (turn > 0).then_some(key.public.as_str()));
            let answer = save(&client, &name, &text, sent).await;
            if sent.is_none() && !key.derivable {
                answer.expect_number(1013);
                continue;
            }
            assert_eq!(answer.status, 201, "{told}: {}", answer.text);
            let shown = read(&client, &name).await;
            assert_eq!(shown["private_key"], text, "{told}");
            assert_eq!(two_fields(shown["public_key"].as_str().unwrap()), key.public, "{told}");
        }
    }
}

#[actix_web::test]
async fn damaged_keys_are_refused_with_the_field_and_the_reason() {
    let Some(programs) = Programs::find() else { return };
    let keys = programs.keys();
    let (_app, client) = vault().await;
    let mut refused = 0;
    for (number, key) in keys.iter().enumerate() {
        let other = &keys[(number + 7) % keys.len()];
        for damage in [DAMAGES[number % DAMAGES.len()], DAMAGES[(number / 4 + 3) % DAMAGES.len()]] {
            let Some(text) = damaged(key, other, damage, number * 31) else { continue };
            let answer = save(&client, "k", &text, Some(&key.public)).await;
            expect_reason(&answer, "private_key: ", &text, &format!("{}: {damage}", key.by));
            refused += 1;
        }
        if key.derivable && key.public != other.public {
            let answer = save(&client, "k", &key.text, Some(&other.public)).await;
            expect_reason(&answer, "public_key: does not belong", &key.text, &key.by);
            refused += 1;
        }
        let answer = save(&client, "k", &key.public, Some(&key.public)).await;
        expect_reason(&answer, "private_key: is a public key", &key.public, &key.by);
        let answer = save(&client, "k", &key.text, Some(&key.text)).await;
        expect_reason(&answer, "public_key: is a private key", &key.text, &key.by);
    }
    assert!(refused > 300, "{refused}");
    assert_eq!(client.get("/iso/pam/key").await.expect(200)["keys"], json!([]));
}

/// A character that changed may be in the comment. Then the key is still of the same pair, and ssh-keygen takes it too.
#[actix_web::test]
async fn a_changed_character_is_refused_where_ssh_keygen_refuses_it() {
    let Some(programs) = Programs::find() else { return };
    let keys = programs.keys();
    let (_app, client) = vault().await;
    let (mut refused, mut taken) = (0, 0);
    // ssh-keygen does not read PuTTY's format, whose MAC shows every change.
    let is_clear = |key: &&Made| key.derivable && (key.readable || key.text.contains("Encryption: none"));
    for (number, key) in keys.iter().filter(is_clear).enumerate() {
        let text = flipped(key, number * 17);
        let answer = save(&client, "k", &text, None).await;
        let reference = programs.public_key(&text);
        if answer.status == 400 {
            expect_reason(&answer, "private_key: ", &text, &key.by);
            refused += 1;
        } else {
            assert!(reference.is_some(), "{} is taken, ssh-keygen refuses it", key.by);
            let public = read(&client, "k").await["public_key"].clone();
            assert_eq!(two_fields(public.as_str().unwrap()), reference.unwrap(), "{}", key.by);
            taken += 1;
        }
    }
    assert!(refused > 3 * taken, "{refused} refused, {taken} taken");
}

#[actix_web::test]
async fn public_keys_are_taken_in_the_formats_that_ssh_keygen_imports() {
    let Some(programs) = Programs::find() else { return };
    let keys = programs.keys();
    let (_app, client) = vault().await;
    for (number, key) in keys.iter().step_by(9).enumerate() {
        for format in ["RFC4716", "PKCS8", "PEM"] {
            let is_ed25519 = key.public.starts_with("ssh-ed25519");
            let is_rsa = key.public.starts_with("ssh-rsa");
            if (is_ed25519 && format != "RFC4716") || (format == "PEM" && !is_rsa) {
                continue;
            }
            let public = programs.exported(format, &key.public);
            assert_eq!(programs.imported(format, &public), key.public);
            let name = format!("k{number}-{format}");
            save(&client, &name, &key.text, Some(&public)).await.expect(201);
            let shown = read(&client, &name).await;
            assert_eq!(shown["public_key"], public);
            assert_eq!(shown["algorithm"], key.public.split(' ').next().unwrap());
        }
    }
}

/// The point of an ECDSA key has more than one form in X.509; ssh-keygen imports all of them.
#[actix_web::test]
async fn public_points_are_taken_in_every_form() {
    let Some(programs) = Programs::find() else { return };
    let (_app, client) = vault().await;
    let keys = programs.keys().iter().filter(|key| key.by.starts_with("ecparam -genkey -noout"));
    for (number, key) in keys.enumerate() {
        for form in ["uncompressed", "compressed", "hybrid"] {
            for parameters in ["named_curve", "explicit"] {
                let public = programs.public_pem(&key.text, form, parameters);
                assert_eq!(programs.imported("PKCS8", &public), key.public);
                let name = format!("k{number}-{form}-{parameters}");
                save(&client, &name, &key.text, Some(&public)).await.expect(201);
                assert_eq!(read(&client, &name).await["algorithm"], key.public.split(' ').next().unwrap());
            }
        }
    }
    let other = programs.other_curve();
    let answer = save(&client, "k", &programs.keys()[0].text, Some(&other)).await;
    expect_reason(&answer, "public_key: is of an unknown type", &other, "secp256k1");
}

#[track_caller]
fn expect_reason(answer: &Answer, start: &str, sent: &str, told: &str) {
    assert_eq!(answer.status, 400, "{told}: {}", answer.text);
    let message = answer.json()["response"]["message"].as_str().unwrap().to_string();
    assert!(message.starts_with(&format!("Invalid parameter {start}")), "{told}: {message}");
    let echoed = sent.split_whitespace().find(|word| word.len() > 12 && answer.text.contains(word));
    assert_eq!(echoed, None, "{told}");
}
