//! What a call to the Keyfactor routes asks for.

/// Each with its word in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum KeyfactorAction {
    EndpointList,
    TypeList,
    TypeRead,
    TypeCreate,
    TypeDelete,
    ProviderList,
    ProviderRead,
    ProviderCreate,
    ProviderUpdate,
    ProviderDelete,
    EntryList,
    EntryCreate,
    EntryUpdate,
    EntryDelete,
    IdentityList,
    IdentityPermissions,
    IdentityLookup,
    IdentityCreate,
    IdentityDelete,
    RoleList,
    RoleRead,
    RoleCreate,
    RoleUpdate,
    RoleDelete,
    PermissionSetList,
    PermissionSetRead,
}

impl KeyfactorAction {
    /// The word in the audit log; stable.
    pub fn word(self) -> &'static str {
        match self {
            KeyfactorAction::EndpointList => "endpoint.list",
            KeyfactorAction::TypeList => "provider-type.list",
            KeyfactorAction::TypeRead => "provider-type.read",
            KeyfactorAction::TypeCreate => "provider-type.create",
            KeyfactorAction::TypeDelete => "provider-type.delete",
            KeyfactorAction::ProviderList => "provider.list",
            KeyfactorAction::ProviderRead => "provider.read",
            KeyfactorAction::ProviderCreate => "provider.create",
            KeyfactorAction::ProviderUpdate => "provider.update",
            KeyfactorAction::ProviderDelete => "provider.delete",
            KeyfactorAction::EntryList => "entry.list",
            KeyfactorAction::EntryCreate => "entry.create",
            KeyfactorAction::EntryUpdate => "entry.update",
            KeyfactorAction::EntryDelete => "entry.delete",
            KeyfactorAction::IdentityList => "identity.list",
            KeyfactorAction::IdentityPermissions => "identity.permissions",
            KeyfactorAction::IdentityLookup => "identity.lookup",
            KeyfactorAction::IdentityCreate => "identity.create",
            KeyfactorAction::IdentityDelete => "identity.delete",
            KeyfactorAction::RoleList => "role.list",
            KeyfactorAction::RoleRead => "role.read",
            KeyfactorAction::RoleCreate => "role.create",
            KeyfactorAction::RoleUpdate => "role.update",
            KeyfactorAction::RoleDelete => "role.delete",
            KeyfactorAction::PermissionSetList => "permission-set.list",
            KeyfactorAction::PermissionSetRead => "permission-set.read",
        }
    }

    /// Whether it changes anything, which a read-only authorization may not.
    pub fn writes(self) -> bool {
        match self {
            KeyfactorAction::TypeCreate
            | KeyfactorAction::TypeDelete
            | KeyfactorAction::ProviderCreate
            | KeyfactorAction::ProviderUpdate
            | KeyfactorAction::ProviderDelete
            | KeyfactorAction::EntryCreate
            | KeyfactorAction::EntryUpdate
            | KeyfactorAction::EntryDelete
            | KeyfactorAction::IdentityCreate
            | KeyfactorAction::IdentityDelete
            | KeyfactorAction::RoleCreate
            | KeyfactorAction::RoleUpdate
            | KeyfactorAction::RoleDelete => true,
            KeyfactorAction::EndpointList
            | KeyfactorAction::TypeList
            | KeyfactorAction::TypeRead
            | KeyfactorAction::ProviderList
            | KeyfactorAction::ProviderRead
            | KeyfactorAction::EntryList
            | KeyfactorAction::IdentityList
            | KeyfactorAction::IdentityPermissions
            | KeyfactorAction::IdentityLookup
            | KeyfactorAction::RoleList
            | KeyfactorAction::RoleRead
            | KeyfactorAction::PermissionSetList
            | KeyfactorAction::PermissionSetRead => false,
        }
    }
}
