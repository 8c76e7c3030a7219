//! Using a credential: one request finds it, takes it into custody and returns everything for a login. An addition to the
//! contract.

use serde::{Deserialize, Serialize};

use super::totp::{current_seed, totp};
use super::{ReadCredential, Readable, SealedCredential, resolve, taken};
use crate::clock::{from_micros, to_micros};
use crate::crypto::TotpCode;
use crate::store::StoreError;
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::device::DeviceRow;
use crate::store::id::CredentialId;
use crate::store::list::{self, CredentialSummary};
use crate::text::{case_folded, comma_separated};
use crate::vault::access::Visible;
use crate::vault::device::Device;
use crate::vault::operation::{Done, OperationContext, Permit};
use crate::vault::pagination::{Cursor, CursorPage, Filter, Selection};
use crate::vault::secrets::{self, Sealed, SecretOwner};
use crate::vault::{Field, Noun, Switchable, Vault, VaultError, custody, jit};

/// Maximum number of candidates in the error when several credentials match.
const MAX_CANDIDATES: i64 = 20;

/// Search criteria of a request to use a credential. Every criterion that is sent must match.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct UseInput {
    pub identifier: Option<String>,
    pub hostname: Option<String>,
    pub ip: Option<String>,
    pub username: Option<String>,
    pub tag: Option<String>,
    pub credential_type: Option<String>,
}

/// A credential with everything for a login.
#[derive(Debug)]
pub struct UsedCredential {
    /// The credential with its password.
    pub credential: ReadCredential,
    /// The current one-time password; `None` without a seed.
    pub totp: Option<TotpCode>,
    /// Its device.
    pub device: Device,
}

/// One of several credentials that match a request for one, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Candidate {
    pub id: CredentialId,
    pub identifier: Option<String>,
    pub username: String,
    pub credential_type: String,
    pub tags: String,
    pub hostname: String,
    pub ip: String,
}

/// The result with sealed secrets, as the transaction returns it.
#[derive(Serialize, Deserialize)]
struct SealedUse {
    found: SealedCredential,
    seed: Option<Sealed>,
    /// The time of the one-time password, in microseconds.
    at: i64,
    device: Device,
}

impl Vault {
    /// Finds the one credential that matches, takes it into custody, and returns it with its one-time password and device.
    ///
    /// # Errors
    /// As for reading; [`VaultError::Ambiguous`] when several match; [`VaultError::NotHeld`] for a repeated request whose account
    /// existed only for a time that is over.
    pub async fn use_credential(&self, permit: Permit, input: UseInput) -> Result<UsedCredential, VaultError> {
        self.with_account(&permit, async || self.use_existing(permit.clone(), input.clone()).await).await
    }

    /// As [`Vault::use_credential`], of an account that exists.
    async fn use_existing(&self, permit: Permit, input: UseInput) -> Result<UsedCredential, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| find(context, &input);
        let (used, recorded) = self.execute_idempotent(permit, rule, revalidate).await?;
        let credential = self.unseal_credential(&recorded, used.found).await?;
        let seed = self.unseal_optional(&recorded, used.seed.as_ref()).await?;
        let totp = seed.map(|seed| totp(&seed, from_micros(used.at))).transpose()?;
        Ok(UsedCredential { credential, totp, device: used.device })
    }
}

fn find(context: &mut OperationContext<'_>, input: &UseInput) -> Result<Done<SealedUse>, VaultError> {
    let (row, _) = match &input.identifier {
        Some(identifier) => by_identifier(context, identifier, input)?,
        None => by_search(context, input)?,
    };
    let row = resolve::locked(context, row)?;
    let (row, device) = resolve::readable(context, row, Switchable::Credential)?;
    let id = row.id;
    let readable = Readable::load(context, row, device.clone())?;
    let found = taken(context, readable)?;
    let seed = match current_seed(context, id)? {
        Some((sealed, seed)) => {
            // Refuse an invalid seed: logins without their second factor would fail, and finally lock the account.
            totp(&seed, context.now())?;
            Some(sealed)
        }
        None => None,
    };
    let at = to_micros(context.now());
    Ok(found.map(|found| SealedUse { found, seed, at, device: device.into() }))
}

/// Checks the permission for a stored result: the credential must be visible, active, and free or in the client's custody.
fn revalidate(context: &mut OperationContext<'_>, used: &SealedUse) -> Result<(), VaultError> {
    revalidate_read(context, &used.found)
}

