//! The operations of the vault, each with its audit event name, its required permission, and its support of preconditions
//! and idempotency keys.

mod application;
mod operator;

use chaveiro_rotation::AuditEvent;

use crate::vault::access::{Resource, Verb};

/// An operation that a principal can request. Each route names its action; permission guard, API description and test
/// matrices read it from the route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    name: &'static str,
    need: Need,
    is_conditional: bool,
    is_idempotent: bool,
}

/// The requirement of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing beyond being authenticated.
    Nothing,
    /// The resource, and for a write an authorization that may write.
    Resource(Resource, AccessKind),
    /// The resource [`Resource::Administration`], and a permission that a role grants.
    Role(RolePermission, AccessKind),
    /// The operator or the system.
    Operator,
}

/// Whether an operation changes anything. A read-only authorization permits reads only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AccessKind {
    Read,
    Write,
}

/// The permission of a role that an action needs before its object is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolePermission {
    /// No particular permission.
    Any,
    /// A permission on all of PAM.
    Pam(Verb),
    /// A permission on at least one provider. The provider itself is checked when it is looked up.
    SomeProvider(Verb),
    /// A permission on identities, roles and permission sets.
    Security(Verb),
    /// The same permission, through a role in the global permission set.
    GlobalSecurity(Verb),
}

impl Action {
    const fn new(name: &'static str, need: Need) -> Self {
        Self { name, need, is_conditional: false, is_idempotent: false }
    }

    const fn read(name: &'static str) -> Self {
        Self::new(name, Need::Resource(Resource::PamCore, AccessKind::Read))
    }

    const fn write(name: &'static str) -> Self {
        Self::new(name, Need::Resource(Resource::PamCore, AccessKind::Write))
    }

    const fn role_read(name: &'static str, permission: RolePermission) -> Self {
        Self::new(name, Need::Role(permission, AccessKind::Read))
    }

    const fn role_write(name: &'static str, permission: RolePermission) -> Self {
        Self::new(name, Need::Role(permission, AccessKind::Write))
    }

    const fn operator(name: &'static str) -> Self {
        Self::new(name, Need::Operator)
    }

    const fn conditional(mut self) -> Self {
        self.is_conditional = true;
        self
    }

    const fn idempotent(mut self) -> Self {
        self.is_idempotent = true;
        self
    }

    /// The event name in the audit log; stable.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The requirement of the action.
    pub const fn need(self) -> Need {
        self.need
    }

    /// Whether the object has an ETag that preconditions are compared with.
    pub const fn is_conditional(self) -> bool {
        self.is_conditional
    }

    /// Whether the action supports idempotency keys.
    pub const fn is_idempotent(self) -> bool {
        self.is_idempotent
    }

    /// Whether the action changes anything other than custody.
    pub const fn is_write(self) -> bool {
        match self.need {
            Need::Resource(_, access) | Need::Role(_, access) => matches!(access, AccessKind::Write),
            Need::Operator => true,
            Need::Nothing => false,
        }
    }

    /// The same action with read access as its requirement, for protocols that document the weaker permission.
    pub const fn as_read(mut self) -> Self {
        if let Need::Resource(resource, _) = self.need {
            self.need = Need::Resource(resource, AccessKind::Read);
        }
        self
    }
}

/// Devices.
#[expect(missing_docs, reason = "the names say it")]
impl Action {
    pub const DEVICE_LIST: Action = Action::read("device.list");
    pub const DEVICE_READ: Action = Action::read("device.read").conditional();
    pub const DEVICE_SAVE: Action = Action::write("device.save").conditional().idempotent();
    pub const DEVICE_DEACTIVATE: Action = Action::write("device.deactivate").conditional();
    pub const DEVICE_ACTIVATE: Action = Action::write("device.activate").conditional();
    pub const DEVICE_TRANSFER: Action = Action::operator("device.transfer");
}

