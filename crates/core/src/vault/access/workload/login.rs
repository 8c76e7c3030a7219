//! The login of a workload: its token in, an access token out (RFC 7523, section 2.1; RFC 8693).

use std::sync::Arc;

use super::super::authentication::AuthenticationFailure;
use super::super::guessing::LoginKind;
use super::super::single_use::{SingleUse, SingleUseKind};
use super::super::token_endpoint::{Evidence, IssuedToken, TokenEndpointError, TokenOptions};
use super::super::{Client, Origin};
use super::assertion::{Unverified, Verified};
use super::failure::WorkloadFailure;
use super::live::{IssuerKeys, LiveIssuer, LiveIssuers, LiveRule};
use crate::crypto::SecretText;
use crate::key_set::KeySet;
use crate::store::Lane;
use crate::vault::operation::Subject;
use crate::vault::{Dependency, Vault, VaultError};

/// The longest part of `sub` in the audit log, in characters.
const MAX_SUBJECT: usize = 255;

/// A request to log in by a workload's token.
#[derive(Clone, Debug)]
pub struct WorkloadLogin {
    /// The token of the workload.
    pub token: SecretText,
    /// The client id or the name of a rule. `None`: the only client that the token is of.
    pub role: Option<String>,
}

/// Why a login ends: with a reason for the audit log, or a failure of the vault.
enum Ended {
    Refused { tried: String, failure: AuthenticationFailure },
    Failed(VaultError),
}

impl From<VaultError> for Ended {
    fn from(error: VaultError) -> Self {
        Self::Failed(error)
    }
}

impl From<WorkloadFailure> for Ended {
    fn from(failure: WorkloadFailure) -> Self {
        Self::Refused { tried: String::new(), failure: AuthenticationFailure::Workload(failure) }
    }
}

/// A client that a token proves, by a rule.
struct Proven {
    client: Arc<Client>,
    evidence: Evidence,
}

impl Vault {
    /// Issues an access token for the token of a workload.
    ///
    /// # Errors
    /// [`TokenEndpointError::InvalidGrant`], whatever the reason; [`VaultError::Unavailable`] while the keys of the issuer cannot
    /// be fetched.
    pub async fn issue_token_to_workload(
        &self,
        login: &WorkloadLogin,
        origin: Origin,
        options: TokenOptions<'_>,
    ) -> Result<IssuedToken, TokenEndpointError> {
        let proven = self.prove_workload(login, &origin).await.map_err(|ended| match ended {
            Ended::Failed(error) => error.into(),
            Ended::Refused { tried, failure } => {
                let failure = self.failed_token(LoginKind::Workload, origin.source, failure);
                self.note_failure(&origin, &tried, failure);
                match failure {
                    AuthenticationFailure::TooManyAttempts { seconds } => {
                        TokenEndpointError::TooManyAttempts { seconds }
                    }
                    _ => TokenEndpointError::InvalidGrant,
                }
            }
        })?;
        let issued = self.issue_token_to(proven.client, origin, options, proven.evidence).await;
        // A workload has no credentials of a client that could be wrong: one answer for all that is refused.
        issued.map_err(|error| match error {
            TokenEndpointError::InvalidClient => TokenEndpointError::InvalidGrant,
            error => error,
        })
    }

