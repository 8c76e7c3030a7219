//! Why a call to the Keyfactor routes did not do what it was asked, beside the refusals that every family has.

/// A refusal of the rules in this family.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyfactorError {
    /// The path does not speak the version that was asked for.
    #[error("API version not supported")]
    ApiVersion,
    /// The settings want the header `x-keyfactor-requested-with`, and it was not there.
    #[error("x-keyfactor-requested-with missing")]
    RequestedWithMissing,
    /// The list is not sorted by such a field.
    #[error("no such sort field")]
    SortField,
    /// No such provider type.
    #[error("provider type not found")]
    TypeNotFound,
    /// Some provider type has the name.
    #[error("provider type name taken")]
    TypeNameTaken,
    /// The provider type was there from the beginning.
    #[error("provider type is built in")]
    TypeBuiltIn,
    /// A provider is of the type.
    #[error("provider type in use")]
    TypeInUse,
    /// No such provider.
    #[error("provider not found")]
    ProviderNotFound,
    /// Some provider has the name.
    #[error("provider name taken")]
    ProviderNameTaken,
    /// The provider has entries.
    #[error("provider has entries")]
    ProviderInUse,
    /// A provider that is not remote lacks the value of a parameter of its type.
    #[error("the value of a parameter is missing")]
    ValueMissing {
        /// The parameter's name, as its type has it.
        parameter: String,
    },
    /// The provider keeps no entries here.
    #[error("provider is not local")]
    ProviderNotLocal,
    /// No such entry, or not one that the client sees.
    #[error("entry not found")]
    EntryNotFound,
    /// Some entry of the provider has the name.
    #[error("entry name taken")]
    EntryNameTaken,
    /// No such identity.
    #[error("identity not found")]
    IdentityNotFound,
    /// The account is an identity already.
    #[error("identity exists")]
    IdentityTaken,
    /// The caller would delete the identity that it is.
    #[error("own identity")]
    OwnIdentity,
    /// The directory does not answer.
    #[error("directory unavailable")]
    DirectoryUnavailable,
    /// No such role.
    #[error("role not found")]
    RoleNotFound,
    /// Some role has the name.
    #[error("role name taken")]
    RoleNameTaken,
    /// The role was there from the beginning.
    #[error("role is immutable")]
    RoleImmutable,
    /// No such permission set.
    #[error("permission set not found")]
    PermissionSetNotFound,
}

impl KeyfactorError {
    /// The stable word for the audit log.
    pub fn reason(&self) -> &'static str {
        match self {
            KeyfactorError::ApiVersion => "api-version-not-supported",
            KeyfactorError::RequestedWithMissing => "requested-with-missing",
            KeyfactorError::SortField => "sort-field-unknown",
            KeyfactorError::TypeNotFound => "provider-type-not-found",
            KeyfactorError::TypeNameTaken => "provider-type-name-taken",
            KeyfactorError::TypeBuiltIn => "provider-type-built-in",
            KeyfactorError::TypeInUse => "provider-type-in-use",
            KeyfactorError::ProviderNotFound => "provider-not-found",
            KeyfactorError::ProviderNameTaken => "provider-name-taken",
            KeyfactorError::ProviderInUse => "provider-in-use",
            KeyfactorError::ValueMissing { .. } => "provider-value-missing",
            KeyfactorError::ProviderNotLocal => "provider-not-local",
            KeyfactorError::EntryNotFound => "entry-not-found",
            KeyfactorError::EntryNameTaken => "entry-name-taken",
            KeyfactorError::IdentityNotFound => "identity-not-found",
            KeyfactorError::IdentityTaken => "identity-taken",
            KeyfactorError::OwnIdentity => "own-identity",
            KeyfactorError::DirectoryUnavailable => "directory-unavailable",
            KeyfactorError::RoleNotFound => "role-not-found",
            KeyfactorError::RoleNameTaken => "role-name-taken",
            KeyfactorError::RoleImmutable => "role-immutable",
            KeyfactorError::PermissionSetNotFound => "permission-set-not-found",
        }
    }
}