/// Credentials and their custody. Releasing custody is no write (contract, section 6).
#[expect(missing_docs, reason = "the names say it")]
impl Action {
    pub const CREDENTIAL_LIST: Action = Action::read("credential.list");
    /// Showing a credential or SSH key without its secrets. Takes no custody, and is no view.
    pub const CREDENTIAL_METADATA: Action = Action::read("credential.metadata").conditional();
    pub const CREDENTIAL_READ: Action = Action::read("credential.read").conditional();
    pub const CREDENTIAL_TOTP: Action = Action::read("credential.totp");
    pub const CREDENTIAL_USE: Action = Action::read("credential.use").idempotent();
    pub const CREDENTIAL_BATCH: Action = Action::read("credential.batch").idempotent();
    pub const CREDENTIAL_SAVE: Action = Action::write("credential.save").conditional().idempotent();
    pub const CREDENTIAL_DEACTIVATE: Action = Action::write("credential.deactivate").conditional();
    pub const CREDENTIAL_ACTIVATE: Action = Action::write("credential.activate").conditional();
    pub const CUSTODY_RELEASE: Action = Action::read("custody.release").conditional();
}

/// Changes of passwords on targets.
#[expect(missing_docs, reason = "the names say it")]
impl Action {
    pub const ROTATION_REQUEST: Action = Action::write("rotation.request").conditional().idempotent();
    pub const ROTATION_STATUS: Action = Action::read("rotation.status");
    pub const ROTATION_DECIDE: Action = Action::write("rotation.decide").conditional().idempotent();
    /// Showing both values of a password whose change is not proved.
    pub const ROTATION_RECOVER: Action = Action::write("rotation.recover");
    pub const ROTATION_REQUEST_BY_AGE: Action = Action::operator("rotation.request-by-age");
    /// The end of a custody by its time, which may request a change.
    pub const CUSTODY_EXPIRE: Action = Action::operator("custody.expire");

    /// A step of a rotation in the background.
    pub(in crate::vault) fn rotation(event: AuditEvent) -> Self {
        Self::operator(event.as_str())
    }
}

/// Accounts that exist on their targets only while custody lasts.
#[expect(missing_docs, reason = "the names say it")]
impl Action {
    /// A client needs the account: it may exist from here on. Needs what the read needs.
    pub const JIT_REQUEST: Action = Action::read("jit.requested");
    pub const JIT_PINNED: Action = Action::operator("jit.identity-pinned");
    pub const JIT_CREATED: Action = Action::operator("jit.created");
    pub const JIT_CREATION_FAILED: Action = Action::operator("jit.creation-failed");
    pub const JIT_REMOVAL_STARTED: Action = Action::operator("jit.removal-started");
    pub const JIT_REMOVED: Action = Action::operator("jit.removed");
    pub const JIT_REMOVAL_FAILED: Action = Action::operator("jit.removal-failed");
    /// The account on the target is not one that the vault has created, and stays.
    pub const JIT_NOT_OURS: Action = Action::operator("jit.not-ours");
}

/// Protected information.
#[expect(missing_docs, reason = "the names say it")]
impl Action {
    pub const INFORMATION_LIST: Action = Action::read("information.list");
    pub const INFORMATION_READ: Action = Action::read("information.read").conditional();
    pub const INFORMATION_SAVE: Action = Action::write("information.save").conditional().idempotent();
    pub const INFORMATION_DEACTIVATE: Action = Action::write("information.deactivate").conditional();
    pub const INFORMATION_ACTIVATE: Action = Action::write("information.activate").conditional();
}

/// Items, for protocols that know one kind of secret.
#[expect(missing_docs, reason = "the names say it")]
impl Action {
    pub const ITEM_LIST: Action = Action::read("item.list");
    /// Showing the mount of the items.
    pub const ITEM_MOUNT: Action = Action::read("item.mount");
    pub const ITEM_READ: Action = Action::read("item.read");
    pub const ITEM_SAVE: Action = Action::write("item.save");
    /// Showing the public key that clients encrypt for what they save. Needs what a save needs: the key is generated for it.
    pub const ITEM_KEY: Action = Action::write("item.key");
    /// Reading the only item that a search finds.
    pub const ITEM_SEARCH: Action = Action::new("item.search", Need::Resource(Resource::AppId, AccessKind::Read));
    /// Showing the client's own token. Unlike introspection, it needs what a read needs: clients test a connection by it.
    pub const TOKEN_LOOKUP: Action = Action::read("token.lookup");
}

