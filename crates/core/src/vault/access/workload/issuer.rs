//! Trusted issuers.

use chrono::{DateTime, Utc};

use super::super::application::{checked_name, taken};
use crate::clock::from_micros;
use crate::key_set::{FetchError, KeyDocument, KeyLocation, KeySet, KeySetError};
use crate::store::meta;
use crate::store::trusted_issuer::{self, NewTrustedIssuer, TrustedIssuerRow};
use crate::text::is_control;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Field, Noun, Vault, VaultError};

/// The greatest number of issuers, disabled ones included.
const MAX_ISSUERS: usize = 64;
/// The longest issuer or audience, in bytes.
const MAX_LENGTH: usize = 512;
/// The largest key set or bundle of certificates that is stored, in bytes.
const MAX_DOCUMENT: usize = 256 * 1024;

/// Parameters of a request to trust an issuer.
#[derive(Clone, Debug)]
pub struct IssuerRequest {
    /// A name for lists and commands.
    pub name: String,
    /// The claim `iss` of its tokens, exactly.
    pub issuer: String,
    /// What the claim `aud` of its tokens must be or contain.
    pub audience: String,
    /// Where its keys are.
    pub keys: KeySource,
    /// Certificates in PEM of the authorities that the server of its keys is trusted by; `None`: those of the system.
    pub ca_pem: Option<String>,
    /// Whether the server of its keys may have a private or loopback address.
    pub allow_private: bool,
    /// Whether a token may be presented several times. Otherwise it needs a `jti`.
    pub reusable_tokens: bool,
}

/// Where the keys of an issuer are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// As the configuration of the issuer says (OpenID Connect Discovery).
    Discovery,
    /// At a URL.
    Url(String),
    /// In this JWK set.
    Jwks(String),
}

/// A trusted issuer.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct IssuerSummary {
    pub name: String,
    pub issuer: String,
    pub audience: String,
    /// `discovery`, a URL, or `file`.
    pub keys: String,
    pub allow_private: bool,
    pub reusable_tokens: bool,
    pub rules: usize,
    pub active: bool,
    pub created_at: DateTime<Utc>,
}

impl Vault {
    /// Trusts an issuer. It admits nobody until it has a rule.
    ///
    /// # Errors
    /// [`VaultError::Invalid`]; [`VaultError::Taken`] for the name of another issuer, or the issuer and audience of another;
    /// [`VaultError::TooMany`].
    pub async fn create_issuer(&self, permit: Permit, request: IssuerRequest) -> Result<(), VaultError> {
        let own = self.issuer();
        let rule = move |context: &mut OperationContext<'_>| {
            let name = checked_name(&request.name)?;
            check_identifier(Field::Issuer, &request.issuer)?;
            check_identifier(Field::Audience, &request.audience)?;
            if request.issuer == own {
                let expected = "must not be this vault: its own tokens are no proof of another workload";
                return Err(VaultError::invalid(Field::Issuer, expected));
            }
            check_keys(&request)?;
            let others = trusted_issuer::all(context.connection())?;
            if others.len() >= MAX_ISSUERS {
                return Err(VaultError::TooMany(Noun::TrustedIssuer));
            }
            if others.iter().any(|other| other.issuer == request.issuer && other.audience == request.audience) {
                let expected = "expected one that no other trusted issuer has together with the same audience";
                return Err(VaultError::invalid(Field::Issuer, expected));
            }
            let (url, jwks) = match &request.keys {
                KeySource::Discovery => (None, None),
                KeySource::Url(url) => (Some(url.as_str()), None),
                KeySource::Jwks(jwks) => (None, Some(jwks.as_str())),
            };
            let row = NewTrustedIssuer {
                name,
                issuer: &request.issuer,
                audience: &request.audience,
                jwks_url: url,
                jwks,
                ca_pem: request.ca_pem.as_deref(),
                allow_private: request.allow_private,
                reusable_tokens: request.reusable_tokens,
                active: true,
                created_at: context.micros(),
            };
            if others.iter().any(|other| other.name == name) {
                return Err(VaultError::Taken(Noun::TrustedIssuer));
            }
            let id = trusted_issuer::insert(context.connection(), &row).map_err(taken(Noun::TrustedIssuer))?;
            meta::increment_change_mark(context.connection())?;
            Ok(Done::new(Subject::TrustedIssuer(id), ()))
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Lists the trusted issuers.
    pub async fn issuers(&self, permit: Permit) -> Result<Vec<IssuerSummary>, VaultError> {
        let list = |context: &mut OperationContext<'_>| {
            let rules = trusted_issuer::rules(context.connection())?;
            let summary = |row: TrustedIssuerRow| IssuerSummary {
                rules: rules.iter().filter(|rule| rule.trusted_issuer_id == row.id).count(),
                keys: match (row.jwks_url, row.jwks) {
                    (Some(url), _) => url,
                    (None, Some(_)) => "file".into(),
                    (None, None) => "discovery".into(),
                },
                name: row.name,
                issuer: row.issuer,
                audience: row.audience,
                allow_private: row.allow_private,
                reusable_tokens: row.reusable_tokens,
                active: row.active,
                created_at: from_micros(row.created_at),
            };
            let summaries = trusted_issuer::all(context.connection())?.into_iter().map(summary).collect();
            Ok(Done::new(Subject::Collection, summaries))
        };
        self.query(permit, list).await
    }

