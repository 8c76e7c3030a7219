use proptest::prelude::*;

use super::*;

fn code(seed: &str, second: i64) -> Result<TotpCode, TotpSeedError> {
    totp_code(&SecretText::new(seed.into()), DateTime::from_timestamp(second, 0).unwrap())
}

/// RFC 6238, appendix B: eight digits, a seed of 20, 32 or 64 bytes.
#[test]
fn the_vectors_of_the_rfc() {
    const SHA1: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    const SHA256: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA";
    const SHA512: &str =
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA";
    let vectors = [
        (59, "94287082", "46119246", "90693936"),
        (1_111_111_109, "07081804", "68084774", "25091201"),
        (1_111_111_111, "14050471", "67062674", "99943326"),
        (1_234_567_890, "89005924", "91819424", "93441116"),
        (2_000_000_000, "69279037", "90698825", "38618901"),
        (20_000_000_000, "65353130", "77737706", "47863826"),
    ];
    for (second, sha1, sha256, sha512) in vectors {
        for (name, seed, expected) in [("SHA1", SHA1, sha1), ("SHA256", SHA256, sha256), ("SHA512", SHA512, sha512)] {
            let url = format!("otpauth://totp/erp?secret={seed}&algorithm={name}&digits=8");
            let found = code(&url, second).unwrap();
            assert_eq!((found.code.expose(), found.algorithm, found.digits), (expected, name, 8));
        }
    }
}

