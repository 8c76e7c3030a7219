//! The objects of operations in audit records.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::id::{
    ApplicationId, ApplicationSecretId, AuthorizationId, ChangeTemplateId, CredentialId, DataKeyId, DeviceId, DomainId,
    EntryId, IdentityId, InformationId, IssuerRuleId, ProviderId, ProxySessionId, RoleId, SecurityClaimId,
    TrustedIssuerId, UserId,
};

/// The object of an operation. A rule returns it with its result, so that no audit record lacks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is a noun with its id")]
pub enum Subject {
    /// A list, or no single object.
    Collection,
    Application(ApplicationId),
    ApplicationSecret(ApplicationSecretId),
    Authorization(AuthorizationId),
    ChangeTemplate(ChangeTemplateId),
    Credential(CredentialId),
    DataKey(DataKeyId),
    Device(DeviceId),
    Domain(DomainId),
    Entry(EntryId),
    Identity(IdentityId),
    Information(InformationId),
    IssuerRule(IssuerRuleId),
    PermissionSet(Uuid),
    Provider(ProviderId),
    ProviderType(Uuid),
    ProxySession(ProxySessionId),
    Role(RoleId),
    SecurityClaim(SecurityClaimId),
    TrustedIssuer(TrustedIssuerId),
    User(UserId),
}

impl std::fmt::Display for Subject {
    /// Writes `kind:id`; nothing for a collection.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Subject::Collection => Ok(()),
            Subject::Application(id) => write!(f, "application:{id}"),
            Subject::ApplicationSecret(id) => write!(f, "application-secret:{id}"),
            Subject::Authorization(id) => write!(f, "authorization:{id}"),
            Subject::ChangeTemplate(id) => write!(f, "template:{id}"),
            Subject::Credential(id) => write!(f, "credential:{id}"),
            Subject::DataKey(id) => write!(f, "data-key:{id}"),
            Subject::Device(id) => write!(f, "device:{id}"),
            Subject::Domain(id) => write!(f, "domain:{id}"),
            Subject::Entry(id) => write!(f, "entry:{id}"),
            Subject::Identity(id) => write!(f, "identity:{id}"),
            Subject::Information(id) => write!(f, "information:{id}"),
            Subject::IssuerRule(id) => write!(f, "issuer-rule:{id}"),
            Subject::PermissionSet(id) => write!(f, "permission-set:{id}"),
            Subject::Provider(id) => write!(f, "provider:{id}"),
            Subject::ProviderType(id) => write!(f, "provider-type:{id}"),
            Subject::ProxySession(id) => write!(f, "session:{id}"),
            Subject::Role(id) => write!(f, "role:{id}"),
            Subject::SecurityClaim(id) => write!(f, "claim:{id}"),
            Subject::TrustedIssuer(id) => write!(f, "issuer:{id}"),
            Subject::User(id) => write!(f, "user:{id}"),
        }
    }
}
