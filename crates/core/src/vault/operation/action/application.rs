//! The operations on the secrets of an application, and its registration.

use super::{AccessKind, Action, Need};
use crate::vault::access::Resource;

/// Secrets of an application.
impl Action {
    /// Reading every secret of the authorization at once.
    pub const APPLICATION_READ: Action =
        Action::new("application.read", Need::Resource(Resource::Dsm, AccessKind::Read));
    /// Registering an application, or another authorization of one.
    pub const APPLICATION_REGISTER: Action =
        Action::new("application.register", Need::Resource(Resource::DsmApplications, AccessKind::Write));
    /// Disabling the authorization that asks for it.
    pub const AUTHORIZATION_DISABLE_OWN: Action =
        Action::new("authorization.disable-own", Need::Resource(Resource::Dsm, AccessKind::Write));
    /// Saving a secret.
    pub const APPLICATION_SECRET_SAVE: Action =
        Action::new("application-secret.save", Need::Resource(Resource::Dsm, AccessKind::Write)).idempotent();
    /// Saving the variables of a pipeline as secrets.
    pub const APPLICATION_SECRET_IMPORT: Action =
        Action::new("application-secret.import", Need::Resource(Resource::Dsm, AccessKind::Write)).idempotent();
}