/// As [`revalidate`], for any stored read of a credential's password.
pub(super) fn revalidate_read(context: &mut OperationContext<'_>, read: &SealedCredential) -> Result<(), VaultError> {
    let id = read.credential.id;
    let row = credential::by_id(context.connection(), id)?.ok_or(StoreError::NotFound)?;
    let row = resolve::require_visible(context, row)?;
    let row = resolve::locked(context, row)?;
    let (row, _) = resolve::readable(context, row, Switchable::Credential)?;
    if jit::is_managed(context, id)? {
        // The stored password is that of one account; the next one has another.
        let current = secrets::current(context, SecretOwner::Password(id))?.map(|current| current.binding().version);
        if current.is_none() || current != read.password.as_ref().map(|stored| stored.binding().version) {
            return Err(VaultError::NotHeld);
        }
    }
    custody::take(context, &row).map(drop)
}

/// Returns the credential with `identifier`, if every other criterion matches.
fn by_identifier(
    context: &mut OperationContext<'_>,
    identifier: &str,
    input: &UseInput,
) -> Result<(Visible<CredentialRow>, DeviceRow), VaultError> {
    let rows: Vec<CredentialRow> = credential::by_identifier(context.connection(), identifier)?.into_iter().collect();
    let row = resolve::pick(context, rows, CredentialKind::Password)?;
    let (row, device) = resolve::readable(context, row, Switchable::Credential)?;
    if matches(input, &row, &device) { Ok((row, device)) } else { Err(VaultError::NotFound(Noun::Credential)) }
}

fn matches(input: &UseInput, row: &CredentialRow, device: &DeviceRow) -> bool {
    let exact = |sent: &Option<String>, stored: &str| sent.as_deref().is_none_or(|sent| sent == stored);
    let folded = |sent: &Option<String>, stored: &str| {
        sent.as_deref().is_none_or(|sent| case_folded(sent) == case_folded(stored))
    };
    let has_tag = |tag: &str| comma_separated(&row.tags).any(|item| case_folded(item) == case_folded(tag));
    exact(&input.username, &row.username)
        && input.ip.as_deref().is_none_or(|ip| device.is_at(ip))
        && folded(&input.hostname, &device.hostname)
        && folded(&input.credential_type, &row.credential_type)
        && input.tag.as_deref().is_none_or(has_tag)
}

/// Returns the only visible credential that matches every criterion.
fn by_search(
    context: &mut OperationContext<'_>,
    input: &UseInput,
) -> Result<(Visible<CredentialRow>, DeviceRow), VaultError> {
    let names_device = input.hostname.is_some() || input.ip.is_some();
    let names_credential = input.username.is_some() || input.tag.is_some() || input.credential_type.is_some();
    if !names_device || !names_credential {
        let expected = "send it, or hostname or ip with username, tag or type";
        return Err(VaultError::invalid(Field::Identifier, expected));
    }
    let filter = Filter {
        username: input.username.clone(),
        hostname: input.hostname.clone(),
        ip: input.ip.clone(),
        tag: input.tag.clone(),
        kind: input.credential_type.clone(),
        ..Filter::default()
    };
    let (authorization, page) =
        (context.authorization()?, CursorPage { after: Cursor::new(0), offset: 0, limit: MAX_CANDIDATES });
    let kind = Some(CredentialKind::Password);
    let selection = Selection { filter: &filter, page: Some(page), deadline: None };
    let found = list::credentials(context.connection(), authorization, kind, selection, Candidate::from)?;
    let only = match found.as_slice() {
        [] => return Err(VaultError::NotFound(Noun::Credential)),
        [only] => only.id,
        _ => return Err(VaultError::Ambiguous(found)),
    };
    let row = credential::by_id(context.connection(), only)?.ok_or(StoreError::NotFound)?;
    let row = resolve::pick(context, vec![row], CredentialKind::Password)?;
    let device = resolve::device_of(context, &row)?.ok_or(StoreError::NotFound)?;
    Ok((row, device))
}

impl From<CredentialSummary> for Candidate {
    fn from(row: CredentialSummary) -> Self {
        Self {
            id: row.id,
            identifier: row.identifier,
            username: row.username,
            credential_type: row.credential_type,
            tags: row.tags,
            hostname: row.hostname,
            ip: row.ip,
        }
    }
}

/// Returns a credential as a candidate.
pub(super) fn candidate((row, device): (CredentialRow, DeviceRow)) -> Candidate {
    Candidate {
        id: row.id,
        identifier: row.identifier,
        username: row.username,
        credential_type: row.credential_type,
        tags: row.tags,
        hostname: device.hostname,
        ip: device.ip,
    }
}
