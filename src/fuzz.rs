//! Entry points of fuzzing: each takes any bytes, and must neither panic nor hang. `fuzz/` has the targets of cargo-fuzz, and a
//! test replays its corpus.

use std::sync::OnceLock;

use chaveiro_templates::{Executor, Purpose, Template, lint};
use chrono::DateTime;

use crate::crypto::{
    SecretText, changed_ssh_public_key, check_ssh_pair, check_totp_seed, ssh_key_facts, succeeding_ssh_public_key,
    totp_code,
};
use crate::directory::AccountName;
use crate::http;
use crate::key_set::KeySet;
use crate::network;
use crate::store::DatabaseLocation;
use crate::token::{SigningKey, TokenAuthority, VerifyingKey, claimed_client};
use crate::vault::access::{AllowedOrigins, CertificateFingerprint};

/// A function to fuzz.
pub type Target = fn(&[u8]);

/// The names of the targets with their functions.
pub const TARGETS: [(&str, Target); 17] = [
    ("account_name", account_name),
    ("address", address),
    ("allowed_origins", allowed_origins),
    ("database_url", database_url),
    ("dsm_data", dsm_data),
    ("header", header),
    ("json_object", json_object),
    ("jwt", jwt),
    ("key_set", key_set),
    ("keyfactor_filter", keyfactor_filter),
    ("kv_path", kv_path),
    ("multipart", multipart),
    ("oauth_form", oauth_form),
    ("query", query),
    ("ssh_key", ssh_key),
    ("template", template),
    ("totp_seed", totp_seed),
];

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// Names of accounts.
pub fn account_name(bytes: &[u8]) {
    let _ = AccountName::parse(text(bytes)).and_then(|name| name.qualified());
}

/// Addresses and ranges.
pub fn address(bytes: &[u8]) {
    let text = text(bytes);
    if let Some(range) = network::parse(text) {
        assert!(network::contains(&range, range.addr()));
    }
    let key = network::address_key(text);
    assert_eq!(network::address_key(&key), key);
}

/// The lists of allowed addresses, referers and certificates.
pub fn allowed_origins(bytes: &[u8]) {
    let text = text(bytes);
    let _ = AllowedOrigins::parse(text, "", "");
    let _ = AllowedOrigins::parse("", text, "");
    let _ = AllowedOrigins::parse("", "", text);
    let _ = CertificateFingerprint::parse(text);
}

/// URLs of databases.
pub fn database_url(bytes: &[u8]) {
    let _ = DatabaseLocation::parse(text(bytes));
    let _ = DatabaseLocation::has_password(text(bytes));
}

/// Bodies: JSON objects and arrays, and forms.
pub fn json_object(bytes: &[u8]) {
    http::fuzz_body(text(bytes));
}

/// Access tokens and client assertions.
pub fn jwt(bytes: &[u8]) {
    static AUTHORITY: OnceLock<Option<TokenAuthority>> = OnceLock::new();
    let create = || TokenAuthority::new(&[SigningKey::generate().ok()?], "issuer", "audience").ok();
    if let Some(authority) = AUTHORITY.get_or_init(create) {
        assert!(authority.check(text(bytes), DateTime::UNIX_EPOCH).is_err(), "nobody signed it");
    }
    let _ = claimed_client(text(bytes));
}

/// Public keys of clients and issuers.
pub fn key_set(bytes: &[u8]) {
    let _ = KeySet::parse(text(bytes));
    let _ = VerifyingKey::parse(text(bytes));
}

/// Public and private SSH keys.
pub fn ssh_key(bytes: &[u8]) {
    let secret = SecretText::new(text(bytes).into());
    let _ = ssh_key_facts(text(bytes));
    let _ = check_ssh_pair(&secret, Some(text(bytes)));
    let _ = changed_ssh_public_key(&secret, text(bytes));
    let _ = succeeding_ssh_public_key(&secret, text(bytes));
}

/// Seeds of one-time codes.
pub fn totp_seed(bytes: &[u8]) {
    let seed = SecretText::new(text(bytes).into());
    let _ = check_totp_seed(&seed);
    let _ = totp_code(&seed, DateTime::UNIX_EPOCH);
}

/// Secrets and variables of DevOps Secret Manager.
pub fn dsm_data(bytes: &[u8]) {
    http::fuzz_dsm_data(text(bytes));
}

/// Headers of signed requests and of proxies.
pub fn header(bytes: &[u8]) {
    http::fuzz_header(text(bytes));
}

/// Filters of lists of the Keyfactor routes.
pub fn keyfactor_filter(bytes: &[u8]) {
    http::fuzz_keyfactor_filter(text(bytes));
}

/// Paths of the Vault KV routes.
pub fn kv_path(bytes: &[u8]) {
    http::fuzz_kv_path(text(bytes));
}

/// Forms in parts.
pub fn multipart(bytes: &[u8]) {
    http::fuzz_multipart(bytes);
}

/// Forms of token requests.
pub fn oauth_form(bytes: &[u8]) {
    http::fuzz_oauth_form(text(bytes));
}

/// Queries of searches and lists.
pub fn query(bytes: &[u8]) {
    http::fuzz_query(text(bytes));
}

/// Change templates, parsed and checked. The first byte says of which executor.
pub fn template(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let executor = Executor::ALL[usize::from(*first) % Executor::ALL.len()];
    if let Ok(template) = Template::parse(executor, text(rest)) {
        lint(&template, Purpose::ChangePassword);
    }
}
