//! Where the login of another credential may be sent: to the place for which somebody who sees that credential named it.
//!
//! A client may move a credential to a device of its own, rename the account or edit the address of the device, without seeing the
//! credential that changes it on its target. Such a save is not refused, since inventories do the same. But the login of the other
//! credential stays behind: it is compared with the place in `granted_place` of the policy each time that it is to be used.

use std::collections::BTreeSet;

use chaveiro_rotation::{Failure, TargetError, TargetIdentity};
use chaveiro_targets::Plugin;
use serde::{Deserialize, Serialize};

use super::policy::plugin_of_names;
use super::setup::{host, service};
use crate::network::address_key;
use crate::store::credential::{self, CredentialRow};
use crate::store::device::{self, DeviceRow};
use crate::store::id::{CredentialId, DeviceId};
use crate::store::rotation::{self, JitRow, RotationRow};
use crate::store::{StoreError, jit_account};
use crate::text::case_folded;
use crate::vault::access::visible_credential;
use crate::vault::device::port_of;
use crate::vault::operation::OperationContext;
use crate::vault::{Field, VaultError, jit};

/// What to do about an account that is not where a login was granted for.
pub(in crate::vault) const PLACE_CHANGED: &str = "the place of this account has changed since the credential that changes it was named; \
                                                  somebody who sees that credential must name it again";

/// The error of a step on the target of such an account.
pub(super) const REFUSAL: TargetError = TargetError { failure: Failure::PlaceChanged, cause: PLACE_CHANGED };

/// An account and where it is reached: all that clients can write of what a change sends where, and for which account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::vault) struct AccountPlace {
    device: DeviceId,
    username: String,
    domain: String,
    plugin: String,
    template: String,
    /// The additional information, which templates have a tag for; empty without a template.
    additional: String,
    host: String,
    port: Option<u16>,
}

impl AccountPlace {
    /// Returns the place of an account that a rotation policy changes.
    pub(super) fn of_rotation(
        credential: &CredentialRow,
        policy: &RotationRow,
        endpoint: (&str, Option<u16>),
    ) -> AccountPlace {
        let name = |name: &Option<String>| case_folded(name.as_deref().unwrap_or_default());
        let template = name(&policy.template);
        Self {
            domain: credential.domain.clone(),
            additional: if template.is_empty() { String::new() } else { credential.additional.clone() },
            template,
            ..Self::new(credential, name(&policy.plugin), endpoint)
        }
    }

    /// Returns the place of an account that the vault creates or enables.
    pub(in crate::vault) fn new(credential: &CredentialRow, plugin: String, endpoint: (&str, Option<u16>)) -> Self {
        Self {
            device: credential.device_id,
            username: credential.username.clone(),
            domain: String::new(),
            plugin,
            template: String::new(),
            additional: String::new(),
            host: address_key(endpoint.0),
            port: endpoint.1,
        }
    }

    /// Whether both are the same account, at whichever address. A template may use the address for the name of the account.
    fn is_same_account(&self, other: &Self) -> bool {
        let elsewhere = Self { host: other.host.clone(), port: other.port, ..self.clone() };
        self == other || (self.template.is_empty() && elsewhere == *other)
    }
}

/// The parts of a place that a request names. Another client may have changed the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::vault) struct NamedParts {
    pub(in crate::vault) device: bool,
    pub(in crate::vault) username: bool,
    pub(in crate::vault) domain: bool,
    /// The plugin and the template.
    pub(in crate::vault) plugin: bool,
    pub(in crate::vault) additional: bool,
    pub(in crate::vault) host: bool,
    pub(in crate::vault) port: bool,
}

impl NamedParts {
    /// Whether they are all that differs between two places.
    fn make(self, before: &AccountPlace, after: &AccountPlace) -> bool {
        (self.device || before.device == after.device)
            && (self.username || before.username == after.username)
            && (self.domain || before.domain == after.domain)
            && (self.plugin || (&before.plugin, &before.template) == (&after.plugin, &after.template))
            && (self.additional || before.additional == after.additional)
            && (self.host || before.host == after.host)
            && (self.port || before.port == after.port)
    }
}

