//! The operations of the command line.

use super::Action;

/// Administration of applications and their clients, from the command line.
#[expect(missing_docs, reason = "the names say it")]
impl Action {
    pub const APPLICATION_CREATE: Action = Action::operator("application.create");
    pub const APPLICATION_LIST: Action = Action::operator("application.list");
    pub const APPLICATION_DISABLE: Action = Action::operator("application.disable");
    pub const AUTHORIZATION_CREATE: Action = Action::operator("authorization.create");
    pub const AUTHORIZATION_LIST: Action = Action::operator("authorization.list");
    pub const AUTHORIZATION_DISABLE: Action = Action::operator("authorization.disable");
    pub const AUTHORIZATION_ROTATE_SECRET: Action = Action::operator("authorization.rotate-secret");
    pub const AUTHORIZATION_CREATE_TOKEN: Action = Action::operator("authorization.create-token");
    pub const AUTHORIZATION_LIST_TOKENS: Action = Action::operator("authorization.list-tokens");
    pub const AUTHORIZATION_REVOKE_TOKEN: Action = Action::operator("authorization.revoke-token");
    pub const AUTHORIZATION_ADD_KEY: Action = Action::operator("authorization.add-key");
    pub const AUTHORIZATION_LIST_KEYS: Action = Action::operator("authorization.list-keys");
    pub const AUTHORIZATION_REMOVE_KEY: Action = Action::operator("authorization.remove-key");
    pub const AUTHORIZATION_CREATE_SIGNING_KEY: Action = Action::operator("authorization.create-signing-key");
    pub const AUTHORIZATION_LIST_SIGNING_KEYS: Action = Action::operator("authorization.list-signing-keys");
    pub const AUTHORIZATION_REVOKE_SIGNING_KEY: Action = Action::operator("authorization.revoke-signing-key");
    pub const AUTHORIZATION_LINK: Action = Action::operator("authorization.link");
    pub const AUTHORIZATION_UNLINK: Action = Action::operator("authorization.unlink");
    pub const AUTHORIZATION_GRANT_ROLE: Action = Action::operator("authorization.grant-role");
    pub const AUTHORIZATION_REVOKE_ROLE: Action = Action::operator("authorization.revoke-role");
    pub const ISSUER_CREATE: Action = Action::operator("issuer.create");
    pub const ISSUER_LIST: Action = Action::operator("issuer.list");
    pub const ISSUER_DISABLE: Action = Action::operator("issuer.disable");
    pub const ISSUER_REMOVE: Action = Action::operator("issuer.remove");
    pub const ISSUER_ADD_RULE: Action = Action::operator("issuer.add-rule");
    pub const ISSUER_LIST_RULES: Action = Action::operator("issuer.list-rules");
    pub const ISSUER_REMOVE_RULE: Action = Action::operator("issuer.remove-rule");
    pub const RESPONSE_KEY_READ: Action = Action::operator("authorization.read-response-key");
    pub const RESPONSE_KEY_SET: Action = Action::operator("authorization.set-response-key");
    pub const RESPONSE_KEY_REMOVE: Action = Action::operator("authorization.remove-response-key");
    pub const DOMAIN_ADD: Action = Action::operator("domain.add");
    pub const DOMAIN_LIST: Action = Action::operator("domain.list");
    pub const USER_ADD: Action = Action::operator("user.add");
    pub const USER_LIST: Action = Action::operator("user.list");
    pub const IDENTITY_SUMMARY: Action = Action::operator("identity.list");
    pub const ROLE_SUMMARY: Action = Action::operator("role.list");
    pub const TEMPLATE_IMPORT: Action = Action::operator("template.import");
    pub const TEMPLATE_LIST: Action = Action::operator("template.list");
    pub const TEMPLATE_READ: Action = Action::operator("template.read");
    pub const TEMPLATE_REMOVE: Action = Action::operator("template.remove");
    pub const TEMPLATE_TRY: Action = Action::operator("template.try");
    pub const BACKUP_CREATE: Action = Action::operator("backup.create");
    pub const BACKUP_RESTORE: Action = Action::operator("backup.restore");
    pub const BACKUP_DRILL: Action = Action::operator("backup.drill");
    pub const KEY_STATUS: Action = Action::operator("key.status");
    pub const KEY_ROTATE: Action = Action::operator("key.rotate");
    pub const KEY_FINISH_ROTATION: Action = Action::operator("key.finish-rotation");
    pub const KEY_SPLIT: Action = Action::operator("key.split");
    pub const KEY_COMBINE: Action = Action::operator("key.combine");
    pub const KEY_ROTATE_ROOT: Action = Action::operator("key.rotate-root");
    pub const KEY_ROTATE_SIGNING: Action = Action::operator("key.rotate-signing");
    pub const AUDIT_READ: Action = Action::operator("audit.read");
    pub const AUDIT_VERIFY: Action = Action::operator("audit.verify");
    pub const AUDIT_PRUNE: Action = Action::operator("audit.prune");
}
