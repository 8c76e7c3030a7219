//! Proof that an object is visible to the principal (contract, section 3.3). Operations take the proof, never an id from a
//! request.

use std::ops::Deref;

use crate::store::StoreError;
use crate::store::credential::CredentialRow;
use crate::store::credential_lock::{self, AccountLookup, LockedAccount, LockedAhead};
use crate::store::credential_lookup::FoundCredential;
use crate::store::custody::CustodyRow;
use crate::store::device::DeviceRow;
use crate::store::device_lookup;
use crate::store::domain::KnownDomain;
use crate::store::entry::EntryRow;
use crate::store::id::{AuthorizationId, CredentialId, DeviceId, InformationId};
use crate::store::information::InformationRow;
use crate::store::information_lookup::FoundInformation;
use crate::store::known_tag::KnownTag;
use crate::store::link::{self, LinkedObject};
use crate::store::lookup::LookupValue;
use crate::store::secret::StoredSecret;
use crate::store::ssh_key::SshKeyRow;
use crate::store::ssh_key_lookup::FoundSshKey;
use crate::store::visibility;
use crate::vault::VaultError;
use crate::vault::operation::{OperationContext, Principal};

/// An object that is visible to the principal. Created only by the functions of this module.
#[derive(Clone, Debug)]
pub(in crate::vault) struct Visible<T>(T);

