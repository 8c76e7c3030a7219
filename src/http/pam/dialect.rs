//! The dialect of a route: by its prefix, unless the settings set one for all (contract, section 11).

use actix_web::http::StatusCode;

use crate::config::{DialectSetting, PamSettings};
use crate::vault::IdentifierPolicy;
use crate::vault::credential::SavePolicy;
use crate::vault::proxy_session::CredentialChoice;

/// The prefix of the legacy dialect.
const LEGACY: &str = "/iso";
/// The prefix of the modern dialect.
const MODERN: &str = "/api";

/// The prefixes of the service.
pub(super) const PREFIXES: [&str; 2] = [LEGACY, MODERN];

/// A generation of the service. The two differ in responses and in requirements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Up to 3.32.
    Legacy,
    /// From 3.33.
    Modern,
}

impl Dialect {
    /// Returns the name of the representation, for ETags.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Modern => "modern",
        }
    }

    /// Returns the policy for identifiers.
    pub(super) fn identifiers(self) -> IdentifierPolicy {
        match self {
            Self::Legacy => IdentifierPolicy::Free,
            Self::Modern => IdentifierPolicy::Restricted,
        }
    }

    /// Returns the policy for saving a credential.
    pub(super) fn save_policy(self) -> SavePolicy {
        let is_modern = self == Self::Modern;
        SavePolicy { identifiers: self.identifiers(), username_required: is_modern, jit_complete: is_modern }
    }

    /// Whether a proxy session has to name its credential.
    pub(super) fn credential_choice(self) -> CredentialChoice {
        match self {
            Self::Legacy => CredentialChoice::Required,
            Self::Modern => CredentialChoice::AnyFree,
        }
    }
}

/// Parameters of the rendering of an error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rendering {
    pub(super) dialect: Dialect,
    /// The status of "not authorized" in the settings.
    pub(super) not_authorized: StatusCode,
}

/// The rendering of errors below each prefix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Renderings {
    setting: DialectSetting,
    not_authorized: StatusCode,
}

impl Renderings {
    pub(super) fn new(settings: &PamSettings) -> Self {
        let not_authorized = StatusCode::from_u16(settings.not_authorized_status).unwrap_or(StatusCode::FORBIDDEN);
        Self { setting: settings.dialect, not_authorized }
    }

    /// Returns the rendering of a route by the prefix of its pattern.
    pub(super) fn below(self, pattern: &str) -> Rendering {
        let dialect = match self.setting {
            DialectSetting::Legacy => Dialect::Legacy,
            DialectSetting::Modern => Dialect::Modern,
            DialectSetting::ByPrefix if pattern.starts_with(MODERN) => Dialect::Modern,
            DialectSetting::ByPrefix => Dialect::Legacy,
        };
        Rendering { dialect, not_authorized: self.not_authorized }
    }

    /// Returns the rendering of a route without a prefix.
    pub(super) fn without_prefix(self) -> Rendering {
        self.below("")
    }
}
