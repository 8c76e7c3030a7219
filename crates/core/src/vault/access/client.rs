//! API clients, as held in memory.

use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::guessing::Generation;
use super::origin::AllowedOrigins;
use super::permission::Rights;
use super::sender_constraint::SenderConstraint;
use crate::crypto::{ResponseKey, SecretText};
use crate::store::id::AuthorizationId;
use crate::token::{SecretHash, VerifyingKey};

/// A group of operations that can be granted to an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Devices, credentials, protected information, SSH keys, and the list of proxy sessions.
    PamCore,
    /// The creation of proxy sessions.
    WebProxySession,
    /// PAM providers, identities and roles, as far as the roles of the authorization grant.
    Administration,
    /// The secrets of the application: all that the authorization sees, in one call.
    Dsm,
    /// The registration of applications, with authorizations that have the resource [`Resource::Dsm`] alone.
    DsmApplications,
    /// Reading items by search, by programs that name the authorization and prove it by source address or certificate alone.
    AppId,
}

impl Resource {
    /// All resources.
    pub const ALL: [Resource; 6] = [
        Resource::PamCore,
        Resource::WebProxySession,
        Resource::Administration,
        Resource::Dsm,
        Resource::DsmApplications,
        Resource::AppId,
    ];

    /// The name, as stored and as given on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Resource::PamCore => "pam-core",
            Resource::WebProxySession => "web-proxy-session",
            Resource::Administration => "administration",
            Resource::Dsm => "dsm",
            Resource::DsmApplications => "dsm-applications",
            Resource::AppId => "app-id",
        }
    }
}

/// Error for a name that is not a value of the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;

impl FromStr for Resource {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|resource| resource.as_str() == name).ok_or(UnknownName)
    }
}

/// Whether an authorization may change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAccess {
    /// May list objects and read secrets.
    ReadOnly,
    /// May also create, update, deactivate and activate.
    ReadWrite,
}

impl ClientAccess {
    /// The name, as stored and as given on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            ClientAccess::ReadOnly => "read-only",
            ClientAccess::ReadWrite => "read-write",
        }
    }
}

impl FromStr for ClientAccess {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let all = [ClientAccess::ReadOnly, ClientAccess::ReadWrite];
        all.into_iter().find(|access| access.as_str() == name).ok_or(UnknownName)
    }
}

/// A client secret that is valid until it expires.
#[derive(Clone, Debug)]
pub struct LiveSecret {
    /// Hash of the secret.
    pub hash: SecretHash,
    /// Time of expiry; `None`: never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// An authorization: an API client of an application. Held in memory, at most a second old.
#[derive(Clone, Debug)]
pub struct Client {
    /// The id of the authorization.
    pub id: AuthorizationId,
    /// The public name that it authenticates with.
    pub client_id: String,
    /// The name of its application.
    pub application: String,
    /// Whether it and its application are active.
    pub active: bool,
    /// Time of expiry; `None`: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it may write.
    pub access: ClientAccess,
    /// Resources that it may call.
    pub resources: Vec<Resource>,
    /// Origins that it may call from.
    pub origins: AllowedOrigins,
    /// Its secrets: at most two that the operator has issued, and those of its registrar.
    pub secrets: Vec<LiveSecret>,
    /// Its public keys, which verify its assertions.
    pub keys: Vec<Arc<VerifyingKey>>,
    /// What its secrets and keys are counted under when logins fail.
    pub(super) generation: Generation,
    /// How its tokens have to be bound; `None`: bearer tokens will do.
    pub sender_constraint: Option<SenderConstraint>,
    /// The public key under which the secrets in its responses are encrypted; `None`: plain.
    pub response_key: Option<Arc<ResponseKey>>,
    /// Permissions granted by its roles.
    pub rights: Rights,
}

impl Client {
    /// Whether the client is active and has not expired at `now`; otherwise none of its tokens is valid.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.active && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether `secret` is valid for this client at `now`. Compares every secret, so that timing reveals nothing.
    pub fn accepts(&self, secret: &SecretText, now: DateTime<Utc>) -> bool {
        self.secrets.iter().fold(false, |accepted, live| {
            let live_now = live.expires_at.is_none_or(|end| now < end);
            (live.hash.verify(secret) && live_now) || accepted
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::clock::from_micros;
    use crate::token::ClientSecret;

    /// A client that may read and write the PAM routes from anywhere.
    pub(in crate::vault) fn client() -> Client {
        Client {
            id: AuthorizationId::new(1),
            client_id: "c".into(),
            application: "a".into(),
            active: true,
            expires_at: None,
            access: ClientAccess::ReadWrite,
            resources: vec![Resource::PamCore],
            origins: AllowedOrigins::parse("", "", "").unwrap(),
            secrets: vec![],
            keys: vec![],
            generation: Generation::NONE,
            sender_constraint: None,
            response_key: None,
            rights: Rights::default(),
        }
    }

    #[test]
    fn a_client_ends_with_its_expiry() {
        let end = from_micros(2_000_000);
        let client = Client { expires_at: Some(end), ..client() };
        assert!(client.is_live(from_micros(1_999_999)));
        assert!(!client.is_live(end));
        assert!(!Client { active: false, ..client }.is_live(from_micros(0)));
    }

    #[test]
    fn two_secrets_live_at_once_and_each_until_its_end() {
        let (old, new) = (ClientSecret::generate(), ClientSecret::generate());
        let end = from_micros(2_000_000);
        let client = Client {
            secrets: vec![
                LiveSecret { hash: old.hash(), expires_at: Some(end) },
                LiveSecret { hash: new.hash(), expires_at: None },
            ],
            ..client()
        };
        let before = from_micros(1_000_000);
        assert!(client.accepts(old.text(), before) && client.accepts(new.text(), before));
        assert!(!client.accepts(old.text(), end) && client.accepts(new.text(), end));
        assert!(!client.accepts(ClientSecret::generate().text(), before));
    }

    #[test]
    fn names_are_read_back() {
        for resource in Resource::ALL {
            assert_eq!(resource.as_str().parse(), Ok(resource));
        }
        assert_eq!("read-only".parse(), Ok(ClientAccess::ReadOnly));
        assert!("admin".parse::<ClientAccess>().is_err() && "*".parse::<Resource>().is_err());
    }
}
