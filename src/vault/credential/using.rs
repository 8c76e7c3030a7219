//! Using a credential: one call, for robots, that finds it, takes it into custody and brings all that a login needs. An
//! addition to the contract.

use serde::{Deserialize, Serialize};

use super::{Found, ReadCredential, note_view, object, resolve, take_out, totp_of};
use crate::crypto::{SecretKind, TotpCode};
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::device::DeviceRow;
use crate::store::list::{self, Filter, Page};
use crate::store::{folded, items};
use crate::vault::device::Device;
use crate::vault::secrets::{self, Sealed};
use crate::vault::{Action, Call, InvalidInput, Vault, VaultError, Work};

/// How many candidates are told of when several credentials match.
const CANDIDATES: i64 = 20;

/// What a robot knows of the credential that it needs. Everything that is sent has to fit.
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

/// A credential with what a login needs.
#[derive(Debug)]
pub struct UsedCredential {
    /// The credential with its password.
    pub credential: ReadCredential,
    /// The present one-time password; `None` when there is no seed.
    pub totp: Option<TotpCode>,
    /// Its device.
    pub device: Device,
}

/// A credential that a request for one could have meant: no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Candidate {
    pub id: i32,
    pub identifier: Option<String>,
    pub username: String,
    pub credential_type: String,
    pub tags: String,
    pub hostname: String,
    pub ip: String,
}

/// What the job hands out.
#[derive(Serialize, Deserialize)]
struct Using {
    found: Found,
    seed: Option<Sealed>,
    /// The moment that the code is of, in microseconds.
    at: i64,
    device: DeviceRow,
}

impl Vault {
    /// Finds the one credential that fits, takes it into custody, and brings it with its one-time password and device.
    ///
    /// # Errors
    /// As for reading; [`VaultError::Ambiguous`] when several fit; [`VaultError::TotpSeedUnusable`].
    pub async fn use_credential(
        &self,
        call: &Call,
        input: Result<UseInput, VaultError>,
    ) -> Result<UsedCredential, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| find_and_bring_out(work, input.as_ref().map_err(Clone::clone)?);
        let Using { found, seed, at, device } = self.perform_once(call, Action::CredentialUse, rule).await?;
        let credential = self.open_found(call, Action::CredentialUse, found).await?;
        let totp = match &seed {
            None => None,
            Some(sealed) => {
                let seed = self.unseal(call, Action::CredentialUse, sealed).await?;
                Some(totp_of(&seed, crate::clock::from_micros(at))?)
            }
        };
        Ok(UsedCredential { credential, totp, device })
    }
}

fn find_and_bring_out(work: &mut Work<'_, '_>, input: &UseInput) -> Result<Using, VaultError> {
    let (row, device) = match &input.identifier {
        Some(identifier) => named(work, identifier, input)?,
        None => sought(work, input)?,
    };
    let id = row.id;
    let found = take_out(work, row, &device)?;
    note_view(work, id)?;
    let seed = secrets::current(work, SecretKind::TotpSeed, id)?;
    if let Some(seed) = &seed {
        // A login that lacks its second factor would fail, and lock the account in the end.
        totp_of(&seed.open(work.inner)?, work.now)?;
    }
    Ok(Using { found, seed, at: work.micros(), device })
}

/// The credential of that identifier, if everything else that was sent fits it.
fn named(
    work: &mut Work<'_, '_>,
    identifier: &str,
    input: &UseInput,
) -> Result<(CredentialRow, DeviceRow), VaultError> {
    let row = credential::by_identifier(work.connection(), identifier)?.ok_or(VaultError::CredentialNotFound)?;
    let (row, device) = resolve::readable(work, row)?;
    match fits(input, &row, &device) {
        true => Ok((row, device)),
        false => Err(VaultError::CredentialNotFound),
    }
}

fn fits(input: &UseInput, row: &CredentialRow, device: &DeviceRow) -> bool {
    let same = |sent: &Option<String>, stored: &str| sent.as_deref().is_none_or(|sent| sent == stored);
    let alike = |sent: &Option<String>, stored: &str| sent.as_deref().is_none_or(|sent| folded(sent) == folded(stored));
    same(&input.username, &row.username)
        && same(&input.ip, &device.ip)
        && alike(&input.hostname, &device.hostname)
        && alike(&input.credential_type, &row.credential_type)
        && input.tag.as_deref().is_none_or(|tag| items(&row.tags).any(|item| folded(item) == folded(tag)))
}

/// The only credential of those that the client sees that everything fits.
fn sought(work: &mut Work<'_, '_>, input: &UseInput) -> Result<(CredentialRow, DeviceRow), VaultError> {
    let place = input.hostname.is_some() || input.ip.is_some();
    let which = input.username.is_some() || input.tag.is_some() || input.credential_type.is_some();
    if !place || !which {
        let expected = "send it, or hostname or ip with username, tag or type";
        return Err(InvalidInput::parameter("identifier", expected));
    }
    let filter = Filter {
        username: input.username.clone(),
        hostname: input.hostname.clone(),
        ip: input.ip.clone(),
        tag: input.tag.clone(),
        kind: input.credential_type.clone(),
        ..Filter::default()
    };
    let (authorization, page) = (work.authorization(), Page { after: 0, limit: CANDIDATES });
    let kind = Some(CredentialKind::Password);
    let mut rows = list::credentials(work.connection(), authorization, kind, &filter, Some(page))?;
    match rows.pop() {
        None => Err(VaultError::CredentialNotFound),
        Some((row, device)) if rows.is_empty() => {
            work.touches(object(&row));
            Ok((row, device))
        }
        Some(last) => Err(VaultError::Ambiguous(rows.into_iter().chain([last]).map(candidate).collect())),
    }
}

fn candidate((row, device): (CredentialRow, DeviceRow)) -> Candidate {
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
