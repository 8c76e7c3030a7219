//! Time-based one-time passwords (RFC 6238), from a seed in base32 or an `otpauth://` URL.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

use super::SecretText;

const DIGITS: RangeInclusive<u8> = 6..=8;
/// The periods of a code, in seconds.
const PERIODS: RangeInclusive<u64> = 1..=3600;
const URL_SCHEME: &str = "otpauth://";

/// Why a seed gives no code. Contains nothing of the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotpSeedError {
    /// Neither base32 nor an `otpauth://` URL.
    NotBase32,
    /// Upper-case letters and digits, but with digits that base32 does not have (RFC 4648, section 6).
    OtherDigits,
    /// Base32 of a length that no number of bytes has.
    CutOff,
    /// A URL of another kind, or with parameters that a code cannot be computed with.
    Url,
}

impl TotpSeedError {
    /// The message, without the name of the field.
    pub fn as_str(self) -> &'static str {
        match self {
            TotpSeedError::NotBase32 => "must be base32 or an `otpauth://totp/` URL",
            TotpSeedError::OtherDigits => "has digits that base32 does not have: 0, 1, 8 or 9",
            TotpSeedError::CutOff => "is cut off: base32 has no text of this length",
            TotpSeedError::Url => {
                "must be an `otpauth://totp/` URL with secret in base32, and at most one digits (6 to 8), period (1 to \
                 3600) and algorithm (SHA1, SHA256 or SHA512)"
            }
        }
    }
}

/// A code and its parameters.
#[derive(Clone, Debug)]
pub struct TotpCode {
    /// The code, with its leading zeros.
    pub code: SecretText,
    /// The remaining validity in seconds, at least 1.
    pub seconds_left: u64,
    /// The number of digits: 6, 7 or 8.
    pub digits: u8,
    /// The period of a code, in seconds.
    pub period: u64,
    /// `SHA1`, `SHA256` or `SHA512`.
    pub algorithm: &'static str,
}

/// Computes the code of `seed` at `now`.
pub fn totp_code(seed: &SecretText, now: DateTime<Utc>) -> Result<TotpCode, TotpSeedError> {
    let totp = parse(seed.expose())?;
    // Before 1970 there are no codes, and the clock of no vault stands there.
    let second = u64::try_from(now.timestamp()).unwrap_or_default();
    Ok(TotpCode {
        code: SecretText::new(totp.generate(second).to_string()),
        seconds_left: totp.next_step(second) - second,
        digits: totp.digits(),
        period: totp.step(),
        algorithm: match totp.algorithm() {
            Algorithm::SHA256 => "SHA256",
            Algorithm::SHA512 => "SHA512",
            _ => "SHA1",
        },
    })
}

/// Checks that a seed gives codes.
///
/// # Errors
/// What is wrong with the seed.
pub fn check_totp_seed(seed: &SecretText) -> Result<(), TotpSeedError> {
    parse(seed.expose()).map(drop)
}

/// Parses a seed. Short seeds are accepted against the recommendation of the RFC, because services issue them.
fn parse(seed: &str) -> Result<Totp, TotpSeedError> {
    let seed = seed.trim();
    match seed.split_at_checked(URL_SCHEME.len()) {
        Some((scheme, url)) if scheme.eq_ignore_ascii_case(URL_SCHEME) => parse_url(url),
        _ => Ok(Builder::new().with_secret(base32(seed)?).build_noncompliant()),
    }
}

