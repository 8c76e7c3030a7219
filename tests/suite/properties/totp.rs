//! Codes are those of `oathtool`, however the seed is written.

use std::path::Path;
use std::process::Command;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::support::{Service, TestApp};

const CASES: usize = 100;

/// The base32 of a seed, and the parameters of a code.
#[derive(Clone, Debug)]
struct Seed {
    base32: String,
    digits: u8,
    period: u64,
    algorithm: &'static str,
}

fn seed() -> impl Strategy<Value = Seed> {
    let base32 =
        "[A-Z2-7]{8,64}".prop_filter("a length that base32 has", |text| ![1, 3, 6].contains(&(text.len() % 8)));
    let period = prop_oneof![Just(30), Just(60), 1..=3600u64];
    let algorithm = prop_oneof![Just("SHA1"), Just("SHA256"), Just("SHA512")];
    let parts = (base32, 6..=8u8, period, algorithm);
    parts.prop_map(|(base32, digits, period, algorithm)| Seed { base32, digits, period, algorithm })
}

/// Ways to write the same base32.
fn spelled(base32: &str) -> impl Strategy<Value = String> + use<> {
    let groups = |text: &str, size: usize, between: &str| {
        text.as_bytes().chunks(size).map(String::from_utf8_lossy).collect::<Vec<_>>().join(between)
    };
    let lower = base32.to_ascii_lowercase();
    let padded = format!("{base32}{}", "=".repeat((8 - base32.len() % 8) % 8));
    let grouped = [groups(&lower, 4, "%20"), groups(base32, 4, "-"), groups(base32, 5, "+")];
    let all = [vec![base32.to_string(), lower, padded.replace('=', "%3D"), padded], grouped.to_vec()].concat();
    proptest::sample::select(all)
}

/// Ways to write the same URL.
fn url(seed: Seed) -> impl Strategy<Value = String> {
    let label = proptest::sample::select(vec!["", "/", "/me", "/Some%20Company:me%40corp.example", "/A b: c"]);
    let start = proptest::sample::select(vec!["otpauth://totp", "OTPAUTH://TOTP", "otpauth://Totp"]);
    let more =
        proptest::sample::select(vec!["", "&issuer=A%26B", "&issuer=", "&image=https%3A%2F%2Fa.example&color=1"]);
    let name = seed.algorithm;
    let names = vec![name.to_string(), name.to_lowercase(), name.replace("SHA", "SHA-"), format!("Hmac{name}")];
    let parts = (start, label, more, proptest::sample::select(names), spelled(&seed.base32), any::<[bool; 4]>());
    parts.prop_map(move |(start, label, more, name, secret, [upper, digits, period, algorithm])| {
        let mut parameters = vec![format!("{}={secret}", if upper { "SECRET" } else { "secret" })];
        // What has its default may be left out.
        let mut push = |sent: bool, default: bool, text: String| {
            if sent || !default {
                parameters.push(text);
            }
        };
        push(digits, seed.digits == 6, format!("digits={}", seed.digits));
        push(period, seed.period == 30, format!("period={}", seed.period));
        push(algorithm, seed.algorithm == "SHA1", format!("algorithm={name}"));
        if upper {
            parameters.reverse();
        }
        format!("{start}{label}?{}{more}", parameters.join("&"))
    })
}

fn by_oathtool(program: &Path, seed: &Seed, now: DateTime<Utc>) -> String {
    let algorithm = format!("--totp={}", seed.algorithm);
    let (digits, period) = (seed.digits.to_string(), format!("{}s", seed.period));
    let mut command = Command::new(program);
    command.args([&algorithm, "-b", &seed.base32, "-d", &digits, "-s", &period]);
    let output = command.args(["-N", &now.format("%Y-%m-%d %H:%M:%S UTC").to_string()]).output().unwrap();
    assert!(output.status.success(), "{seed:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().into()
}

#[actix_web::test]
async fn codes_are_those_of_oathtool() {
    let Some(program) = Service::find_program("oathtool") else { return };
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    let mut runner = TestRunner::deterministic();
    let drawn = seed().prop_flat_map(|seed| (Just(seed.clone()), url(seed)));
    for _ in 0..CASES {
        let (seed, url) = drawn.new_tree(&mut runner).unwrap().current();
        let credential = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i",
                                 "additional_settings": { "secret_key": url } });
        client.save_credential(&credential).await;
        let totp = client.get("/iso/pam/credential/i/totp").await.expect(200)["totp"].clone();
        assert_eq!(totp["code"], by_oathtool(&program, &seed, app.clock.now()), "{url}");
        assert_eq!((&totp["period"], &totp["algorithm"]), (&json!(seed.period), &json!(seed.algorithm)), "{url}");
    }
}

/// Lengths that base32 does not have are refused, as oathtool refuses them.
#[actix_web::test]
async fn base32_is_refused_where_oathtool_refuses_it() {
    let Some(program) = Service::find_program("oathtool") else { return };
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    for length in 1..=33 {
        let text = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQZ"[..length].to_string();
        let refused = !Command::new(&program).args(["--totp", "-b", &text]).output().unwrap().status.success();
        let credential = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u",
                                 "additional_settings": { "secret_key": text } });
        let answer = client.post("/iso/pam/credential", &credential).await;
        assert_eq!(answer.status == 400, refused, "{length}: {}", answer.text);
    }
}

/// Texts that oathtool refuses are refused, also one that looks like a number, a word or hexadecimal. The exception is a
/// long text of letters and digits, since the service has one as its example.
#[actix_web::test]
async fn what_is_no_base32_is_refused_but_for_the_example_of_the_service() {
    let Some(program) = Service::find_program("oathtool") else { return };
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    for (text, status) in [
        ("295B3LA1M6LRAHI2S7G1A36LMK6I4IWW", 201),
        ("0", 400),
        ("12345678", 400),
        ("HELLO0", 400),
        ("295B3LA1M6LRAHI", 400),
        ("295b3la1m6lrahi2s7g1a36lmk6i4iww", 400),
        ("1234567890123456", 400),
        ("DEADBEEF0123456789ABCDEF01234567", 400),
    ] {
        assert!(!Command::new(&program).args(["--totp", "-b", text]).output().unwrap().status.success(), "{text}");
        let credential = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u",
                                 "additional_settings": { "secret_key": text } });
        let answer = client.post("/iso/pam/credential", &credential).await;
        assert_eq!(answer.status, status, "{text}: {}", answer.text);
        assert!(text.len() < 6 || !answer.text.contains(text), "{}", answer.text);
    }
}

/// Their codes are not numbers, so oathtool has none of them either.
#[actix_web::test]
async fn seeds_of_steam_are_refused_with_the_reason() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    for seed in [
        "otpauth://totp/Steam:ana?secret=GEZDGNBVGY3TQOJQ&issuer=Steam&encoder=steam",
        "otpauth://totp/Steam:ana?secret=GEZDGNBVGY3TQOJQ&digits=5&Encoder=STEAM",
        "otpauth://steam/Steam:ana?secret=GEZDGNBVGY3TQOJQ",
        "steam://GEZDGNBVGY3TQOJQ",
    ] {
        let credential = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u",
                                 "additional_settings": { "secret_key": seed } });
        let answer = client.post("/iso/pam/credential", &credential).await;
        answer.expect_refusal(400, "secret_key: must be a seed of codes of digits");
    }
}
