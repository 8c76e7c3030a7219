//! Changes of passwords and SSH keys on their targets over HTTP: additions to the contract.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::credential::seconds;
use super::envelope::Revealed;
use super::error::PamError;
use super::parameters::Parameters;
use crate::http::input_error::InputError;
use crate::vault::jit::AccountStatus;
use crate::vault::rotation::{
    Rotatable, RotationDecision, RotationEvent, RotationStatus, UnverifiedSecret, rotation_decision,
};

/// The payload of the state of a rotation.
#[derive(Serialize, ToSchema)]
pub(super) struct RotationPayload {
    rotation: RotationView,
}

/// The state of a rotation. Times are UTC, or null.
#[derive(Serialize, ToSchema)]
pub(super) struct RotationView {
    /// The number of the credential or SSH key.
    id: String,
    /// The policy of the settings, or null for the section `[rotation]` alone.
    policy: Option<String>,
    /// `idle`, `candidate-stored`, `changing`, `verifying`, `current`, `unverified`, `rejected`, `unreachable`,
    /// `identity-changed` or `needs-reconcile`.
    phase: String,
    /// Why it was requested, or null.
    cause: Option<String>,
    /// Requests that wait for the end of this rotation.
    waiting: u32,
    /// Steps on the target so far.
    attempts: u32,
    /// What kept the last step from its end, or null.
    problem: Option<String>,
    /// When it goes on by itself, within the hours of the policy.
    due: Option<String>,
    /// Whether a person has to decide.
    needs_decision: bool,
    /// When the last rotation ended with a new password or key.
    changed: Option<String>,
    /// When the password or key is changed by age, within the hours of the policy.
    next_change: Option<String>,
    /// Newest first.
    events: Vec<EventView>,
    /// The account on the target, if it exists only while custody lasts, or once did; or null.
    account: Option<AccountView>,
}

/// The state of an account that exists, or can log in, only while custody lasts.
#[derive(Serialize, ToSchema)]
pub(super) struct AccountView {
    /// `creating`, `present`, `removing` or `absent`.
    state: String,
    /// `create` or `enable`.
    mode: String,
    /// Name or address of the target that the account is on.
    host: String,
    /// The port, or null for the usual one.
    port: Option<u16>,
    /// When the last step ended.
    since: String,
    /// Failed attempts to remove it.
    attempts: u32,
    /// What kept the last step from its end, or null.
    problem: Option<String>,
    /// When its removal is tried again, or null.
    due: Option<String>,
}

/// An event of a rotation.
#[derive(Serialize, ToSchema)]
pub(super) struct EventView {
    at: String,
    event: String,
    problem: Option<String>,
}

/// A decision.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the parameters are read leniently, by name")]
pub(super) struct DecisionForm {
    /// `accept-candidate`, `keep-current`, `retry`, `trust-identity`, or `follow-device` for an account that exists just in time.
    decision: String,
    /// The fingerprint, for `trust-identity`.
    identity: Option<String>,
}

/// The payload of both values of a password that is being changed.
#[derive(Serialize, ToSchema)]
pub(super) struct UnverifiedPayload {
    unverified: UnverifiedView,
}

/// Both values of a password that is being changed.
#[derive(Serialize, ToSchema)]
pub(super) struct UnverifiedView {
    /// The number of the credential.
    id: String,
    #[schema(value_type = Option<String>)]
    current: Revealed,
    #[schema(value_type = String)]
    candidate: Revealed,
}

/// The payload of both values of an SSH key that is being changed.
#[derive(Serialize, ToSchema)]
pub(super) struct UnverifiedKeysPayload {
    unverified: UnverifiedKeysView,
}

/// Both values of an SSH key that is being changed.
#[derive(Serialize, ToSchema)]
pub(super) struct UnverifiedKeysView {
    /// The number of the SSH key.
    id: String,
    current: Option<UnverifiedKeyView>,
    candidate: UnverifiedKeyView,
}

/// A private key that may be in force.
#[derive(Serialize, ToSchema)]
pub(super) struct UnverifiedKeyView {
    #[schema(value_type = String)]
    private_key: Revealed,
    /// The passphrase.
    #[schema(value_type = Option<String>)]
    password: Revealed,
}

