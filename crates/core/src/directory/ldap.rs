//! Look-up of accounts in an LDAP server: Active Directory, OpenLDAP. Each look-up opens a connection; look-ups are
//! rare.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use ldap3::{LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, ldap_escape};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use super::{Account, AccountKind, AccountName, Directory, DirectoryError};
use crate::config::{DirectorySettings, LdapSettings};
use crate::crypto::SecretText;
use crate::private_file::{NotPrivate, check_shared_file};
use crate::text::encoding::{self, EncodingError};
use crate::text::without_line_end;

/// An LDAP directory, as configured.
pub(super) struct Ldap {
    settings: LdapSettings,
    domain: String,
}

/// Why a look-up failed. Logged, so it must not contain a password.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the certificates in directory.ldap.ca_file cannot be read")]
    Certificates,
    #[error("directory.ldap.bind_password_file {0}")]
    PasswordFile(NotPrivate),
    #[error("directory.ldap.bind_password_file cannot be read: {0}")]
    Password(std::io::ErrorKind),
    #[error("directory.ldap.bind_password_file {0}")]
    PasswordEncoding(EncodingError),
    #[error("directory.ldap.bind_password_file must have one line, which is the password")]
    PasswordLines,
    #[error("{0}")]
    Server(#[from] LdapError),
    #[error("no answer within directory.ldap.timeout_seconds")]
    Late,
}

impl Ldap {
    pub(super) fn new(settings: &DirectorySettings) -> Self {
        Self { settings: settings.ldap.clone(), domain: settings.domain.clone() }
    }

    /// Whether this directory is responsible for the domain of a name.
    fn is_own(&self, name: &AccountName) -> bool {
        let same = |domain: &String| {
            [&self.domain, &self.settings.dns_domain].iter().any(|own| own.to_lowercase() == domain.to_lowercase())
        };
        name.domain.as_ref().is_none_or(same)
    }

    async fn search(&self, name: &AccountName) -> Result<Option<Account>, Failure> {
        let settings = &self.settings;
        let patience = Duration::from_secs(settings.timeout_seconds.max(1));
        // Before it connects: a file that others may read is refused, whether or not the server answers.
        let password = if settings.bind_dn.is_empty() { None } else { Some(password(settings)?) };
        let mut connection = LdapConnSettings::new().set_conn_timeout(patience).set_starttls(settings.start_tls);
        if !settings.ca_file.as_os_str().is_empty() {
            connection = connection.set_config(tls_config(settings)?);
        }
        let (driver, mut ldap) = LdapConnAsync::with_settings(connection, settings.url.as_str()).await?;
        ldap3::drive!(driver);
        if let Some(password) = password {
            ldap.with_timeout(patience).simple_bind(&settings.bind_dn, password.expose()).await?.success()?;
        }
        let attributes = ["objectClass", &settings.user_attribute, &settings.group_attribute];
        let filter = filter(settings, &name.name);
        let found = ldap.with_timeout(patience).search(&settings.base_dn, Scope::Subtree, &filter, attributes).await?;
        let (entries, _) = found.success()?;
        // A failed unbind is harmless: the server notices the closed connection.
        let _ = ldap.unbind().await;
        let mut accounts: Vec<Account> =
            entries.into_iter().filter_map(|entry| self.account(SearchEntry::construct(entry))).collect();
        match accounts.len() {
            0 | 1 => Ok(accounts.pop()),
            _ => {
                log::warn!(
                    "the directory {} has several accounts with one name, none is used; narrow directory.ldap.base_dn",
                    settings.url
                );
                Ok(None)
            }
        }
    }

    /// Converts an entry to an account. A referral to another server has no class, and is no account.
    fn account(&self, entry: SearchEntry) -> Option<Account> {
        let settings = &self.settings;
        let attribute = |wanted: &str| {
            entry.attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, values)| values.as_slice())
        };
        let is = |class: &str| {
            attribute("objectClass").is_some_and(|classes| classes.iter().any(|own| own.eq_ignore_ascii_case(class)))
        };
        let (kind, holder) = match (is(&settings.user_class), is(&settings.group_class)) {
            (true, _) => (AccountKind::User, &settings.user_attribute),
            (false, true) => (AccountKind::Group, &settings.group_attribute),
            (false, false) => return None,
        };
        let name = attribute(holder)?.first()?;
        Some(Account { name: format!("{}\\{name}", self.domain), kind })
    }
}

