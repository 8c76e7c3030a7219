//! The errors of targets, with fixed texts.

use chaveiro_rotation::{Failure, TargetError};

/// Declares a constructor for each failure.
macro_rules! constructors {
    ($($name:ident => $failure:ident),* $(,)?) => {
        $(
            #[doc = concat!("Returns the error [`Failure::", stringify!($failure), "`].")]
            #[allow(dead_code, reason = "which of them are needed depends on the features")]
            pub(crate) fn $name(cause: &'static str) -> TargetError {
                TargetError { failure: Failure::$failure, cause }
            }
        )*
    };
}

constructors! {
    unreachable => Unreachable,
    identity_changed => IdentityChanged,
    denied => Denied,
    rejected => Rejected,
    too_early => TooEarly,
    locked => Locked,
    unknown => Unknown,
    misconfigured => Misconfigured,
}

/// The connection ended without an answer.
pub(crate) const LOST: &str = "the connection was lost";
