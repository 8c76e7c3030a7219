//! Security claims: claims of identity providers, which can hold roles.
//!
//! A claim of the scheme `System` with a type that names an OAuth client grants its roles to the API client of this client
//! id. Other claims can be stored and hold roles, so that a client that manages them finds them as it wrote them; they grant
//! nothing, because no principal has them: accounts of the directory are identities.

use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use crate::store::security_claim::{ClaimColumn, ClaimTest};

use super::role::Role;
use crate::store::id::{AuthorizationId, RoleId, SecurityClaimId};
use crate::store::lock::lock_name;
use crate::store::security_claim::{self as store, NewSecurityClaim, SecurityClaimRow};
use crate::store::{AnyConnection, StoreError, meta};
use crate::text::case_folded;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::pagination::{OffsetList, OffsetQuery};
use crate::vault::provider::input;
use crate::vault::{Field, Noun, Vault, VaultError};

/// The authentication scheme of this vault's own tokens.
const OWN_SCHEME: &str = "System";
/// The most claims that a role is sent with. Each is locked and looked up in the writer.
const MAX_CLAIMS: usize = 1000;
/// Maximum length of a value and of a scheme, in characters.
const MAX_CHARS: usize = 512;

/// The type of a claim, with its number in the Keyfactor API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ClaimType {
    User = 0,
    Group = 1,
    Computer = 2,
    OAuthOid = 3,
    OAuthRole = 4,
    OAuthSubject = 5,
    OAuthClientId = 6,
}

impl ClaimType {
    const ALL: [(ClaimType, &'static str); 7] = [
        (ClaimType::User, "User"),
        (ClaimType::Group, "Group"),
        (ClaimType::Computer, "Computer"),
        (ClaimType::OAuthOid, "OAuthOid"),
        (ClaimType::OAuthRole, "OAuthRole"),
        (ClaimType::OAuthSubject, "OAuthSubject"),
        (ClaimType::OAuthClientId, "OAuthClientId"),
    ];
    /// The types whose value is the client id of an API client: both are claims of its tokens.
    const OF_CLIENT: [ClaimType; 2] = [ClaimType::OAuthSubject, ClaimType::OAuthClientId];

    /// Returns the type with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.iter().map(|(kind, _)| *kind).find(|kind| *kind as i32 == number)
    }

    /// Returns the type with this name, ignoring case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(kind, _)| *kind)
    }

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

/// A security claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityClaim {
    /// Its id.
    pub id: SecurityClaimId,
    /// Its type.
    pub claim_type: ClaimType,
    /// Its value.
    pub value: String,
    /// The authentication scheme of the identity provider.
    pub scheme: String,
    /// The id of the identity provider: the same for the same scheme.
    pub provider_id: Uuid,
    /// What it is for.
    pub description: String,
}

/// Parameters of a request for a claim. `None`: not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ClaimInput {
    pub claim_type: Option<ClaimType>,
    pub value: Option<String>,
    pub scheme: Option<String>,
    pub description: Option<String>,
}

impl From<SecurityClaimRow> for SecurityClaim {
    fn from(row: SecurityClaimRow) -> Self {
        Self {
            id: row.id,
            claim_type: ClaimType::from_number(row.claim_type).unwrap_or(ClaimType::User),
            value: row.claim_value,
            scheme: row.scheme,
            provider_id: provider_id(&row.scheme_key),
            description: row.description,
        }
    }
}

/// Returns the id of the provider of a scheme: derived from its name, since providers are not stored.
fn provider_id(scheme_key: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(scheme_key)[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

impl Vault {
    /// Lists the claims.
    pub async fn list_security_claims(
        &self,
        permit: Permit,
        query: OffsetQuery<ClaimTest, ClaimColumn>,
    ) -> Result<OffsetList<SecurityClaim>, VaultError> {
        let list = move |context: &mut OperationContext<'_>| {
            let list = store::list(context.connection(), query.condition.as_ref(), query.page)?;
            Ok(Done::new(Subject::Collection, list.map(SecurityClaim::from)))
        };
        self.query(permit, list).await
    }

    /// Returns one claim.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn read_security_claim(&self, permit: Permit, id: SecurityClaimId) -> Result<SecurityClaim, VaultError> {
        self.query(permit, move |context| Ok(Done::new(Subject::SecurityClaim(id), existing(context, id)?.into())))
            .await
    }

    /// Returns the roles of the claim with this type, value and scheme; none for an unknown claim.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::Invalid`].
    pub async fn security_claim_roles(&self, permit: Permit, claim: ClaimInput) -> Result<Vec<Role>, VaultError> {
        let read = move |context: &mut OperationContext<'_>| {
            let (claim_type, value, scheme) = key(&claim)?;
            let Some(row) = store::by_value(context.connection(), claim_type as i32, value, scheme)? else {
                return Ok(Done::new(Subject::Collection, Vec::new()));
            };
            let roles = store::roles(context.connection(), row.id)?;
            Ok(Done::new(Subject::SecurityClaim(row.id), roles.into_iter().map(Role::from).collect()))
        };
        self.query(permit, read).await
    }

    /// Creates a claim.
    ///
    /// # Errors
    /// [`VaultError::Taken`]; [`VaultError::Missing`], [`VaultError::Invalid`].
    pub async fn create_security_claim(&self, permit: Permit, claim: ClaimInput) -> Result<SecurityClaim, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| match found_or_created(context, &claim)? {
            (_, false) => Err(VaultError::Taken(Noun::SecurityClaim)),
            (id, true) => Ok(Done::new(Subject::SecurityClaim(id), existing(context, id)?.into())),
        };
        self.execute(permit, rule).await.map(|(claim, _)| claim)
    }

    /// Sets the description of a claim, all that can be changed.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::Invalid`].
    pub async fn describe_security_claim(
        &self,
        permit: Permit,
        id: SecurityClaimId,
        description: Option<String>,
    ) -> Result<SecurityClaim, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            existing(context, id)?;
            let description = input::text(description.as_deref(), Field::Description)?.unwrap_or_default();
            store::set_description(context.connection(), id, description)?;
            Ok(Done::new(Subject::SecurityClaim(id), existing(context, id)?.into()))
        };
        self.execute(permit, rule).await.map(|(claim, _)| claim)
    }

    /// Deletes a claim, and revokes its roles.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn delete_security_claim(&self, permit: Permit, id: SecurityClaimId) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            existing(context, id)?;
            store::delete(context.connection(), id)?;
            meta::increment_change_mark(context.connection())?;
            Ok(Done::new(Subject::SecurityClaim(id), ()))
        };
        self.execute_and_refresh(permit, rule).await
    }
}