/// The place that logins were granted for. Stored in a policy as JSON; has no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::vault) struct GrantedPlace {
    /// The credentials whose logins may be sent there.
    logins: BTreeSet<CredentialId>,
    place: AccountPlace,
    /// The identity that the target has presented there. A pin alone proves nothing: it is for the whole device, and another account
    /// of it may have been the first to meet the target.
    identity: Option<String>,
}

impl GrantedPlace {
    /// Reads the column. Text that the vault did not write grants nothing.
    pub(in crate::vault) fn from_column(text: Option<&str>) -> Option<Self> {
        serde_json::from_str(text?).ok()
    }

    /// Returns the text of the column.
    pub(in crate::vault) fn to_column(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// Whether the login of a credential may be sent to an account at a place, to a target that has to present `pinned`.
    ///
    /// At another address the identity proves that the target is the granted one.
    pub(in crate::vault) fn allows(
        &self,
        login: CredentialId,
        place: &AccountPlace,
        pinned: Option<&TargetIdentity>,
    ) -> bool {
        let is_proved = pinned.is_some_and(|pinned| self.identity.as_ref() == Some(&pinned.0));
        self.logins.contains(&login) && (self.place == *place || (is_proved && self.place.is_same_account(place)))
    }

    /// Returns the grant with the identity that its target has presented. `None` if nothing changes, or if `place` is another one.
    pub(in crate::vault) fn with_identity(&self, place: &AccountPlace, identity: &TargetIdentity) -> Option<Self> {
        let is_news = self.place == *place && self.identity.as_ref() != Some(&identity.0);
        is_news.then(|| Self { identity: Some(identity.0.clone()), ..self.clone() })
    }
}

/// Returns the error for an account whose place has changed.
pub(in crate::vault) fn place_changed() -> VaultError {
    VaultError::invalid(Field::AuthenticationCredential, PLACE_CHANGED)
}

/// Grants the logins that the policies of a credential name for the place where its account is now, if the principal sees every
/// credential that a policy names. Otherwise the policy stays as it is. So it does if it has these logins for another place, and the
/// request does not name all that differs.
///
/// `device`: the row that the request was compared with. A later one may have the address of somebody who edits it meanwhile.
pub(in crate::vault) fn grant(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    device: Option<DeviceRow>,
    named: NamedParts,
) -> Result<(), VaultError> {
    grant_for(context, id, device, Scope::Named(named))
}

/// As [`grant`], after a decision to trust another identity, which says nothing of the name of the account: a client may have changed
/// that meanwhile.
pub(in crate::vault) fn grant_to_trusted(
    context: &mut OperationContext<'_>,
    id: CredentialId,
) -> Result<(), VaultError> {
    grant_for(context, id, None, Scope::SameAccount)
}

/// The places that a grant may name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// That of a request.
    Named(NamedParts),
    /// Those of the account that was granted before.
    SameAccount,
}

fn grant_for(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    device: Option<DeviceRow>,
    scope: Scope,
) -> Result<(), VaultError> {
    let rotation = rotation::find(context.connection(), id)?;
    let jit = rotation::find_jit(context.connection(), id)?;
    let of_rotation = rotation.as_ref().map(logins_of_rotation).unwrap_or_default();
    let of_jit = jit.as_ref().map(|jit| logins_of_jit(jit, rotation.as_ref())).unwrap_or_default();
    if of_rotation.is_empty() && of_jit.is_empty() {
        return Ok(());
    }
    let credential = credential::by_id(context.connection(), id)?.ok_or(StoreError::NotFound)?;
    let device = match device.filter(|device| device.id == credential.device_id) {
        Some(device) => device,
        None => device::by_id(context.connection(), credential.device_id)?.ok_or(StoreError::NotFound)?,
    };
    if let Some(policy) = &rotation
        && !of_rotation.is_empty()
        && sees_all(context, &of_rotation)?
    {
        let plugin = plugin_of_names(policy.plugin.as_deref(), policy.template.as_deref());
        let place = AccountPlace::of_rotation(&credential, policy, (host(&device), port(&device, plugin)));
        if let Some(text) = renewed(policy.granted_place.as_deref(), of_rotation, place, scope) {
            rotation::set_granted_place(context.connection(), id, &text)?;
        }
    }
    if let Some(policy) = &jit
        && !of_jit.is_empty()
        && sees_all(context, &of_jit)?
    {
        let place = jit::place(policy, &credential, &device);
        if let Some(text) = renewed(policy.granted_place.as_deref(), of_jit, place, scope) {
            rotation::set_granted_place_of_jit(context.connection(), id, &text)?;
        }
    }
    Ok(())
}

