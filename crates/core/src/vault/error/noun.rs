//! The nouns that errors are about.

/// The kinds of object in errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Noun {
    Application,
    Authorization,
    ChangeTemplate,
    ClientKey,
    Credential,
    Device,
    Domain,
    Entry,
    Identity,
    Information,
    /// A credential, SSH key or protected-information record, for a protocol that knows one kind of secret.
    Item,
    /// The main secret of an item.
    ItemSecret,
    /// A rule of a trusted issuer.
    IssuerRule,
    Link,
    /// A provider with entries stored in the vault.
    LocalProvider,
    PermissionSet,
    Provider,
    ProviderType,
    ProxySession,
    /// The single-use URL of a proxy session.
    ProxySessionUrl,
    ResponseKey,
    RequestSigningKey,
    Role,
    /// A claim of an identity provider, which can hold roles.
    SecurityClaim,
    SshKey,
    StaticToken,
    Tag,
    /// The credential that a proxy session uses.
    TargetCredential,
    /// The device that a proxy session connects to.
    TargetDevice,
    /// The platform user in whose name a proxy session is created.
    TargetUser,
    TotpSeed,
    TrustedIssuer,
    User,
    Version,
}

impl Noun {
    /// The noun as in audit records and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Noun::Application => "application",
            Noun::Authorization => "authorization",
            Noun::ChangeTemplate => "template",
            Noun::ClientKey => "client-key",
            Noun::Credential => "credential",
            Noun::Device => "device",
            Noun::Domain => "domain",
            Noun::Entry => "entry",
            Noun::Identity => "identity",
            Noun::Information => "information",
            Noun::Item => "item",
            Noun::ItemSecret => "item-secret",
            Noun::IssuerRule => "issuer-rule",
            Noun::Link => "link",
            Noun::LocalProvider => "local-provider",
            Noun::PermissionSet => "permission-set",
            Noun::Provider => "provider",
            Noun::ProviderType => "provider-type",
            Noun::ProxySession => "proxy-session",
            Noun::ProxySessionUrl => "proxy-session-url",
            Noun::ResponseKey => "response-key",
            Noun::RequestSigningKey => "signing-key",
            Noun::Role => "role",
            Noun::SecurityClaim => "claim",
            Noun::SshKey => "ssh-key",
            Noun::StaticToken => "static-token",
            Noun::Tag => "tag",
            Noun::TargetCredential => "target-credential",
            Noun::TargetDevice => "target-device",
            Noun::TargetUser => "target-user",
            Noun::TotpSeed => "totp-seed",
            Noun::TrustedIssuer => "issuer",
            Noun::User => "user",
            Noun::Version => "version",
        }
    }
}

/// The kinds of object that can be deactivated and activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Switchable {
    Credential,
    Device,
    Information,
    /// A proxy session ends once and is never activated again.
    ProxySession,
    SshKey,
}

impl Switchable {
    /// The noun as in audit records and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Switchable::Credential => "credential",
            Switchable::Device => "device",
            Switchable::Information => "information",
            Switchable::ProxySession => "proxy-session",
            Switchable::SshKey => "ssh-key",
        }
    }
}
