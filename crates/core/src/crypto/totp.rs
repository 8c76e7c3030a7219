//! Time-based one-time passwords (RFC 6238), from a seed in base32 or an `otpauth://` URL.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

use super::SecretText;

const DIGITS: RangeInclusive<u8> = 6..=8;
/// The periods of a code, in seconds.
const PERIODS: RangeInclusive<u64> = 1..=3600;
const URL_SCHEME: &str = "otpauth://";
/// The URL of a Steam seed as Bitwarden writes it.
const STEAM_SCHEME: &str = "steam://";
/// The fewest characters of a text that is stored although it is no base32; see [`TotpSeedError::OtherDigits`].
const OTHER_DIGITS_LENGTH: usize = 16;

/// Why a seed gives no code. Contains nothing of the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotpSeedError {
    /// Neither base32 nor an `otpauth://` URL.
    NotBase32,
    /// A long text of upper-case letters and digits, with digits that base32 does not have (RFC 4648, section 6).
    OtherDigits,
    /// Base32 of a length that no number of bytes has.
    CutOff,
    /// A seed of codes that are not numbers, such as those of Steam.
    Encoder,
    /// A URL of another kind, or with parameters that a code cannot be computed with.
    Url,
}

impl TotpSeedError {
    /// The message, without the name of the field.
    pub fn as_str(self) -> &'static str {
        match self {
            TotpSeedError::NotBase32 => {
                "must be base32 (the letters A to Z and the digits 2 to 7) or an `otpauth://totp/` URL"
            }
            TotpSeedError::OtherDigits => "has digits that base32 does not have: 0, 1, 8 or 9",
            TotpSeedError::CutOff => "is cut off: base32 has no text of this length",
            TotpSeedError::Encoder => {
                "must be a seed of codes of digits: other encoders, such as steam, are not supported"
            }
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
        _ if seed.get(..STEAM_SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(STEAM_SCHEME)) => {
            Err(TotpSeedError::Encoder)
        }
        _ => Ok(Builder::new().with_secret(base32(seed)?).build_noncompliant()),
    }
}

/// Parses what follows `otpauth://` in a URL. The label, and parameters that do not change the code, are ignored: issuers
/// write them in every way, and no URL parser takes them all.
fn parse_url(url: &str) -> Result<Totp, TotpSeedError> {
    let (path, query) = url.split_once('?').ok_or(TotpSeedError::Url)?;
    let kind = path.split('/').next().unwrap_or_default();
    // KeePassXC has Steam's codes under `encoder`, Aegis as a kind of its own.
    if kind.eq_ignore_ascii_case("steam") || parameter(query, "encoder")?.is_some() {
        return Err(TotpSeedError::Encoder);
    }
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
    let mut found = None;
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = percent_decode_str(key.trim_start_matches("amp;")).decode_utf8_lossy();
        if !key.eq_ignore_ascii_case(name) {
            continue;
        }
        let value = decoded(value)?;
        if !value.is_empty() && found.replace(value).is_some() {
            return Err(TotpSeedError::Url);
        }
    }
    Ok(found)
}

/// Decodes percent-encoded octets in a buffer that is wiped, which `form_urlencoded` has not. A plus is a space.
fn decoded(value: &str) -> Result<Zeroizing<String>, TotpSeedError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(value.len()));
    bytes.extend(percent_decode_str(value));
    let text = std::str::from_utf8(&bytes).map_err(|_| TotpSeedError::Url)?;
    Ok(Zeroizing::new(text.trim_matches(|c: char| c.is_whitespace() || c == '+').into()))
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
        return Err(if is_other_alphabet(text) { TotpSeedError::OtherDigits } else { TotpSeedError::NotBase32 });
    }
    // Of these lengths there is none: the last character of a byte is missing (RFC 4648, section 6).
    if matches!(text.len() % 8, 1 | 3 | 6) {
        return Err(TotpSeedError::CutOff);
    }
    let upper = Zeroizing::new(text.to_ascii_uppercase());
    Secret::try_from_base32(upper.as_str()).map_err(|_| TotpSeedError::NotBase32)
}

/// Whether a text looks like a seed in another alphabet than base32: too long for a number or a word, and not hexadecimal.
fn is_other_alphabet(text: &str) -> bool {
    text.len() >= OTHER_DIGITS_LENGTH
        && text.chars().all(|c| matches!(c, 'A'..='Z' | '0'..='9'))
        && text.contains(|c| matches!(c, 'G'..='Z'))
}

#[cfg(test)]
mod tests;