/// Returns the text of a grant, unless it is stored already. The identity stays that of the place.
fn renewed(stored: Option<&str>, logins: BTreeSet<CredentialId>, place: AccountPlace, scope: Scope) -> Option<String> {
    let before = GrantedPlace::from_column(stored);
    let former = before.as_ref().filter(|before| before.logins == logins).map(|before| &before.place);
    let is_in_scope = match scope {
        Scope::Named(named) => former.is_none_or(|former| named.make(former, &place)),
        Scope::SameAccount => former.is_some_and(|former| former.is_same_account(&place)),
    };
    if !is_in_scope {
        return None;
    }
    let identity = before.filter(|before| before.place == place).and_then(|before| before.identity);
    let text = GrantedPlace { logins, place, identity }.to_column();
    (stored != Some(text.as_str())).then_some(text)
}

/// Requires that the principal sees each other credential whose login is sent to a service of a device: who decides which identity
/// the service has to present decides who gets those logins.
///
/// # Errors
/// [`VaultError::Invalid`].
pub(in crate::vault) fn require_sight_of_service(
    context: &mut OperationContext<'_>,
    device: DeviceId,
    service: &str,
) -> Result<(), VaultError> {
    let logins = logins_at(context, device, service)?;
    require_sight(context, &logins)
}

/// Requires that the principal sees these credentials, to decide where their logins are sent.
///
/// # Errors
/// [`VaultError::Invalid`].
pub(in crate::vault) fn require_sight(
    context: &mut OperationContext<'_>,
    logins: &BTreeSet<CredentialId>,
) -> Result<(), VaultError> {
    if sees_all(context, logins)? {
        return Ok(());
    }
    let expected = "only somebody who sees each credential that logs in to this target decides whom to trust there";
    Err(VaultError::invalid(Field::Decision, expected))
}

