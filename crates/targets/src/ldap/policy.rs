//! The control of password policies (draft-behera-ldap-password-policy): why a bind or a change was refused.

use ldap3::controls::{Control, RawControl};

const OID: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

/// An error of a password policy, as far as it is told apart here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PolicyError {
    Expired,
    Locked,
    ChangeAfterReset,
    TooYoung,
    /// A rule for the new password, or one that permits no change at all.
    Refused,
}

/// Returns the control that asks for the reason.
pub(super) fn request() -> RawControl {
    RawControl { ctype: OID.into(), crit: false, val: None }
}

/// Finds the error in the controls of an answer.
pub(super) fn error(controls: &[Control]) -> Option<PolicyError> {
    let control = controls.iter().find(|Control(_, raw)| raw.ctype == OID)?;
    parse(control.1.val.as_deref()?)
}

/// Parses `SEQUENCE { warning [0] …, error [1] ENUMERATED }` in BER, with lengths of one byte.
fn parse(value: &[u8]) -> Option<PolicyError> {
    let [0x30, length, rest @ ..] = value else { return None };
    let mut rest = rest.get(..usize::from(*length))?;
    while let [tag, length, after @ ..] = rest {
        let content = after.get(..usize::from(*length))?;
        if *tag == 0x81 {
            return match content {
                [0] => Some(PolicyError::Expired),
                [1] => Some(PolicyError::Locked),
                [2] => Some(PolicyError::ChangeAfterReset),
                [7] => Some(PolicyError::TooYoung),
                [3..=6 | 8] => Some(PolicyError::Refused),
                _ => None,
            };
        }
        rest = &after[content.len()..];
    }
    None
}

/// Parses the value of the control, for [`crate::fuzz`].
pub(super) fn fuzz(bytes: &[u8]) {
    let _ = parse(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_found_beside_a_warning() {
        assert_eq!(parse(&[0x30, 3, 0x81, 1, 7]), Some(PolicyError::TooYoung));
        assert_eq!(parse(&[0x30, 8, 0xa0, 3, 0x80, 1, 9, 0x81, 1, 1]), Some(PolicyError::Locked));
        for value in [&[][..], &[0x30], &[0x30, 9, 0x81], &[0x30, 3, 0x81, 9, 7], &[0x30, 3, 0x81, 1, 99], &[0x30, 0]] {
            assert_eq!(parse(value), None, "{value:?}");
        }
    }
}
