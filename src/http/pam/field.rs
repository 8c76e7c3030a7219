//! The names of the vault's fields among the parameters of this service.

use crate::vault::Field;

/// Returns the parameter that a field comes from.
pub(super) fn parameter_name(field: Field) -> &'static str {
    match field {
        Field::ChangePlugin => "change_plugin",
        Field::ChangeTemplate => "change_template",
        Field::Connectivities => "connectivities",
        Field::Content => "content",
        Field::Criticality => "criticality",
        Field::Decision => "decision",
        Field::Device | Field::SessionDevice => "device",
        Field::DeviceTags => "device_tags",
        Field::DeviceType => "type",
        Field::Hostname => "hostname",
        Field::Identifier => "identifier",
        Field::Ip => "ip",
        Field::Items => "items",
        Field::AuthenticationCredential => "authentication_credential",
        Field::JitPlugin | Field::JitTemplate => "jit_settings",
        Field::Model => "model",
        Field::Name => "name",
        Field::Parent => "parent_password",
        Field::Password => "password",
        Field::Port => "port",
        Field::PrivateKey => "private_key",
        Field::Protocol => "protocol",
        Field::PublicKey => "public_key",
        Field::RemoteAddress => "remoteAddr",
        Field::RemoteDevice => "remotedevice",
        Field::ResponseEncryption => "Accept-Encryption",
        Field::ScreenSize => "screensize",
        Field::SecretKey => "secret_key",
        Field::SessionCredential => "credential",
        Field::SessionUser => "user",
        Field::Site => "site",
        Field::Tags => "tags",
        Field::Username => "username",
        Field::Vendor => "vendor",
        // Fields of nouns that this family does not write.
        Field::AccountName
        | Field::AllowedAddress
        | Field::AllowedReferer
        | Field::AuthenticationScheme
        | Field::Certificate
        | Field::ClaimType
        | Field::ClaimValue
        | Field::Identities
        | Field::Provider
        | Field::Audience
        | Field::Claim
        | Field::DataType
        | Field::Description
        | Field::DisplayName
        | Field::EmailAddress
        | Field::Expiry
        | Field::Issuer
        | Field::IssuerKeys
        | Field::Parameter
        | Field::ParameterName
        | Field::Parameters
        | Field::ParameterValue
        | Field::Permissions
        | Field::PermissionSet
        | Field::ProviderType
        | Field::Resource
        | Field::Roles
        | Field::SenderConstraint
        | Field::Environment
        | Field::System
        | Field::UniqueKey
        | Field::SecretName
        | Field::SecretValue => field.as_str(),
    }
}