#[test]
fn a_bare_seed_gives_six_digits_for_thirty_seconds() {
    let found = code("gezd gnbv gy3t qojq gezd gnbv gy3t qojq", 59).unwrap();
    assert_eq!((found.code.expose(), found.seconds_left, found.period), ("287082", 1, 30));
    assert_eq!(code("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 60).unwrap().seconds_left, 30);
}

#[test]
fn a_url_says_digits_and_period() {
    let found = code("otpauth://totp/A:b?secret=GEZDGNBVGY3TQOJQ&digits=7&period=60&issuer=A", 61).unwrap();
    assert_eq!((found.code.expose().len(), found.digits, found.period, found.seconds_left), (7, 7, 60, 59));
}

/// One seed, as issuers and people write it.
#[test]
fn a_url_is_read_in_every_spelling() {
    const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    for url in [
        format!("otpauth://totp/Some%20Company:me%40corp.example?secret={SEED}&issuer=Microsoft"),
        format!("otpauth://totp/Some Company: me@corp.example?secret={SEED}&issuer=Some Company"),
        format!("otpauth://totp/A%3Ab%3Ac?secret={SEED}&issuer=A%26B"),
        format!("otpauth://totp/Ação#1 [x] %zz?secret={SEED}"),
        format!("otpauth://totp/?secret={SEED}"),
        format!("otpauth://totp?secret={SEED}"),
        format!("OTPAUTH://TOTP/a?SECRET={SEED}&Digits=6&PERIOD=30&Algorithm=sha1"),
        format!("otpauth://totp/a?secret={}", SEED.to_ascii_lowercase()),
        "otpauth://totp/a?secret=gezd+gnbv+gy3t+qojq+gezd+gnbv+gy3t+qojq".into(),
        "otpauth://totp/a?secret=GEZD%20GNBV-GY3T%2BQOJQ%09GEZDGNBVGY3TQOJQ".into(),
        format!("otpauth://totp/a?secret={SEED}===="),
        format!("otpauth://totp/a?secret={SEED}%3D%3D%3D%3D&algorithm=SHA-1"),
        format!("otpauth://totp/a?algorithm=HmacSHA1&period=&digits=&issuer=&secret={SEED}"),
        format!("otpauth://totp/a?secret={SEED}&image=https%3A%2F%2Fexample.com%2Fa.png&color=%23ff0000&lock=false"),
        format!("otpauth://totp/a?issuer=A&amp;secret={SEED}&amp;digits=6"),
        format!("otpauth://totp/a?secret=&secret={SEED}#fragment"),
        format!("otpauth://totp/a?encoder=&secret={SEED}&digits=6+&period=%2030"),
        format!("  otpauth://totp/a?digits= 6 &secret={SEED}\r\n"),
    ] {
        let found = code(&url, 59).unwrap_or_else(|error| panic!("{url}: {error:?}"));
        assert_eq!((found.code.expose(), found.algorithm), ("287082", "SHA1"), "{url}");
    }
    for (name, expected) in [("sha256", "SHA256"), ("SHA-512", "SHA512"), ("HMAC-SHA-256", "SHA256")] {
        let url = format!("otpauth://totp/a?secret={SEED}&algorithm={name}");
        assert_eq!(code(&url, 59).unwrap().algorithm, expected);
    }
}

#[test]
fn what_is_no_seed_is_refused_with_the_reason() {
    for (seed, expected) in [
        ("", TotpSeedError::NotBase32),
        ("===", TotpSeedError::NotBase32),
        ("GEZD=GNBV", TotpSeedError::NotBase32),
        ("gezdgnb1", TotpSeedError::NotBase32),
        ("otpauth-migration://offline?data=GEZD", TotpSeedError::NotBase32),
        ("steam://GEZDGNBV", TotpSeedError::Encoder),
        ("Steam://GEZDGNBV", TotpSeedError::Encoder),
        ("otpauth://steam/Steam:a?secret=GEZDGNBV&digits=5", TotpSeedError::Encoder),
        ("otpauth://totp/Steam:a?secret=GEZDGNBV&digits=5&issuer=Steam&encoder=steam", TotpSeedError::Encoder),
        ("otpauth://totp/a?ENCODER=Steam&secret=GEZDGNBV", TotpSeedError::Encoder),
        ("otpauth://totp/a?secret=GEZD%FFGNBV", TotpSeedError::Url),
        ("295B3LA1M6LRAHI2S7G1A36LMK6I4IWW", TotpSeedError::OtherDigits),
        ("295B 3LA1 M6LR AHI2", TotpSeedError::OtherDigits),
        ("295B3LA1M6LRAHI", TotpSeedError::NotBase32),
        ("295b3la1m6lrahi2s7g1a36lmk6i4iww", TotpSeedError::NotBase32),
        ("0", TotpSeedError::NotBase32),
        ("12345678", TotpSeedError::NotBase32),
        ("HELLO0", TotpSeedError::NotBase32),
        ("1234567890123456", TotpSeedError::NotBase32),
        ("3132333435363738393031323334353637383930", TotpSeedError::NotBase32),
        ("DEADBEEF0123456789ABCDEF01234567", TotpSeedError::NotBase32),
        ("G", TotpSeedError::CutOff),
        ("MZX", TotpSeedError::CutOff),
        ("mzx w6y", TotpSeedError::CutOff),
        ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQG", TotpSeedError::CutOff),
        ("otpauth://totp/a?secret=MZX", TotpSeedError::CutOff),
        ("otpauth://totp/a?secret=GEZDGNB1", TotpSeedError::Url),
        ("otpauth://hotp/a?secret=GEZDGNBV&counter=1", TotpSeedError::Url),
        ("otpauth://totp/a", TotpSeedError::Url),
        ("otpauth://totp/a?secret=", TotpSeedError::Url),
        ("otpauth://totp/a?secret=GEZDGNBV&secret=MZXW6YTB", TotpSeedError::Url),
        ("otpauth://totp/a?secret=GEZDGNBV&digits=5", TotpSeedError::Url),
        ("otpauth://totp/a?secret=GEZDGNBV&digits=9", TotpSeedError::Url),
        ("otpauth://totp/a?secret=GEZDGNBV&digits=six", TotpSeedError::Url),
        ("otpauth://totp/a?secret=GEZDGNBV&period=0", TotpSeedError::Url),
        ("otpauth://totp/a?secret=GEZDGNBV&period=3601", TotpSeedError::Url),
        ("otpauth://totp/a?secret=GEZDGNBV&algorithm=MD5", TotpSeedError::Url),
    ] {
        assert_eq!(code(seed, 59).unwrap_err(), expected, "{seed}");
    }
}

proptest! {
    #[test]
    fn no_seed_makes_it_panic(seed in any::<String>(), second in 0i64..4_000_000_000) {
        let _ = code(&seed, second);
        let _ = code(&format!("otpauth://totp/{seed}"), second);
        let _ = code(&format!("otpauth://totp/?secret=GEZDGNBV&{seed}"), second);
    }
}