/// SSH keys.
#[expect(missing_docs, reason = "the names say it")]
impl Action {
    pub const SSH_KEY_LIST: Action = Action::read("ssh-key.list");
    pub const SSH_KEY_READ: Action = Action::read("ssh-key.read").conditional();
    pub const SSH_KEY_SAVE: Action = Action::write("ssh-key.save").conditional().idempotent();
    pub const SSH_KEY_DEACTIVATE: Action = Action::write("ssh-key.deactivate").conditional();
    pub const SSH_KEY_ACTIVATE: Action = Action::write("ssh-key.activate").conditional();
}

/// Versions of secrets.
#[expect(missing_docs, reason = "the names say it")]
impl Action {
    pub const HISTORY_LIST: Action = Action::read("history.list");
    pub const HISTORY_READ: Action = Action::read("history.read");
    pub const HISTORY_RESTORE: Action = Action::write("history.restore").conditional().idempotent();
}

/// Proxy sessions. Opening one needs no permission: its URL is handed on, and another client may open it.
#[expect(missing_docs, reason = "the names say it")]
impl Action {
    pub const PROXY_SESSION_CREATE: Action =
        Action::new("session.create", Need::Resource(Resource::WebProxySession, AccessKind::Write)).idempotent();
    pub const PROXY_SESSION_OPEN: Action = Action::new("session.open", Need::Nothing);
    pub const PROXY_SESSION_LIST: Action = Action::read("session.list");
    pub const PROXY_SESSION_READ: Action = Action::read("session.read");
    pub const PROXY_SESSION_DROP: Action = Action::write("session.drop");
}

/// PAM providers, their types and entries.
#[expect(missing_docs, reason = "the names say it")]
impl Action {
    pub const PROVIDER_TYPE_LIST: Action = Action::role_read("provider-type.list", RolePermission::Pam(Verb::Read));
    pub const PROVIDER_TYPE_READ: Action = Action::role_read("provider-type.read", RolePermission::Pam(Verb::Read));
    pub const PROVIDER_TYPE_CREATE: Action =
        Action::role_write("provider-type.create", RolePermission::Pam(Verb::Modify));
    pub const PROVIDER_TYPE_DELETE: Action =
        Action::role_write("provider-type.delete", RolePermission::Pam(Verb::Modify));
    pub const PROVIDER_LIST: Action = Action::role_read("provider.list", RolePermission::SomeProvider(Verb::Read));
    pub const PROVIDER_READ: Action = Action::role_read("provider.read", RolePermission::SomeProvider(Verb::Read));
    pub const PROVIDER_CREATE: Action = Action::role_write("provider.create", RolePermission::Pam(Verb::Modify));
    pub const PROVIDER_UPDATE: Action =
        Action::role_write("provider.update", RolePermission::SomeProvider(Verb::Modify));
    pub const PROVIDER_DELETE: Action =
        Action::role_write("provider.delete", RolePermission::SomeProvider(Verb::Modify));
    pub const ENTRY_LIST: Action = Action::role_read("entry.list", RolePermission::SomeProvider(Verb::Read));
    pub const ENTRY_CREATE: Action = Action::role_write("entry.create", RolePermission::SomeProvider(Verb::Modify));
    pub const ENTRY_UPDATE: Action = Action::role_write("entry.update", RolePermission::SomeProvider(Verb::Modify));
    pub const ENTRY_DELETE: Action = Action::role_write("entry.delete", RolePermission::SomeProvider(Verb::Modify));
    /// Reading an entry with its secret, for an API client that it is linked to.
    pub const ENTRY_READ: Action = Action::read("entry.read");
}