    /// Disables an issuer: its tokens are not accepted any more. Access tokens that were issued for them stay valid until they
    /// expire or their authorization is disabled.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn disable_issuer(&self, permit: Permit, name: &str) -> Result<(), VaultError> {
        let name = name.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = existing(context, &name)?;
            trusted_issuer::set_active(context.connection(), row.id, false)?;
            changed(context, &row)
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Removes an issuer and its rules.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn remove_issuer(&self, permit: Permit, name: &str) -> Result<(), VaultError> {
        let name = name.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = existing(context, &name)?;
            trusted_issuer::delete(context.connection(), row.id)?;
            changed(context, &row)
        };
        self.execute_and_refresh(permit, rule).await
    }
}

/// Finds an issuer by its name.
pub(super) fn existing(context: &mut OperationContext<'_>, name: &str) -> Result<TrustedIssuerRow, VaultError> {
    let row = trusted_issuer::by_name(context.connection(), name)?.ok_or(VaultError::NotFound(Noun::TrustedIssuer))?;
    context.found(Subject::TrustedIssuer(row.id));
    Ok(row)
}

/// Notifies every node of a changed issuer.
fn changed(context: &mut OperationContext<'_>, row: &TrustedIssuerRow) -> Result<Done<()>, VaultError> {
    meta::increment_change_mark(context.connection())?;
    Ok(Done::new(Subject::TrustedIssuer(row.id), ()))
}

/// Checks an issuer or an audience. It is compared exactly, so nothing is trimmed.
fn check_identifier(field: Field, text: &str) -> Result<(), VaultError> {
    let well_formed = |c: char| !is_control(c) && !c.is_whitespace();
    if text.is_empty() || text.len() > MAX_LENGTH || !text.chars().all(well_formed) {
        return Err(VaultError::invalid(field, "expected 1 to 512 bytes without white space"));
    }
    Ok(())
}

fn check_keys(request: &IssuerRequest) -> Result<(), VaultError> {
    let invalid = |expected| Err(VaultError::invalid(Field::IssuerKeys, expected));
    let document = match &request.keys {
        KeySource::Jwks(text) => {
            if request.ca_pem.is_some() || request.allow_private {
                return invalid("a key set in a file is not fetched, so it needs neither authorities nor addresses");
            }
            if text.len() > MAX_DOCUMENT {
                return invalid("must not be larger than 256 KiB");
            }
            return KeySet::parse(text).map(drop).or_else(|error| invalid(key_set_message(error)));
        }
        KeySource::Discovery => KeyDocument::Discovery(request.issuer.clone()),
        KeySource::Url(url) => KeyDocument::KeySet(url.clone()),
    };
    if request.ca_pem.as_ref().is_some_and(|pem| pem.len() > MAX_DOCUMENT) {
        return invalid("certificates must not be larger than 256 KiB");
    }
    let location = KeyLocation { document, ca_pem: request.ca_pem.clone(), allow_private: request.allow_private };
    match location.check() {
        Ok(()) => Ok(()),
        Err(FetchError::Url) if request.keys == KeySource::Discovery => {
            invalid("the issuer is no https URL, so its keys need a URL or a file of their own")
        }
        Err(FetchError::Url) => invalid("expected an https URL with a host, without user, password and fragment"),
        Err(FetchError::Address(_)) => {
            invalid("the address is private, of this machine or reserved; private ones need --allow-private")
        }
        Err(_) => invalid("expected certificates of authorities in PEM"),
    }
}

fn key_set_message(error: KeySetError) -> &'static str {
    match error {
        KeySetError::NotASet => "expected a JWK set: a JSON object with the array keys",
        KeySetError::TooMany => "expected a JWK set of at most 100 keys",
        KeySetError::PrivateKey => "expected public keys only; this JWK set has a private or symmetric key",
        KeySetError::NoUsableKey => {
            "expected a JWK set with a key for signatures: RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519"
        }
    }
}