    async fn prove_workload(&self, login: &WorkloadLogin, origin: &Origin) -> Result<Proven, Ended> {
        let token = Unverified::parse(&login.token)?;
        let former_issuers = self.fresh_issuers()?;
        let former = find_issuer(&former_issuers, &token)?;
        let keys = self.workload_keys(former, &token).await?;
        // The keys may have taken their time: the grants of now decide, not those of before.
        let issuers = self.fresh_issuers()?;
        let issuer = find_issuer(&issuers, &token)?;
        if issuer.id != former.id {
            return Err(WorkloadFailure::UnknownIssuer.into());
        }
        let now = self.0.clock.now();
        let verified = token.verify(&keys, &issuer.audience, now)?;
        let rule = find_rule(issuer, &verified, login.role.as_deref())?;
        let client = self.0.grants.load().client(&rule.client_id).cloned().ok_or(WorkloadFailure::NoRule)?;
        let refused = |failure| Ended::Refused { tried: client.client_id.clone(), failure };
        if !client.is_live(now) {
            return Err(refused(AuthenticationFailure::ClientNotLive));
        }
        client.origins.admit(origin).map_err(|reason| refused(AuthenticationFailure::OriginNotAllowed(reason)))?;
        if !issuer.reusable_tokens {
            // Claimed after all checks of the token. A request without the tenant or proof that its client needs uses it up, too.
            let jti = verified.jti.as_deref().ok_or_else(|| refused(WorkloadFailure::MissingClaim.into()))?;
            let value = single_use(&token.issuer, jti, &verified);
            if !self.use_once(Lane::Client(client.id), &origin.request_id, &value).await? {
                return Err(refused(WorkloadFailure::Replayed.into()));
            }
        }
        // The subject of the token says which pipeline or pod it was.
        let reason = format!("sub {}", printable(&verified.subject));
        Ok(Proven { client, evidence: Evidence { subject: Subject::IssuerRule(rule.id), reason } })
    }

    fn fresh_issuers(&self) -> Result<Arc<LiveIssuers>, VaultError> {
        self.0.require_current()?;
        Ok(Arc::clone(&self.0.grants.load().issuers))
    }

    async fn workload_keys(&self, issuer: &LiveIssuer, token: &Unverified<'_>) -> Result<Arc<KeySet>, VaultError> {
        match &issuer.keys {
            IssuerKeys::Given(keys) => Ok(Arc::clone(keys)),
            IssuerKeys::Fetched(location) => self
                .0
                .key_sets
                .keys(issuer.id, &issuer.name, location, token.kid.as_deref(), &self.0.clock)
                .await
                .map_err(|_| VaultError::Unavailable(Dependency::IssuerKeys)),
        }
    }
}

impl From<WorkloadFailure> for AuthenticationFailure {
    fn from(failure: WorkloadFailure) -> Self {
        Self::Workload(failure)
    }
}

/// Finds the issuer of a token by its `iss` and audience. A token for two audiences of one `iss` is ambiguous, and no proof.
fn find_issuer<'a>(issuers: &'a LiveIssuers, token: &Unverified<'_>) -> Result<&'a LiveIssuer, WorkloadFailure> {
    let of_name = issuers.get(&token.issuer).map_or(&[][..], Vec::as_slice);
    let mut fitting = of_name.iter().filter(|issuer| token.is_for(&issuer.audience));
    match (fitting.next(), fitting.next()) {
        (Some(issuer), None) => Ok(issuer),
        _ => Err(WorkloadFailure::UnknownIssuer),
    }
}

/// Finds the rule that holds for a token: of the client or of the name that was asked for, or of the only client.
fn find_rule<'a>(
    issuer: &'a LiveIssuer,
    token: &Verified,
    role: Option<&str>,
) -> Result<&'a LiveRule, WorkloadFailure> {
    let wanted = |rule: &&LiveRule| role.is_none_or(|role| rule.client_id == role || rule.name == role);
    let mut holding = issuer.rules.iter().filter(wanted).filter(|rule| rule.claims.hold_for(&token.claims));
    let first = holding.next().ok_or(WorkloadFailure::NoRule)?;
    if holding.any(|other| other.client_id != first.client_id) {
        return Err(WorkloadFailure::SeveralRules);
    }
    Ok(first)
}

/// The id of a token, as a value that may be used once. It is of the claim `iss`, so that it stays used when the operator removes
/// the issuer and creates it again.
fn single_use(issuer: &str, jti: &str, token: &Verified) -> SingleUse {
    SingleUse::new(SingleUseKind::WorkloadToken, issuer.as_bytes(), jti, token.expires_at)
}

/// The beginning of a text, without control characters.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !crate::text::is_control(*c)).take(MAX_SUBJECT).collect()
}