/// Identities, roles and permission sets.
#[expect(missing_docs, reason = "the names say it")]
impl Action {
    pub const IDENTITY_LIST: Action = Action::role_read("identity.list", RolePermission::Security(Verb::Modify));
    pub const IDENTITY_PERMISSIONS: Action =
        Action::role_read("identity.permissions", RolePermission::Security(Verb::Read));
    pub const IDENTITY_LOOKUP: Action = Action::role_read("identity.lookup", RolePermission::Security(Verb::Read));
    pub const IDENTITY_CREATE: Action =
        Action::role_write("identity.create", RolePermission::GlobalSecurity(Verb::Modify));
    pub const IDENTITY_DELETE: Action = Action::role_write("identity.delete", RolePermission::Security(Verb::Modify));
    pub const IDENTITY_SET_PASSWORD: Action = Action::operator("identity.set-password");
    pub const IDENTITY_GRANT_ROLE: Action = Action::operator("identity.grant-role");
    pub const IDENTITY_REVOKE_ROLE: Action = Action::operator("identity.revoke-role");
    pub const ROLE_LIST: Action = Action::role_read("role.list", RolePermission::Security(Verb::Read));
    pub const ROLE_READ: Action = Action::role_read("role.read", RolePermission::Security(Verb::Read));
    pub const ROLE_CREATE: Action = Action::role_write("role.create", RolePermission::GlobalSecurity(Verb::Modify));
    pub const ROLE_UPDATE: Action = Action::role_write("role.update", RolePermission::GlobalSecurity(Verb::Modify));
    pub const ROLE_DELETE: Action = Action::role_write("role.delete", RolePermission::GlobalSecurity(Verb::Modify));
    pub const PERMISSION_SET_LIST: Action =
        Action::role_read("permission-set.list", RolePermission::Security(Verb::Read));
    pub const PERMISSION_SET_READ: Action =
        Action::role_read("permission-set.read", RolePermission::Security(Verb::Read));
    pub const PERMISSION_SET_CREATE: Action =
        Action::role_write("permission-set.create", RolePermission::GlobalSecurity(Verb::Modify));
    pub const PERMISSION_SET_UPDATE: Action =
        Action::role_write("permission-set.update", RolePermission::GlobalSecurity(Verb::Modify));
    pub const PERMISSION_SET_DELETE: Action =
        Action::role_write("permission-set.delete", RolePermission::GlobalSecurity(Verb::Modify));
    /// The permission sets of the caller's own roles.
    pub const PERMISSION_SET_OWN: Action = Action::role_read("permission-set.own", RolePermission::Any);
    pub const ROLE_SET_HOLDERS: Action =
        Action::role_write("role.set-holders", RolePermission::GlobalSecurity(Verb::Modify));
    pub const ROLE_HOLDERS: Action = Action::role_read("role.holders", RolePermission::Security(Verb::Modify));
    pub const CLAIM_LIST: Action = Action::role_read("claim.list", RolePermission::Security(Verb::Read));
    pub const CLAIM_READ: Action = Action::role_read("claim.read", RolePermission::Security(Verb::Read));
    pub const CLAIM_ROLES: Action = Action::role_read("claim.roles", RolePermission::Security(Verb::Read));
    pub const CLAIM_CREATE: Action = Action::role_write("claim.create", RolePermission::GlobalSecurity(Verb::Modify));
    pub const CLAIM_UPDATE: Action = Action::role_write("claim.update", RolePermission::GlobalSecurity(Verb::Modify));
    pub const CLAIM_DELETE: Action = Action::role_write("claim.delete", RolePermission::GlobalSecurity(Verb::Modify));
    /// Listing the endpoints.
    pub const ENDPOINT_LIST: Action = Action::role_read("endpoint.list", RolePermission::Any);
    /// The health check.
    pub const HEALTH_CHECK: Action = Action::role_read("health.check", RolePermission::Any);
}

/// Tokens, failed authentications, unknown routes and background work.
#[expect(missing_docs, reason = "the names say it")]
impl Action {
    pub const TOKEN_ISSUE: Action = Action::new("token.issue", Need::Nothing);
    pub const TOKEN_REVOKE: Action = Action::new("token.revoke", Need::Nothing);
    pub const TOKEN_INTROSPECT: Action = Action::new("token.introspect", Need::Nothing);
    pub const AUTHENTICATION: Action = Action::operator("authentication");
    pub const UNKNOWN_ROUTE: Action = Action::new("route.unknown", Need::Nothing);
    pub const PRUNE: Action = Action::operator("retention.prune");
}