impl<T> Visible<T> {
    /// Returns the object, for a response.
    pub(in crate::vault) fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Visible<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// What a principal sees.
enum Sight {
    All,
    Nothing,
    /// What is linked to this authorization.
    Of(AuthorizationId),
}

/// The operator and the system see everything, an account nothing.
fn sight(principal: &Principal) -> Sight {
    match principal {
        Principal::Operator | Principal::System => Sight::All,
        Principal::Account(_) => Sight::Nothing,
        Principal::Client(client) => Sight::Of(client.id),
    }
}

/// Runs `sees` for a client.
fn asks(
    context: &mut OperationContext<'_>,
    sees: impl FnOnce(&mut OperationContext<'_>, AuthorizationId) -> Result<bool, StoreError>,
) -> Result<bool, VaultError> {
    match sight(context.principal()) {
        Sight::All => Ok(true),
        Sight::Nothing => Ok(false),
        Sight::Of(authorization) => Ok(sees(context, authorization)?),
    }
}

/// Returns the credential or SSH key if the principal sees it.
pub(in crate::vault) fn visible_credential(
    context: &mut OperationContext<'_>,
    row: CredentialRow,
) -> Result<Option<Visible<CredentialRow>>, VaultError> {
    let sees = sees_credential(context, row.id, row.device_id)?;
    Ok(if sees { Some(Visible(row)) } else { None })
}

/// An SSH key without further devices that the principal sees, with all that a read of it decides on.
pub(in crate::vault) struct SeenSshKey {
    pub(in crate::vault) row: Visible<CredentialRow>,
    pub(in crate::vault) device: DeviceRow,
    pub(in crate::vault) key: SshKeyRow,
    pub(in crate::vault) private: StoredSecret,
    pub(in crate::vault) passphrase: StoredSecret,
}

/// A credential or SSH key that the principal sees, with all that a read of it decides on.
pub(in crate::vault) struct SeenCredential {
    pub(in crate::vault) row: Visible<CredentialRow>,
    pub(in crate::vault) device: DeviceRow,
    /// The principal's custody, expired or not.
    pub(in crate::vault) custody: Option<CustodyRow>,
    /// Its own password.
    pub(in crate::vault) password: StoredSecret,
}

/// Takes a credential that was looked up among those that an authorization sees, if this is the principal's.
pub(in crate::vault) fn seen_credential(
    context: &OperationContext<'_>,
    found: FoundCredential,
) -> Option<SeenCredential> {
    let FoundCredential { row, device, authorization, custody, password } = found;
    let row = seen_by(context, authorization, row)?;
    Some(SeenCredential { row, device, custody, password })
}

/// As [`seen_credential`], for an SSH key.
pub(in crate::vault) fn seen_ssh_key(context: &OperationContext<'_>, found: FoundSshKey) -> Option<SeenSshKey> {
    let FoundSshKey { row, device, key, authorization, private, passphrase } = found;
    Some(SeenSshKey { row: seen_by(context, authorization, row)?, device, key, private, passphrase })
}

/// As [`seen_credential`], for a protected-information record. Returns it with its text.
pub(in crate::vault) fn seen_information(
    context: &OperationContext<'_>,
    found: FoundInformation,
) -> Option<(Visible<InformationRow>, StoredSecret)> {
    let FoundInformation { row, authorization, content } = found;
    Some((seen_by(context, authorization, row)?, content))
}

/// Takes an object that an authorization sees, if this is the principal's.
fn seen_by<T>(context: &OperationContext<'_>, authorization: AuthorizationId, object: T) -> Option<Visible<T>> {
    (context.principal().authorization() == Some(authorization)).then_some(Visible(object))
}

/// The device of a password that a client saves, and its row, unless it does not exist. Both are locked, or the names of a password that
/// does not exist.
pub(in crate::vault) struct LockedPlace {
    pub(in crate::vault) device: DeviceRow,
    /// Whether it is known that the client sees the device.
    pub(in crate::vault) is_device_seen: bool,
    pub(in crate::vault) credential: Option<Visible<CredentialRow>>,
    /// What was looked up ahead for a password that does not exist.
    pub(in crate::vault) reserved: Option<Reserved>,
    /// The registered type of credential that the request names.
    pub(in crate::vault) credential_type: Option<LookupValue>,
}

/// What was looked up ahead for a password that does not exist.
pub(in crate::vault) struct Reserved {
    /// The id for its row, which no other one gets.
    pub(in crate::vault) id: CredentialId,
    /// The tags that are sent, as far as they are known.
    pub(in crate::vault) tags: Vec<KnownTag>,
    /// The domains that are sent, as far as they are registered.
    pub(in crate::vault) domains: Vec<KnownDomain>,
}

/// Returns what was locked ahead for the client.
pub(in crate::vault) fn place_ahead(
    context: &OperationContext<'_>,
    ahead: LockedAhead,
) -> Result<Option<LockedPlace>, VaultError> {
    Ok(match ahead {
        LockedAhead::Found(account) => Some(place_of(*account, context.authorization()?)?),
        LockedAhead::Reserved(account) if account.authorization != context.authorization()? => {
            return Err(OF_ANOTHER_CLIENT.into());
        }
        LockedAhead::Reserved(account) => Some(LockedPlace {
            device: account.device,
            is_device_seen: true,
            credential: None,
            reserved: Some(Reserved { id: account.id, tags: account.tags, domains: account.domains }),
            credential_type: account.credential_type,
        }),
        LockedAhead::NotFound | LockedAhead::NotTried => None,
    })
}

/// Returns the password that has all of these names, and its device, and locks both, if the client of the lookup sees it; with a
/// single statement, which waits for no lock. `None` says nothing else: another lookup has to tell why.
pub(in crate::vault) fn locked_place(
    context: &mut OperationContext<'_>,
    lookup: &AccountLookup,
    credential_type: Option<LookupValue>,
) -> Result<Option<LockedPlace>, VaultError> {
    let authorization = context.authorization()?;
    let found = credential_lock::visible_account(context.connection(), lookup, credential_type)?;
    found.map(|account| place_of(account, authorization)).transpose()
}

/// The error for an account that was locked for another client: its rule must not run for this one.
const OF_ANOTHER_CLIENT: StoreError = StoreError::Query("an account was locked for another client");

/// Takes an account that an authorization sees, which is the principal's.
fn place_of(account: LockedAccount, authorization: AuthorizationId) -> Result<LockedPlace, VaultError> {
    if account.authorization != authorization {
        return Err(OF_ANOTHER_CLIENT.into());
    }
    Ok(LockedPlace {
        device: account.device,
        is_device_seen: account.sends_device,
        credential: Some(Visible(account.row)),
        reserved: None,
        credential_type: account.credential_type,
    })
}

/// Does the work of [`visible_credential`] for no credential, so that one that does not exist takes as long as one that the
/// principal does not see.
pub(in crate::vault) fn check_no_credential(context: &mut OperationContext<'_>) -> Result<(), VaultError> {
    sees_credential(context, CredentialId::new(0), DeviceId::new(0)).map(drop)
}

fn sees_credential(context: &mut OperationContext<'_>, id: CredentialId, device: DeviceId) -> Result<bool, VaultError> {
    asks(context, |context, authorization| visibility::sees_credential(context.connection(), authorization, id, device))
}

/// Returns the device if the principal sees it.
pub(in crate::vault) fn visible_device(
    context: &mut OperationContext<'_>,
    row: DeviceRow,
) -> Result<Option<Visible<DeviceRow>>, VaultError> {
    let sees =
        asks(context, |context, authorization| visibility::sees_device(context.connection(), authorization, row.id))?;
    Ok(if sees { Some(Visible(row)) } else { None })
}

/// Returns the devices with this id, and with this hostname, ignoring case, that the principal sees, with a single statement.
pub(in crate::vault) fn visible_devices(
    context: &mut OperationContext<'_>,
    id: Option<DeviceId>,
    hostname: &str,
) -> Result<Vec<Visible<DeviceRow>>, VaultError> {
    let (authorization, sees_all) = match sight(context.principal()) {
        Sight::Of(authorization) => (authorization, false),
        Sight::All => (AuthorizationId::new(0), true),
        Sight::Nothing => return Ok(Vec::new()),
    };
    let found = device_lookup::by_id_or_hostname(context.connection(), id, hostname, authorization)?;
    Ok(found.into_iter().filter(|(_, is_seen)| sees_all || *is_seen).map(|(row, _)| Visible(row)).collect())
}

/// Returns the protected-information record if the principal sees it.
pub(in crate::vault) fn visible_information(
    context: &mut OperationContext<'_>,
    row: InformationRow,
) -> Result<Option<Visible<InformationRow>>, VaultError> {
    let sees = sees_information(context, row.id)?;
    Ok(if sees { Some(Visible(row)) } else { None })
}

/// As [`check_no_credential`], for a protected-information record.
pub(in crate::vault) fn check_no_information(context: &mut OperationContext<'_>) -> Result<(), VaultError> {
    sees_information(context, InformationId::new(0)).map(drop)
}

fn sees_information(context: &mut OperationContext<'_>, id: InformationId) -> Result<bool, VaultError> {
    asks(context, |context, authorization| visibility::sees_information(context.connection(), authorization, id))
}

/// Returns the entry of a local provider if it is linked to the principal.
pub(in crate::vault) fn visible_entry(
    context: &mut OperationContext<'_>,
    row: EntryRow,
) -> Result<Option<Visible<EntryRow>>, VaultError> {
    let sees = asks(context, |context, authorization| {
        link::exists(context.connection(), authorization, LinkedObject::Entry(row.id))
    })?;
    Ok(if sees { Some(Visible(row)) } else { None })
}