impl Directory for Ldap {
    fn find<'a>(&'a self, name: &'a AccountName) -> LocalBoxFuture<'a, Result<Option<Account>, DirectoryError>> {
        Box::pin(async move {
            if !self.is_own(name) {
                return Ok(None);
            }
            // Connecting, binding and searching each have this timeout; together they must not take three times as
            // long.
            let patience = Duration::from_secs(self.settings.timeout_seconds.max(1));
            let searched = tokio::time::timeout(patience, self.search(name)).await;
            searched.unwrap_or(Err(Failure::Late)).map_err(|failure| {
                log::error!("look-up in the directory {} failed: {failure}", self.settings.url);
                DirectoryError
            })
        })
    }
}

/// Builds the search filter. The name is escaped (RFC 4515, section 3), so it cannot change the filter.
fn filter(settings: &LdapSettings, name: &str) -> String {
    let LdapSettings { user_class, user_attribute, group_class, group_attribute, .. } = settings;
    let name = ldap_escape(name);
    format!(
        "(|(&(objectClass={user_class})({user_attribute}={name}))(&(objectClass={group_class})({group_attribute}={name})))"
    )
}

/// Builds a TLS configuration that trusts only the certificates of the settings.
fn tls_config(settings: &LdapSettings) -> Result<Arc<ClientConfig>, Failure> {
    let mut roots = RootCertStore::empty();
    let pem = std::fs::read(&settings.ca_file).map_err(|_| Failure::Certificates)?;
    for certificate in CertificateDer::pem_slice_iter(encoding::skip_byte_order_mark(&pem)) {
        roots.add(certificate.map_err(|_| Failure::Certificates)?).map_err(|_| Failure::Certificates)?;
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

fn password(settings: &LdapSettings) -> Result<SecretText, Failure> {
    check_shared_file(&settings.bind_password_file).map_err(Failure::PasswordFile)?;
    let bytes = std::fs::read(&settings.bind_password_file).map_err(|error| Failure::Password(error.kind()))?;
    parse_password(&Zeroizing::new(bytes))
}

/// An empty password is refused: a server may take a bind with one for an anonymous bind, and report success (RFC 4513,
/// section 5.1.2).
fn parse_password(bytes: &[u8]) -> Result<SecretText, Failure> {
    let text = encoding::secret(bytes).map_err(Failure::PasswordEncoding)?;
    let line = without_line_end(text);
    if line.is_empty() || line.contains(['\r', '\n']) {
        return Err(Failure::PasswordLines);
    }
    Ok(SecretText::new(line.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Settings;

    fn settings() -> LdapSettings {
        Settings::defaults().unwrap().directory.ldap
    }

    #[test]
    fn a_filter_asks_for_users_and_groups_of_the_name() {
        let expected = "(|(&(objectClass=user)(sAMAccountName=jo))(&(objectClass=group)(sAMAccountName=jo)))";
        assert_eq!(filter(&settings(), "jo"), expected);
        assert!(filter(&settings(), "*)(uid=*").contains(r"(sAMAccountName=\2a\29\28uid=\2a)"));
    }

    #[test]
    fn a_password_file_has_one_line_of_utf_8() {
        let read = |bytes: &[u8]| parse_password(bytes).map(|password| password.expose().to_string());
        for (bytes, password) in [(&b"pw"[..], "pw"), (b"pw\n", "pw"), (b"pw\r\n", "pw"), (b" pw \n", " pw ")] {
            assert_eq!(read(bytes).unwrap(), password, "{bytes:?}");
        }
        for (bytes, part) in [
            (&b""[..], "must have one line"),
            (b"\r\n", "must have one line"),
            (b"pw\n\n", "must have one line"),
            (b"\xef\xbb\xbfpw\r\n", "begins with a byte order mark"),
            (b"\xff\xfep\0w\0", "is UTF-16 text"),
            (b"p\xe9", "is not UTF-8 text"),
        ] {
            let message = read(bytes).unwrap_err().to_string();
            assert!(message.starts_with("directory.ldap.bind_password_file ") && message.contains(part), "{message}");
        }
    }

    proptest! {
        #[test]
        fn no_name_leaves_its_place_in_the_filter(name in any::<String>()) {
            let (asked, plain) = (filter(&settings(), &name), filter(&settings(), "x"));
            let structure = |text: &str| text.chars().filter(|c| matches!(c, '(' | ')' | '*' | '\0')).collect::<String>();
            prop_assert_eq!(structure(&asked), structure(&plain));
            // Every backslash begins an escape of two digits, and what they stand for is the name.
            let value = asked.split("(sAMAccountName=").nth(1).unwrap().split(')').next().unwrap();
            let mut bytes = Vec::new();
            let mut rest = value.as_bytes();
            while let [first, after @ ..] = rest {
                if *first == b'\\' {
                    bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
                    rest = &after[2..];
                } else {
                    bytes.push(*first);
                    rest = after;
                }
            }
            prop_assert_eq!(bytes, name.into_bytes());
        }
    }
}
