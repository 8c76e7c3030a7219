//! Why the token of a workload is refused.

/// A reason in the audit log. The client gets one answer for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadFailure {
    /// No JWT, a forbidden algorithm or header, or a claim of another type.
    Malformed,
    /// No active issuer has this `iss` and an audience of the token.
    UnknownIssuer,
    /// The issuer has no such key for the algorithm.
    UnknownKey,
    /// The signature does not verify.
    WrongSignature,
    /// Expired, not valid yet, or valid for more than a year.
    Expired,
    /// No `exp`, no `sub`, or no `jti` where it is needed.
    MissingClaim,
    /// No rule holds, or none of the role that was asked for.
    NoRule,
    /// Rules of several clients hold, and none was asked for.
    SeveralRules,
    /// The token was used before.
    Replayed,
}

impl WorkloadFailure {
    /// The name in the audit log; stable.
    pub(in crate::vault::access) fn reason(self) -> &'static str {
        match self {
            WorkloadFailure::Malformed => "workload-token-malformed",
            WorkloadFailure::UnknownIssuer => "workload-issuer-unknown",
            WorkloadFailure::UnknownKey => "workload-key-unknown",
            WorkloadFailure::WrongSignature => "workload-signature-wrong",
            WorkloadFailure::Expired => "workload-token-expired",
            WorkloadFailure::MissingClaim => "workload-claim-missing",
            WorkloadFailure::NoRule => "workload-matches-no-rule",
            WorkloadFailure::SeveralRules => "workload-matches-several-clients",
            WorkloadFailure::Replayed => "workload-token-replayed",
        }
    }
}