impl From<RotationStatus> for RotationView {
    fn from(status: RotationStatus) -> Self {
        Self {
            id: status.credential.to_string(),
            policy: status.policy,
            phase: status.phase,
            cause: status.cause,
            waiting: status.waiting,
            attempts: status.attempts,
            problem: status.problem,
            due: status.due_at.map(seconds),
            needs_decision: status.needs_decision,
            changed: status.changed_at.map(seconds),
            next_change: status.next_change_at.map(seconds),
            events: status.events.into_iter().map(EventView::from).collect(),
            account: status.account.map(AccountView::from),
        }
    }
}

impl From<AccountStatus> for AccountView {
    fn from(status: AccountStatus) -> Self {
        let AccountStatus { state, mode, host, port, since, attempts, problem, due_at } = status;
        Self { state, mode, host, port, since: seconds(since), attempts, problem, due: due_at.map(seconds) }
    }
}

impl From<RotationEvent> for EventView {
    fn from(event: RotationEvent) -> Self {
        Self { at: seconds(event.at), event: event.event, problem: event.problem }
    }
}

/// `POST …/{key}/rotate`
pub(super) async fn request(call: Call, noun: Rotatable) -> Result<HttpResponse, PamError> {
    let status = call.vault.request_rotation(call.permit.clone(), noun, call.path()?).await?;
    Ok(answer(&call, StatusCode::CREATED, "Change requested", status))
}

/// `GET …/{key}/rotation`
pub(super) async fn status(call: Call, noun: Rotatable) -> Result<HttpResponse, PamError> {
    let status = call.vault.rotation_status(call.permit.clone(), noun, call.path()?).await?;
    Ok(answer(&call, StatusCode::OK, "Rotation", status))
}

/// `POST …/{key}/rotation/decision`
pub(super) async fn decide(call: Call, noun: Rotatable) -> Result<HttpResponse, PamError> {
    let decision = call.parse(decision).await?;
    let status = call.vault.decide_rotation(call.permit.clone(), noun, call.path()?, decision).await?;
    Ok(answer(&call, StatusCode::CREATED, "Decided", status))
}

/// `GET …/credential/{key}/rotation/passwords`
pub(super) async fn recover_passwords(call: Call) -> Result<HttpResponse, PamError> {
    let read = call.vault.read_unverified_secrets(call.permit.clone(), Rotatable::Credential, call.path()?).await?;
    let unverified = UnverifiedView {
        id: read.credential.to_string(),
        current: call.reveal(read.current.map(|current| current.value))?,
        candidate: call.reveal(Some(read.candidate.value))?,
    };
    Ok(call.answer(StatusCode::OK, "Both passwords", UnverifiedPayload { unverified }))
}

/// `GET …/key/{key}/rotation/passwords`
pub(super) async fn recover_keys(call: Call) -> Result<HttpResponse, PamError> {
    let read = call.vault.read_unverified_secrets(call.permit.clone(), Rotatable::SshKey, call.path()?).await?;
    let view = |secret: UnverifiedSecret| {
        let (private_key, password) = (call.reveal(Some(secret.value))?, call.reveal(secret.passphrase)?);
        Ok::<_, PamError>(UnverifiedKeyView { private_key, password })
    };
    let unverified = UnverifiedKeysView {
        id: read.credential.to_string(),
        current: read.current.map(view).transpose()?,
        candidate: view(read.candidate)?,
    };
    Ok(call.answer(StatusCode::OK, "Both keys", UnverifiedKeysPayload { unverified }))
}

fn answer(call: &Call, code: StatusCode, message: &str, status: RotationStatus) -> HttpResponse {
    call.answer(code, message, RotationPayload { rotation: status.into() })
}

fn decision(parameters: &Parameters) -> Result<RotationDecision, InputError> {
    let name = parameters.line("decision")?.unwrap_or_default();
    rotation_decision(&name, parameters.line("identity")?).ok_or_else(|| {
        let expected =
            "expected accept-candidate, keep-current, retry, follow-device, or trust-identity with an identity";
        InputError::parameter("decision", expected)
    })
}
