//! The dialect of a route: its prefix, unless the settings name one for all (contract, section 11).

use actix_web::http::StatusCode;

use crate::config::{DialectSetting, PamSettings};
use crate::vault::IdentifierPolicy;
use crate::vault::credential::SavePolicy;
use crate::vault::proxy_session::CredentialChoice;

/// Up to 3.32.
const LEGACY: &str = "/iso";
/// From 3.33.
const MODERN: &str = "/api";

/// The prefixes of the service.
pub(super) const PREFIXES: [&str; 2] = [LEGACY, MODERN];

/// One of the two generations of the service. They differ in answers and in what they require.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Up to 3.32.
    Legacy,
    /// From 3.33.
    Modern,
}

impl Dialect {
    /// The name of the representation, for ETags.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Modern => "modern",
        }
    }

    /// Which identifiers it allows.
    pub(super) fn identifiers(self) -> IdentifierPolicy {
        match self {
            Self::Legacy => IdentifierPolicy::Free,
            Self::Modern => IdentifierPolicy::Restricted,
        }
    }

    /// What it requires of a credential that is saved.
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

/// What the form of an error depends on, beside the error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rendering {
    pub(super) dialect: Dialect,
    /// The status of "not authorized" in the settings.
    pub(super) not_authorized: StatusCode,
}

/// How errors are rendered below each prefix.
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

    /// Returns the rendering of a route that has no prefix, or of no route.
    pub(super) fn without_prefix(self) -> Rendering {
        self.below("")
    }
}