/// Parses what follows `otpauth://` in a URL. The label, and parameters that do not change the code, are ignored: issuers
/// write them in every way, and no URL parser takes them all.
fn parse_url(url: &str) -> Result<Totp, TotpSeedError> {
    let (path, query) = url.split_once('?').ok_or(TotpSeedError::Url)?;
    let kind = path.split('/').next().unwrap_or_default();
    if !kind.eq_ignore_ascii_case("totp") {
        return Err(TotpSeedError::Url);
    }
    let secret = parameter(query, "secret")?.ok_or(TotpSeedError::Url)?;
    let secret = base32(&secret).map_err(|error| match error {
        TotpSeedError::CutOff => error,
        _ => TotpSeedError::Url,
    })?;
    let mut totp = Builder::new().with_secret(secret);
    if let Some(digits) = parameter(query, "digits")? {
        totp = totp.with_digits(within(&digits, &DIGITS)?);
    }
    if let Some(period) = parameter(query, "period")? {
        totp = totp.with_step_duration(within(&period, &PERIODS)?);
    }
    if let Some(name) = parameter(query, "algorithm")? {
        totp = totp.with_algorithm(algorithm(&name)?);
    }
    Ok(totp.build_noncompliant())
}

/// Returns the value of a parameter; an empty one is absent. A URL that was copied out of a page may have `&amp;`.
fn parameter(query: &str, name: &str) -> Result<Option<Zeroizing<String>>, TotpSeedError> {
    let query = query.split('#').next().unwrap_or_default();
    let mut values = form_urlencoded::parse(query.as_bytes())
        .filter(|(found, _)| found.trim_start_matches("amp;").eq_ignore_ascii_case(name))
        .map(|(_, value)| Zeroizing::new(value.trim().to_string()))
        .filter(|value| !value.is_empty());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(TotpSeedError::Url),
    }
}

fn within<T: std::str::FromStr + PartialOrd>(text: &str, range: &RangeInclusive<T>) -> Result<T, TotpSeedError> {
    text.parse().ok().filter(|number| range.contains(number)).ok_or(TotpSeedError::Url)
}

/// Parses the name of an algorithm, written as `SHA1`, `sha-1` or `HmacSHA1`.
fn algorithm(name: &str) -> Result<Algorithm, TotpSeedError> {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    match name.to_ascii_uppercase().trim_start_matches("HMAC") {
        "SHA1" => Ok(Algorithm::SHA1),
        "SHA256" => Ok(Algorithm::SHA256),
        "SHA512" => Ok(Algorithm::SHA512),
        _ => Err(TotpSeedError::Url),
    }
}

/// Decodes base32 as people copy it: in groups, in lower case, with or without padding.
fn base32(seed: &str) -> Result<Secret, TotpSeedError> {
    let mut plain = Zeroizing::new(String::with_capacity(seed.len()));
    plain.extend(seed.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '+')));
    let text = plain.trim_end_matches('=');
    if text.is_empty() || !text.chars().all(|c| matches!(c, 'A'..='Z' | 'a'..='z' | '2'..='7')) {
        let letters_and_digits = !text.is_empty() && text.chars().all(|c| matches!(c, 'A'..='Z' | '0'..='9'));
        return Err(if letters_and_digits { TotpSeedError::OtherDigits } else { TotpSeedError::NotBase32 });
    }
    // Of these lengths there is none: the last character of a byte is missing (RFC 4648, section 6).
    if matches!(text.len() % 8, 1 | 3 | 6) {
        return Err(TotpSeedError::CutOff);
    }
    let upper = Zeroizing::new(text.to_ascii_uppercase());
    Secret::try_from_base32(upper.as_str()).map_err(|_| TotpSeedError::NotBase32)
}

#[cfg(test)]
mod tests {
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
            for (name, seed, expected) in [("SHA1", SHA1, sha1), ("SHA256", SHA256, sha256), ("SHA512", SHA512, sha512)]
            {
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
            format!(
                "otpauth://totp/a?secret={SEED}&image=https%3A%2F%2Fexample.com%2Fa.png&color=%23ff0000&lock=false"
            ),
            format!("otpauth://totp/a?issuer=A&amp;secret={SEED}&amp;digits=6"),
            format!("otpauth://totp/a?secret=&secret={SEED}#fragment"),
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
            ("steam://GEZDGNBV", TotpSeedError::NotBase32),
            ("295B3LA1M6LRAHI2S7G1A36LMK6I4IWW", TotpSeedError::OtherDigits),
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
}
