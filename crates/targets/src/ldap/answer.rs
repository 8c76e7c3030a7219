//! What result codes (RFC 4511, appendix A) mean.

use chaveiro_rotation::TargetError;
use ldap3::LdapResult;

use super::policy::{self, PolicyError};
use crate::failure;

pub(super) const SUCCESS: u32 = 0;
pub(super) const INVALID_CREDENTIALS: u32 = 49;
pub(super) const CONSTRAINT_VIOLATION: u32 = 19;
pub(super) const UNWILLING_TO_PERFORM: u32 = 53;

/// Returns whether a bind was accepted.
pub(super) fn bound(result: &LdapResult) -> Result<bool, TargetError> {
    match (result.rc, policy::error(&result.ctrls)) {
        (SUCCESS, _) => Ok(true),
        (INVALID_CREDENTIALS, Some(PolicyError::Locked)) => {
            Err(failure::locked("the directory has locked the account"))
        }
        // Only the right password is told that it has expired.
        (INVALID_CREDENTIALS, Some(PolicyError::Expired | PolicyError::ChangeAfterReset)) => Ok(true),
        // No such object: the same answer as for a wrong password, for servers that tell them apart.
        (INVALID_CREDENTIALS | 32, _) => Ok(false),
        (code, _) => Err(refused(code)),
    }
}

/// Returns what the answer to a change means.
pub(super) fn changed(result: &LdapResult) -> Result<(), TargetError> {
    match (result.rc, policy::error(&result.ctrls)) {
        (SUCCESS, _) => Ok(()),
        (_, Some(PolicyError::TooYoung)) => {
            Err(failure::too_early("the directory refuses a change within the minimum age"))
        }
        (_, Some(PolicyError::Locked)) => Err(failure::locked("the directory has locked the account")),
        (_, Some(PolicyError::Refused)) => Err(failure::rejected("the directory refused the new password")),
        (CONSTRAINT_VIOLATION, _) => Err(failure::rejected("the directory refused the new password")),
        (INVALID_CREDENTIALS, _) => Err(failure::denied("the directory refused the current password")),
        (code, _) => Err(refused(code)),
    }
}

/// Returns what a code means that says the same for every operation.
pub(super) fn refused(code: u32) -> TargetError {
    match code {
        8 | 13 => failure::misconfigured("the directory asks for TLS or another kind of bind"),
        32 | 34 => failure::misconfigured("the directory has no entry of this name"),
        10 => failure::misconfigured("the directory refers to another server, which takes changes"),
        2 | 12 | 16 | 17 | 21 => failure::misconfigured("the directory does not know this change"),
        48 | 50 => failure::denied("the directory does not permit it"),
        UNWILLING_TO_PERFORM => failure::denied("the directory is unwilling"),
        // Busy, not available, time limit, other: unknown, once the change was sent.
        _ => failure::unreachable("the directory failed or is busy"),
    }
}
