//! Who may do what: clients as they stand in memory, and the check that comes before everything else.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::VaultError;
use super::error::Refusal;
use super::keyfactor::permission::Rights;
use super::origin::{AllowedOrigins, Origin};
use crate::crypto::{AnswerKey, SecretText};
use crate::token::Verifier;

/// A family of calls that an authorization can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Devices, credentials, information, SSH keys, and the list of sessions.
    PamCore,
    /// The creation of proxy sessions.
    WebProxySession,
    /// The Keyfactor routes.
    Keyfactor,
}

impl Resource {
    /// All of them.
    pub const ALL: [Resource; 3] = [Resource::PamCore, Resource::WebProxySession, Resource::Keyfactor];

    /// The name, as stored and as given on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Resource::PamCore => "pam-core",
            Resource::WebProxySession => "web-proxy-session",
            Resource::Keyfactor => "keyfactor",
        }
    }

    /// The resource of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.name() == name)
    }
}

/// Whether an authorization may change things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It may look, and read secrets.
    ReadOnly,
    /// It may also create, change, deactivate and activate.
    ReadWrite,
}

impl Access {
    /// The name, as stored and as given on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Access::ReadOnly => "read-only",
            Access::ReadWrite => "read-write",
        }
    }

    /// The access of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Access::ReadOnly, Access::ReadWrite].into_iter().find(|access| access.name() == name)
    }
}

/// A secret that a client may use, until it runs out.
#[derive(Clone, Debug)]
pub struct LiveSecret {
    /// What it is compared with.
    pub verifier: Verifier,
    /// When it stops working; `None` is never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// An authorization: a client, and what it may do. Kept in memory, at most a second old.
#[derive(Clone, Debug)]
pub struct Client {
    /// The number of the authorization.
    pub id: i32,
    /// The public name that it authenticates with.
    pub client_id: String,
    /// Whether it and its application are switched on.
    pub active: bool,
    /// When it stops working; `None` is never.
    pub expires_at: Option<DateTime<Utc>>,
    /// What it may change.
    pub access: Access,
    /// What it may call.
    pub resources: Vec<Resource>,
    /// Where it may call from.
    pub origins: AllowedOrigins,
    /// Its secrets, at most two.
    pub secrets: Vec<LiveSecret>,
    /// What the secrets in its answers are encrypted under; `None` is not at all.
    pub answer_key: Option<Arc<AnswerKey>>,
    /// What its roles let it do on the Keyfactor routes.
    pub rights: Rights,
}

impl Client {
    /// Whether tokens of this client count at all at `now`.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.active && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether `secret` is one of this client's at `now`. Looks at every secret, so that the time tells nothing.
    pub fn accepts(&self, secret: &SecretText, now: DateTime<Utc>) -> bool {
        self.secrets.iter().fold(false, |accepted, live| {
            let live_now = live.expires_at.is_none_or(|end| now < end);
            (live.verifier.accepts(secret) && live_now) || accepted
        })
    }
}

/// What a call needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The resource that it belongs to.
    pub resource: Resource,
    /// Whether it changes anything.
    pub write: bool,
}

/// Whether `client` may do what needs `need` from `origin`: the resource first, then the origin, then 1039
/// (contract, section 1.9).
pub fn permit(client: &Client, need: Need, origin: &Origin) -> Result<(), VaultError> {
    if !client.resources.contains(&need.resource) {
        return Err(VaultError::NotAuthorized(Refusal::Resource));
    }
    client.origins.admit(origin).map_err(VaultError::NotAuthorized)?;
    match (need.write, client.access) {
        (true, Access::ReadOnly) => Err(VaultError::ReadOnly),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_micros;
    use crate::token::ClientSecret;

    fn client() -> Client {
        Client {
            id: 1,
            client_id: "c".into(),
            active: true,
            expires_at: None,
            access: Access::ReadWrite,
            resources: vec![Resource::PamCore],
            origins: AllowedOrigins::parse("", "", "").unwrap(),
            secrets: vec![],
            answer_key: None,
            rights: Rights::default(),
        }
    }

    const READ: Need = Need { resource: Resource::PamCore, write: false };
    const WRITE: Need = Need { resource: Resource::PamCore, write: true };

    #[test]
    fn the_resource_comes_before_the_origin_and_the_origin_before_the_access() {
        let here =
            Origin { source: "10.0.0.1".parse().unwrap(), request_id: String::new(), referer: None, certificate: None };
        let mut client = client();
        assert_eq!(permit(&client, WRITE, &here), Ok(()));
        client.access = Access::ReadOnly;
        assert_eq!(permit(&client, WRITE, &here), Err(VaultError::ReadOnly));
        assert_eq!(permit(&client, READ, &here), Ok(()));
        client.origins = AllowedOrigins::parse("10.0.0.2", "", "").unwrap();
        assert_eq!(permit(&client, WRITE, &here), Err(VaultError::NotAuthorized(Refusal::Source)));
        client.resources = vec![Resource::Keyfactor];
        assert_eq!(permit(&client, WRITE, &here), Err(VaultError::NotAuthorized(Refusal::Resource)));
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
                LiveSecret { verifier: old.verifier(), expires_at: Some(end) },
                LiveSecret { verifier: new.verifier(), expires_at: None },
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
            assert_eq!(Resource::named(resource.name()), Some(resource));
        }
        assert_eq!(Access::named("read-only"), Some(Access::ReadOnly));
        assert_eq!((Access::named("admin"), Resource::named("*")), (None, None));
    }
}
