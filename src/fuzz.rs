//! Entry points of fuzzing: each takes any bytes, and must neither panic nor hang. `fuzz/` has the targets of cargo-fuzz, and a
//! test replays its corpus.

mod dialogue;

pub use dialogue::template_dialogue;

use std::io::Read;
use std::sync::OnceLock;

use chaveiro_targets::fuzz as targets;
use chaveiro_templates::{Executor, Purpose, Template, lint};
use chrono::DateTime;

use crate::crypto::age::{self, Identity, Recipient};
use crate::crypto::{
    ResponseKey, RootKeyShare, SecretText, changed_ssh_public_key, check_ssh_pair, check_totp_seed, ssh_key_facts,
    succeeding_ssh_public_key, totp_code,
};
use crate::directory::AccountName;
use crate::http;
use crate::key_set::KeySet;
use crate::network;
use crate::store::DatabaseLocation;
use crate::token::{DpopTarget, SigningKey, TokenAuthority, VerifyingKey, claimed_client, verify_dpop_proof};
use crate::vault;
use crate::vault::access::{AllowedOrigins, CertificateFingerprint};

/// A function to fuzz.
pub type Target = fn(&[u8]);

/// The names of the targets with their functions.
pub const TARGETS: [(&str, Target); 32] = [
    ("account_name", account_name),
    ("address", address),
    ("age_file", age_file),
    ("age_key", age_key),
    ("allowed_origins", allowed_origins),
    ("authorized_keys", authorized_keys),
    ("backup", backup),
    ("certificate", certificate),
    ("connectivities", connectivities),
    ("database_url", database_url),
    ("dpop_proof", dpop_proof),
    ("dsm_data", dsm_data),
    ("header", header),
    ("json_object", json_object),
    ("jwt", jwt),
    ("key_set", key_set),
    ("keyfactor_filter", keyfactor_filter),
    ("kv_path", kv_path),
    ("ldap_answer", ldap_answer),
    ("multipart", multipart),
    ("mysql_packets", mysql_packets),
    ("oauth_form", oauth_form),
    ("passwd_dialogue", passwd_dialogue),
    ("query", query),
    ("response_key", response_key),
    ("share", share),
    ("ssh_key", ssh_key),
    ("template", template),
    ("template_dialogue", template_dialogue),
    ("totp_seed", totp_seed),
    ("transit_key", transit_key),
    ("workload_token", workload_token),
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

/// Files of age, header and content, after a line with the identity.
pub fn age_file(bytes: &[u8]) {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let identities = Identity::parse_file(text(&bytes[..end])).unwrap_or_default();
    let mut content = Vec::new();
    let _ = age::decrypt(&identities, &bytes[end + 1..]).map(|mut reader| reader.read_to_end(&mut content));
}

/// Public keys and files of identities, for backups.
pub fn age_key(bytes: &[u8]) {
    let text = text(bytes);
    if let Ok(recipient) = text.parse::<Recipient>() {
        assert_eq!(recipient.to_string().parse().ok(), Some(recipient));
    }
    let _ = Identity::parse_file(text);
}

/// Files of authorized keys on a target.
pub fn authorized_keys(bytes: &[u8]) {
    targets::authorized_keys(bytes);
}

/// The content of a backup.
pub fn backup(bytes: &[u8]) {
    vault::backup::fuzz_content(bytes);
}

/// Certificates of clients: in the header of a proxy, and in DER.
pub fn certificate(bytes: &[u8]) {
    http::fuzz_certificate(bytes);
}

/// Protocols and ports of a device.
pub fn connectivities(bytes: &[u8]) {
    vault::device::fuzz_connectivities(text(bytes));
}

/// DPoP proofs.
pub fn dpop_proof(bytes: &[u8]) {
    let urls: Vec<_> = "https://vault.example/oauth2/token".parse().into_iter().collect();
    let target = DpopTarget { method: "POST", urls: &urls, token: None };
    let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default();
    let _ = verify_dpop_proof(text(bytes), target, at);
}

/// What directories answer.
pub fn ldap_answer(bytes: &[u8]) {
    targets::ldap_answer(bytes);
}

/// What MySQL servers send.
pub fn mysql_packets(bytes: &[u8]) {
    targets::mysql_packets(bytes);
}

/// What `passwd` writes on a target.
pub fn passwd_dialogue(bytes: &[u8]) {
    targets::passwd_dialogue(bytes);
}

/// Public keys of encrypted responses.
pub fn response_key(bytes: &[u8]) {
    let _ = ResponseKey::parse(text(bytes), None);
}

/// Shares of a root key.
pub fn share(bytes: &[u8]) {
    if let Ok(share) = RootKeyShare::parse(text(bytes)) {
        assert!(share.text().expose().eq_ignore_ascii_case(text(bytes).trim()));
    }
}

/// Keys of robots that secrets are encrypted for.
pub fn transit_key(bytes: &[u8]) {
    http::fuzz_transit_key(text(bytes));
}

/// Tokens of workloads.
pub fn workload_token(bytes: &[u8]) {
    vault::access::workload::fuzz_token(text(bytes));
}
