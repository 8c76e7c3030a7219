//! Broken variants of what the machine relies on: the controls, which the invariants have to catch.

use chaveiro_rotation::Limits;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Nothing.
    None,
    /// A check says that the candidate logs in without trying it.
    PromoteWithoutVerifying,
    /// A candidate whose change is unknown is deleted.
    DeleteSentCandidate,
    /// The arrow before the change is not committed.
    SendBeforeCommit,
    /// Neither lease nor revision is compared.
    IgnoreFence,
    /// A request stays when it is taken.
    TakeNothing,
    /// Attempts are not bounded.
    TryForEver,
    /// A check tries a value twice.
    TryTwice,
    /// The identity of the target is not compared.
    IgnoreIdentity,
}

impl Sabotage {
    /// All, with the invariant that catches each.
    pub(crate) const ALL: [(Sabotage, &'static str); 8] = [
        (Sabotage::PromoteWithoutVerifying, "replaced by one that was not verified"),
        (Sabotage::DeleteSentCandidate, "a value that was sent was deleted"),
        (Sabotage::SendBeforeCommit, "in force that was never marked as sent"),
        (Sabotage::IgnoreFence, "there is no candidate"),
        (Sabotage::TakeNothing, "rotated twice"),
        (Sabotage::TryForEver, "called for ever"),
        (Sabotage::TryTwice, "tried a value twice"),
        (Sabotage::IgnoreIdentity, "not the pinned one"),
    ];

    /// Steps of a simulation that catches it.
    pub(crate) fn steps(self) -> usize {
        if self == Sabotage::TryForEver { 6000 } else { 400 }
    }

    pub(crate) fn limits(self) -> Limits {
        let limits = Limits::default();
        if self == Sabotage::TryForEver {
            return Limits { attempts: u32::MAX, rejections: u32::MAX, checks: u32::MAX, ..limits };
        }
        limits
    }
}
