//! The permission check at the start of every operation.

use super::{Client, ClientAccess, Origin, Resource, Rights};
use crate::vault::operation::{AccessKind, Action, Need, Principal, RolePermission};
use crate::vault::{DenyReason, VaultError};

/// Checks whether a principal may perform an action from an origin: first the resource, then the origin, then whether it may
/// write (contract, section 1.9), then the permission of its roles.
///
/// # Errors
/// [`VaultError::Denied`] with the first reason.
pub(in crate::vault) fn permitted(principal: &Principal, action: Action, origin: &Origin) -> Result<(), VaultError> {
    let denied = |reason| Err(VaultError::Denied(reason));
    match (principal, action.need()) {
        (Principal::Operator | Principal::System, _) => Ok(()),
        (Principal::Client(_) | Principal::Account(_), Need::Nothing) => Ok(()),
        (Principal::Client(_) | Principal::Account(_), Need::Operator) => denied(DenyReason::OperatorOnly),
        (Principal::Client(client), Need::Resource(resource, access)) => client_may(client, resource, access, origin),
        (Principal::Client(client), Need::Role(permission, access)) => {
            client_may(client, Resource::Administration, access, origin)?;
            role_grants(&client.rights, permission)
        }
        (Principal::Account(_), Need::Resource(..)) => denied(DenyReason::Resource),
        (Principal::Account(account), Need::Role(permission, _)) => role_grants(&account.rights, permission),
    }
}

/// Whether an origin is allowed for a principal. Only clients are bound to origins.
pub(super) fn is_admitted(principal: &Principal, origin: &Origin) -> bool {
    match principal {
        Principal::Client(client) => client.origins.admit(origin).is_ok(),
        Principal::Account(_) | Principal::Operator | Principal::System => true,
    }
}

fn client_may(client: &Client, resource: Resource, access: AccessKind, origin: &Origin) -> Result<(), VaultError> {
    if !client.resources.contains(&resource) {
        return Err(VaultError::Denied(DenyReason::Resource));
    }
    client.origins.admit(origin).map_err(VaultError::Denied)?;
    match (access, client.access) {
        (AccessKind::Write, ClientAccess::ReadOnly) => Err(VaultError::Denied(DenyReason::ReadOnly)),
        (AccessKind::Write, ClientAccess::ReadWrite) | (AccessKind::Read, _) => Ok(()),
    }
}

fn role_grants(rights: &Rights, permission: RolePermission) -> Result<(), VaultError> {
    match permission {
        RolePermission::Any => Ok(()),
        RolePermission::Pam(verb) => rights.require(super::Permission::Pam(verb)),
        RolePermission::SomeProvider(verb) => rights.providers(verb).map(drop),
        RolePermission::Security(verb) => rights.require(super::Permission::Security(verb)),
        RolePermission::GlobalSecurity(verb) => rights.require_globally(super::Permission::Security(verb)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::client::tests::client;
    use super::*;
    use crate::store::id::IdentityId;
    use crate::vault::access::{Account, AllowedOrigins};

    fn here() -> Origin {
        Origin {
            source: "10.0.0.1".parse().unwrap(),
            request_id: String::new(),
            family: "",
            referer: None,
            certificate: None,
        }
    }

    fn may(client: &Client, action: Action) -> Result<(), VaultError> {
        permitted(&Principal::Client(Arc::new(client.clone())), action, &here())
    }

    #[test]
    fn the_resource_comes_before_the_origin_and_the_origin_before_the_access() {
        let mut client = client();
        assert_eq!(may(&client, Action::DEVICE_SAVE), Ok(()));
        client.access = ClientAccess::ReadOnly;
        assert_eq!(may(&client, Action::DEVICE_SAVE), Err(VaultError::Denied(DenyReason::ReadOnly)));
        assert_eq!(may(&client, Action::DEVICE_READ), Ok(()));
        client.origins = AllowedOrigins::parse("10.0.0.2", "", "").unwrap();
        assert_eq!(may(&client, Action::DEVICE_SAVE), Err(VaultError::Denied(DenyReason::Source)));
        client.resources = vec![Resource::Administration];
        assert_eq!(may(&client, Action::DEVICE_SAVE), Err(VaultError::Denied(DenyReason::Resource)));
    }

    #[test]
    fn nobody_but_the_operator_administers_clients() {
        let mut client = client();
        client.resources = Resource::ALL.to_vec();
        let account = Principal::Account(Arc::new(Account {
            identity: IdentityId::new(1),
            name: "CORP\\jo".into(),
            rights: Rights::default(),
        }));
        for action in [Action::AUTHORIZATION_CREATE, Action::AUTHORIZATION_LINK, Action::PRUNE, Action::AUDIT_READ] {
            assert_eq!(may(&client, action), Err(VaultError::Denied(DenyReason::OperatorOnly)));
            assert_eq!(permitted(&account, action, &here()), Err(VaultError::Denied(DenyReason::OperatorOnly)));
            assert_eq!(permitted(&Principal::Operator, action, &Origin::local()), Ok(()));
        }
    }

    #[test]
    fn an_account_holds_no_resource_of_clients() {
        let account = Principal::Account(Arc::new(Account {
            identity: IdentityId::new(1),
            name: "CORP\\jo".into(),
            rights: Rights::default(),
        }));
        for action in [Action::CREDENTIAL_READ, Action::PROXY_SESSION_CREATE, Action::ENTRY_READ] {
            assert_eq!(permitted(&account, action, &here()), Err(VaultError::Denied(DenyReason::Resource)));
        }
        assert_eq!(permitted(&account, Action::ENDPOINT_LIST, &here()), Ok(()));
        assert_eq!(permitted(&account, Action::ROLE_LIST, &here()), Err(VaultError::Denied(DenyReason::Permission)));
    }
}
