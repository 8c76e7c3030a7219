//! Time-based one-time passwords (RFC 6238), from a seed in base32 or an `otpauth://` URL.

use chrono::{DateTime, Utc};
use totp_rs::{Algorithm, Builder, Secret, Totp};

use super::SecretText;

/// The maximum period, in seconds.
const MAX_PERIOD_SECONDS: u64 = 3600;

/// The error of an invalid seed: not base32, or an `otpauth://` URL of another kind. It has no details, because the
/// seed is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a TOTP seed")]
pub struct TotpSeedError;

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
    let second = u64::try_from(now.timestamp()).map_err(|_| TotpSeedError)?;
    Ok(TotpCode {
        code: SecretText::new(totp.generate(second).to_string()),
        seconds_left: totp.next_step(second) - second,
        digits: totp.digits(),
        period: totp.step(),
        algorithm: match totp.algorithm() {
            Algorithm::SHA1 => "SHA1",
            Algorithm::SHA256 => "SHA256",
            Algorithm::SHA512 => "SHA512",
            _ => return Err(TotpSeedError),
        },
    })
}

/// Parses a seed. Short seeds are accepted against the recommendation of the RFC, because services issue them.
fn parse(seed: &str) -> Result<Totp, TotpSeedError> {
    let seed = seed.trim();
    let totp = if seed.starts_with("otpauth://") {
        Totp::from_url_unchecked(seed).map_err(|_| TotpSeedError)?
    } else {
        Builder::new().with_secret(base32(seed)?).build_noncompliant()
    };
    let sound = (6..=8).contains(&totp.digits()) && (1..=MAX_PERIOD_SECONDS).contains(&totp.step());
    if sound { Ok(totp) } else { Err(TotpSeedError) }
}

/// Decodes base32 as people copy it: in groups, in lower case, with or without padding.
fn base32(seed: &str) -> Result<Secret, TotpSeedError> {
    let plain: String = seed.chars().filter(|c| !matches!(c, ' ' | '-' | '=')).collect();
    if plain.is_empty() {
        return Err(TotpSeedError);
    }
    Secret::try_from_base32(plain.to_ascii_uppercase()).map_err(|_| TotpSeedError)
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

    #[test]
    fn what_is_no_seed_is_refused() {
        for seed in [
            "",
            "===",
            "295B3LA1M6LRAHI2S7G1A36LMK6I4IWW",
            "otpauth://hotp/a?secret=GEZDGNBV",
            "otpauth://totp/a",
            "otpauth://totp/a?secret=1",
            "otpauth://totp/a?secret=GEZDGNBV&digits=9",
            "otpauth://totp/a?secret=GEZDGNBV&digits=0",
            "otpauth://totp/a?secret=GEZDGNBV&period=0",
            "otpauth://totp/a?secret=GEZDGNBV&algorithm=MD5",
        ] {
            assert_eq!(code(seed, 59).unwrap_err(), TotpSeedError, "{seed}");
        }
    }

    proptest! {
        #[test]
        fn no_seed_makes_it_panic(seed in any::<String>(), second in 0i64..4_000_000_000) {
            let _ = code(&seed, second);
            let _ = code(&format!("otpauth://totp/{seed}"), second);
        }
    }
}
