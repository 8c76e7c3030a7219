//! The states of a version of a secret, and the transitions between them.

use std::str::FromStr;

use crate::store::StoreError;

/// The state of a version of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretState {
    /// The value in force. A secret has at most one.
    Current,
    /// A former current value.
    Previous,
    /// A value to come; no external system knows it yet. A secret has at most one version that is `Candidate` or
    /// `Unverified`.
    Candidate,
    /// A candidate that was sent to an external system, which did not confirm it.
    Unverified,
    /// A candidate that never became current.
    Rejected,
}

impl SecretState {
    /// All states.
    pub const ALL: [SecretState; 5] = [
        SecretState::Current,
        SecretState::Previous,
        SecretState::Candidate,
        SecretState::Unverified,
        SecretState::Rejected,
    ];

    /// Returns the name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            SecretState::Current => "current",
            SecretState::Previous => "previous",
            SecretState::Candidate => "candidate",
            SecretState::Unverified => "unverified",
            SecretState::Rejected => "rejected",
        }
    }

    /// Whether a new version may have this state.
    pub fn may_be_first(self) -> bool {
        matches!(self, SecretState::Current | SecretState::Candidate)
    }

    /// Whether a version in this state may change to `next`. Ended states are final: an older value returns as a new
    /// version.
    pub fn may_become(self, next: SecretState) -> bool {
        match self {
            SecretState::Candidate => {
                matches!(next, SecretState::Unverified | SecretState::Current | SecretState::Rejected)
            }
            SecretState::Unverified => matches!(next, SecretState::Current | SecretState::Rejected),
            SecretState::Current => next == SecretState::Previous,
            SecretState::Previous | SecretState::Rejected => false,
        }
    }

    /// Whether the version is or was current; a history shows these.
    pub fn was_in_force(self) -> bool {
        matches!(self, SecretState::Current | SecretState::Previous)
    }
}

impl FromStr for SecretState {
    type Err = StoreError;

    fn from_str(name: &str) -> Result<Self, StoreError> {
        let named = Self::ALL.into_iter().find(|state| state.as_str() == name);
        named.ok_or(StoreError::Query("a secret's version has an unknown state"))
    }
}

#[cfg(test)]
mod tests {
    use SecretState::{Candidate, Current, Previous, Rejected, Unverified};

    use super::*;

    #[test]
    fn every_way_between_states_is_allowed_or_forbidden_on_purpose() {
        let allowed = [
            (Candidate, Unverified),
            (Candidate, Current),
            (Candidate, Rejected),
            (Unverified, Current),
            (Unverified, Rejected),
            (Current, Previous),
        ];
        for from in SecretState::ALL {
            for to in SecretState::ALL {
                assert_eq!(from.may_become(to), allowed.contains(&(from, to)), "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn names_are_read_back() {
        for state in SecretState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("newest".parse::<SecretState>().is_err());
    }
}