fn sees_all(context: &mut OperationContext<'_>, ids: &BTreeSet<CredentialId>) -> Result<bool, VaultError> {
    for id in ids {
        let row = credential::by_id(context.connection(), *id)?.ok_or(StoreError::NotFound)?;
        if visible_credential(context, row)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the other credentials whose logins are sent to a service of a device, for any account of it.
fn logins_at(
    context: &mut OperationContext<'_>,
    device: DeviceId,
    service_name: &str,
) -> Result<BTreeSet<CredentialId>, StoreError> {
    let connection = context.connection();
    let device = device::by_id(connection, device)?.ok_or(StoreError::NotFound)?;
    let is_at = |plugin: &Plugin| service(plugin, port(&device, Some(plugin))) == service_name;
    let rotations = rotation::with_login_at(connection, device.id)?;
    let mut logins = BTreeSet::new();
    for policy in &rotations {
        if plugin_of_names(policy.plugin.as_deref(), policy.template.as_deref()).is_some_and(is_at) {
            logins.extend(logins_of_rotation(policy));
        }
    }
    for policy in rotation::jit_at(connection, device.id)? {
        if jit::plugins(&policy).any(is_at) {
            let rotation = rotations.iter().find(|row| row.credential_id == policy.credential_id);
            logins.extend(logins_of_jit(&policy, rotation));
        }
    }
    for account in jit_account::at_device(connection, device.id)? {
        if super::plugin_named(&account.plugin).is_some_and(is_at) {
            logins.insert(account.operator_id);
        }
    }
    Ok(logins)
}

/// The other credentials that a rotation policy names, in use or not.
fn logins_of_rotation(policy: &RotationRow) -> BTreeSet<CredentialId> {
    others(policy.credential_id, [policy.authentication_id, policy.reconciliation_id])
}

/// The other credentials that a just-in-time access policy names, or takes over from the rotation policy.
fn logins_of_jit(policy: &JitRow, rotation: Option<&RotationRow>) -> BTreeSet<CredentialId> {
    others(policy.credential_id, [policy.authentication_id, rotation.and_then(|row| row.authentication_id)])
}

fn others(own: CredentialId, named: [Option<CredentialId>; 2]) -> BTreeSet<CredentialId> {
    named.into_iter().flatten().filter(|id| *id != own).collect()
}

fn port(device: &DeviceRow, plugin: Option<&Plugin>) -> Option<u16> {
    plugin.and_then(|plugin| port_of(&device.connectivities, plugin.connectivities))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> AccountPlace {
        AccountPlace {
            device: DeviceId::new(1),
            username: "erp".into(),
            domain: "corp".into(),
            plugin: "openldap".into(),
            template: String::new(),
            additional: String::new(),
            host: "10.0.0.1".into(),
            port: Some(636),
        }
    }

    fn grant_of(identity: Option<&str>) -> GrantedPlace {
        let identity = identity.map(Into::into);
        GrantedPlace { logins: [CredentialId::new(2)].into(), place: place(), identity }
    }

    #[test]
    fn a_login_goes_to_the_granted_place_alone() {
        let (login, granted) = (CredentialId::new(2), grant_of(None));
        assert!(granted.allows(login, &place(), None));
        assert!(!granted.allows(CredentialId::new(3), &place(), None));
        let pinned = TargetIdentity("SHA256:x".into());
        for moved in [
            AccountPlace { device: DeviceId::new(9), ..place() },
            AccountPlace { username: "root".into(), ..place() },
            AccountPlace { domain: "other".into(), ..place() },
            AccountPlace { plugin: "http".into(), ..place() },
            AccountPlace { template: "t".into(), ..place() },
            AccountPlace { additional: "a".into(), ..place() },
        ] {
            assert!(!grant_of(Some("SHA256:x")).allows(login, &moved, Some(&pinned)), "{moved:?}");
        }
    }

    #[test]
    fn at_another_address_the_identity_of_the_granted_place_is_required() {
        let (login, pinned) = (CredentialId::new(2), TargetIdentity("SHA256:x".into()));
        let by_template = AccountPlace { template: "t".into(), ..place() };
        let granted = GrantedPlace { place: by_template.clone(), ..grant_of(Some("SHA256:x")) };
        let moved = AccountPlace { host: "10.0.0.2".into(), ..by_template };
        assert!(!granted.allows(login, &moved, Some(&pinned)), "its address may be a part of the name");
        for moved in [
            AccountPlace { host: "10.0.0.2".into(), ..place() },
            AccountPlace { port: Some(637), ..place() },
            AccountPlace { port: None, ..place() },
        ] {
            assert!(grant_of(Some("SHA256:x")).allows(login, &moved, Some(&pinned)));
            assert!(!grant_of(Some("SHA256:x")).allows(login, &moved, None), "nothing is pinned");
            assert!(!grant_of(None).allows(login, &moved, Some(&pinned)), "another account may have pinned it");
            assert!(!grant_of(Some("SHA256:y")).allows(login, &moved, Some(&pinned)));
            assert_eq!(grant_of(None).with_identity(&moved, &pinned), None);
        }
        let proved = grant_of(None).with_identity(&place(), &pinned);
        assert_eq!(proved, Some(grant_of(Some("SHA256:x"))));
        assert_eq!(grant_of(Some("SHA256:x")).with_identity(&place(), &pinned), None);
    }

    #[test]
    fn a_grant_is_read_back_and_keeps_the_identity_of_its_place() {
        let granted = grant_of(Some("SHA256:x"));
        let text = granted.to_column();
        assert_eq!(GrantedPlace::from_column(Some(&text)), Some(granted.clone()));
        assert_eq!(GrantedPlace::from_column(Some("elsewhere")), None);
        let named = |port| Scope::Named(NamedParts { port, ..NamedParts::default() });
        assert_eq!(renewed(Some(&text), granted.logins.clone(), place(), named(true)), None);
        let moved = AccountPlace { port: Some(637), ..place() };
        let renewed = |scope| renewed(Some(&text), granted.logins.clone(), moved.clone(), scope);
        assert_eq!(renewed(named(false)), None, "somebody else has moved it");
        assert_eq!(renewed(named(true)), renewed(Scope::SameAccount));
        let renewed = renewed(named(true));
        let renewed = GrantedPlace::from_column(renewed.as_deref()).unwrap();
        assert_eq!((renewed.place, renewed.identity), (moved, None));
    }
}