fn existing(context: &mut OperationContext<'_>, id: SecurityClaimId) -> Result<SecurityClaimRow, VaultError> {
    let row = store::by_id(context.connection(), id)?.ok_or(VaultError::NotFound(Noun::SecurityClaim))?;
    context.found(Subject::SecurityClaim(row.id));
    Ok(row)
}

/// Returns what identifies a claim.
fn key(claim: &ClaimInput) -> Result<(ClaimType, &str, &str), VaultError> {
    let claim_type = claim.claim_type.ok_or(VaultError::Missing(Field::ClaimType))?;
    let value = required(claim.value.as_deref(), Field::ClaimValue)?;
    Ok((claim_type, value, required(claim.scheme.as_deref(), Field::AuthenticationScheme)?))
}

fn required(sent: Option<&str>, field: Field) -> Result<&str, VaultError> {
    let text = input::optional_line(sent, field)?.filter(|text| !text.is_empty()).ok_or(VaultError::Missing(field))?;
    if text.chars().count() > MAX_CHARS {
        return Err(VaultError::invalid(field, "must not be longer than 512 characters"));
    }
    Ok(text)
}

/// Finds a claim, or creates it. Returns whether it is new.
fn found_or_created(
    context: &mut OperationContext<'_>,
    claim: &ClaimInput,
) -> Result<(SecurityClaimId, bool), VaultError> {
    let (kind, claim_value, scheme) = key(claim)?;
    let description = input::text(claim.description.as_deref(), Field::Description)?.unwrap_or_default();
    let (claim_type, value_key, scheme_key) = (kind as i32, case_folded(claim_value), case_folded(scheme));
    lock_name(context.connection(), &format!("claim/{claim_type}/{scheme_key}/{value_key}"))?;
    if let Some(row) = store::by_value(context.connection(), claim_type, claim_value, scheme)? {
        context.found(Subject::SecurityClaim(row.id));
        return Ok((row.id, false));
    }
    let created_at = context.micros();
    let new = NewSecurityClaim { claim_type, claim_value, value_key, scheme, scheme_key, description, created_at };
    Ok((store::insert(context.connection(), new)?, true))
}

/// Grants a role to these claims and to no others. Claims that do not exist are created; an existing one keeps its description.
pub(super) fn set_claims(
    context: &mut OperationContext<'_>,
    role: RoleId,
    claims: &[ClaimInput],
) -> Result<(), VaultError> {
    if claims.len() > MAX_CLAIMS {
        return Err(VaultError::invalid(Field::ClaimValue, "a role must not be sent with more than 1000 claims"));
    }
    // In one order, so that two requests lock the claims in one order.
    let mut claims: Vec<&ClaimInput> = claims.iter().collect();
    let folded = |text: &Option<String>| text.as_deref().map(case_folded);
    claims.sort_by_cached_key(|claim| {
        (claim.claim_type.map(|kind| kind as i32), folded(&claim.scheme), folded(&claim.value))
    });
    let mut ids = Vec::with_capacity(claims.len());
    for claim in claims {
        ids.push(found_or_created(context, claim)?.0);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(store::set_of_role(context.connection(), role, &ids)?)
}

/// Adds their claims to roles.
pub(super) fn with_claims(context: &mut OperationContext<'_>, roles: &mut [Role]) -> Result<(), VaultError> {
    let ids: Vec<RoleId> = roles.iter().map(|role| role.id).collect();
    for (id, claim) in store::by_roles(context.connection(), &ids)? {
        if let Some(role) = roles.iter_mut().find(|role| role.id == id) {
            role.claims.push(claim.into());
        }
    }
    Ok(())
}

/// Returns the roles that claims grant to API clients.
pub(super) fn roles_of_clients(connection: &mut AnyConnection) -> Result<Vec<(AuthorizationId, RoleId)>, StoreError> {
    store::authorization_roles(connection, &ClaimType::OF_CLIENT.map(|kind| kind as i32), OWN_SCHEME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_one_number_and_one_name() {
        for (number, (kind, name)) in ClaimType::ALL.into_iter().enumerate() {
            assert_eq!(ClaimType::from_number(number.try_into().unwrap()), Some(kind));
            assert_eq!((ClaimType::from_name(&name.to_uppercase()), kind.as_str()), (Some(kind), name));
        }
        assert_eq!(
            (ClaimType::from_number(7), ClaimType::from_number(-1), ClaimType::from_name("")),
            (None, None, None)
        );
    }

    #[test]
    fn a_scheme_has_one_provider() {
        assert_eq!(provider_id("system"), provider_id("system"));
        assert_ne!(provider_id("system"), provider_id("okta"));
    }
}
