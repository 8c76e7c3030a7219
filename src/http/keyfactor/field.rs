//! The names of the vault's fields in requests of this family.

use crate::vault::Field;

/// Returns the member path that errors use for a field. A field that is in no request of this family keeps the
/// vault's name.
pub(super) fn wire_name(field: Field) -> &'static str {
    match field {
        Field::AccountName => "AccountName",
        Field::AuthenticationCredential => Field::AuthenticationCredential.as_str(),
        Field::AuthenticationScheme => "ProviderAuthenticationScheme",
        Field::ClaimType => "ClaimType",
        Field::ClaimValue => "ClaimValue",
        Field::DataType => "Parameters.DataType",
        Field::Description => "Description",
        Field::DisplayName => "Parameters.DisplayName",
        Field::EmailAddress => "EmailAddress",
        Field::Identities => "Ids",
        Field::Name => "Name",
        Field::Parameter => "ProviderTypeParamValues.ProviderTypeParam.Id",
        Field::ParameterName => "Parameters.Name",
        Field::Parameters => "Parameters",
        Field::ParameterValue => "ProviderTypeParamValues.Value",
        Field::Permissions => "Permissions",
        Field::PermissionSet => "PermissionSetId",
        Field::Provider => "PamProviderId",
        Field::ProviderType => "ProviderType.Id",
        Field::SecretName => "SecretName",
        Field::SecretValue => "SecretValue",
        Field::AllowedAddress
        | Field::AllowedReferer
        | Field::Audience
        | Field::Certificate
        | Field::ChangePlugin
        | Field::ChangeTemplate
        | Field::Decision
        | Field::Claim
        | Field::Connectivities
        | Field::Content
        | Field::Criticality
        | Field::Device
        | Field::DeviceTags
        | Field::DeviceType
        | Field::Expiry
        | Field::Hostname
        | Field::Identifier
        | Field::Ip
        | Field::Issuer
        | Field::IssuerKeys
        | Field::Items
        | Field::JitPlugin
        | Field::JitTemplate
        | Field::Model
        | Field::Parent
        | Field::Password
        | Field::Port
        | Field::PrivateKey
        | Field::Protocol
        | Field::PublicKey
        | Field::RemoteAddress
        | Field::RemoteDevice
        | Field::Resource
        | Field::ResponseEncryption
        | Field::Roles
        | Field::SenderConstraint
        | Field::Environment
        | Field::System
        | Field::UniqueKey
        | Field::ScreenSize
        | Field::SecretKey
        | Field::SessionCredential
        | Field::SessionDevice
        | Field::SessionUser
        | Field::Site
        | Field::Tags
        | Field::Username
        | Field::Vendor => field.as_str(),
    }
}
