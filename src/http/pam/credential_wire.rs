//! Bodies of requests and answers about credentials.

use serde::Serialize;
use utoipa::ToSchema;

use super::envelope::Revealed;
use super::rows::Rows;

/// What a client may send to create or update a credential.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the parameters are read leniently, by name")]
pub(super) struct CredentialForm {
    /// Unique name, chosen by the user; finds the credential before anything else does.
    identifier: Option<String>,
    /// `usr` when empty; under `/api` it has to be sent.
    username: Option<String>,
    /// The password.
    content: Option<String>,
    additional: Option<String>,
    /// Tags, separated by commas.
    tags: Option<String>,
    /// `Local User` unless said; comes into being when first used.
    credential_type: Option<String>,
    /// A registered domain.
    domain: Option<String>,
    /// The number of the credential whose password this one shares; 0 takes the parent away.
    parent_password: Option<i32>,
    /// Whether one client at a time may hold it; as the settings say unless sent.
    exclusive_custody: Option<bool>,
    /// The device, which has to exist.
    hostname: String,
    ip: String,
    /// Device type, as vendor, model, site and the fields after them are the device's.
    r#type: Option<String>,
    vendor: Option<String>,
    model: Option<String>,
    site: Option<String>,
    device_domain: Option<String>,
    device_tags: Option<String>,
    connectivities: Option<String>,
    session_remote_config: Option<String>,
    execution_settings: Option<serde_json::Value>,
    session_settings: Option<serde_json::Value>,
    additional_settings: Option<serde_json::Value>,
    jit_settings: Option<serde_json::Value>,
}

/// The payload of a list of credentials.
#[derive(Serialize, ToSchema)]
pub(super) struct CredentialsPayload {
    #[schema(value_type = Vec<CredentialRowView>)]
    pub(super) credentials: Rows<CredentialRowView>,
}

/// A credential in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct CredentialRowView {
    pub(super) id: String,
    pub(super) identifier: Option<String>,
    pub(super) username: String,
    pub(super) expiration: Option<String>,
    pub(super) change: String,
    pub(super) view: Option<String>,
    pub(super) hostname: String,
    pub(super) management_ip: String,
    pub(super) r#type: String,
    pub(super) type_code: String,
    pub(super) device_model: String,
    pub(super) device_type: String,
    pub(super) device_vendor: String,
    pub(super) automatic_change: AutomaticChange,
    pub(super) connectivity: String,
    pub(super) connectivity_code: String,
}

/// `"0"` or `"1"` under `/iso`, a boolean under `/api`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum AutomaticChange {
    /// `/iso`
    Text(&'static str),
    /// `/api`
    Flag(bool),
}

/// The payload of one credential.
#[derive(Serialize, ToSchema)]
pub(super) struct CredentialPayload {
    pub(super) credential: CredentialView,
}

/// A credential with its password.
#[derive(Serialize, ToSchema)]
pub(super) struct CredentialView {
    pub(super) id: String,
    /// The identifier, by its older name.
    pub(super) tag: Option<String>,
    pub(super) identifier: Option<String>,
    pub(super) username: String,
    /// Null when none has been stored.
    #[schema(value_type = Option<String>)]
    pub(super) password: Revealed,
    /// The password, again.
    #[schema(value_type = Option<String>)]
    pub(super) content: Revealed,
    pub(super) hostname: String,
    pub(super) parent_credential_cod: Option<String>,
    pub(super) parent_credential: Option<String>,
    pub(super) additional: String,
    pub(super) domain: String,
    pub(super) ip: String,
    pub(super) port: String,
    pub(super) model: String,
    /// When the client's custody runs out, UTC.
    pub(super) expiration_time: Option<String>,
}

/// The payload of a one-time password.
#[derive(Serialize, ToSchema)]
pub(super) struct TotpPayload {
    pub(super) totp: TotpView,
}

/// A one-time password (RFC 6238).
#[derive(Serialize, ToSchema)]
pub(super) struct TotpView {
    /// The credential's number.
    pub(super) id: String,
    #[schema(value_type = String)]
    pub(super) code: Revealed,
    /// How many seconds the code is good for from now.
    pub(super) seconds_left: u64,
    pub(super) digits: u8,
    /// Seconds from one code to the next.
    pub(super) period: u64,
    /// `SHA1`, `SHA256` or `SHA512`.
    pub(super) algorithm: &'static str,
}

/// The payload after saving.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum SavedPayload {
    /// `/iso`: the identifier as `tag`, null right after creation.
    Legacy {
        /// The credential.
        credential: LegacySaved,
    },
    /// `/api`: the identifier, given or generated.
    Modern {
        /// The credential.
        credential: ModernSaved,
    },
}

/// A saved credential under `/iso`.
#[derive(Serialize, ToSchema)]
pub(super) struct LegacySaved {
    pub(super) id: String,
    pub(super) tag: Option<String>,
}

/// A saved credential under `/api`.
#[derive(Serialize, ToSchema)]
pub(super) struct ModernSaved {
    pub(super) id: String,
    pub(super) identifier: Option<String>,
}
