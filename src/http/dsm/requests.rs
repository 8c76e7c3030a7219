//! Request bodies, for the API description. A form has the same members, as text.

use serde::Serialize;
use utoipa::ToSchema;

/// A secret to save. Names are compared without regard to case.
#[derive(ToSchema)]
#[schema(as = DsmSecretRequest)]
#[expect(dead_code, reason = "a description")]
pub(super) struct SecretRequest {
    identity: String,
    name: Option<String>,
    description: Option<String>,
    expiration_date: Option<String>,
    /// Ansible, Generic, GitLab or Kubernetes.
    engine: Option<String>,
    /// Required for a new secret.
    data: Option<SecretData>,
}

/// The values of a secret: an object with `credentials`, `access_keys`, `key_value` and further names, or its JSON text, in base64 or
/// as it is. A form has the text.
#[derive(Serialize, ToSchema)]
#[schema(as = DsmSecretData)]
#[serde(untagged)]
#[expect(dead_code, reason = "a description")]
pub(super) enum SecretData {
    #[schema(value_type = Object)]
    Object(serde_json::Map<String, serde_json::Value>),
    Text(String),
}

/// An application to register.
#[derive(ToSchema)]
#[schema(as = DsmRegistrationRequest)]
#[expect(dead_code, reason = "a description")]
pub(super) struct RegistrationRequest {
    application: String,
    system: String,
    environment: String,
    /// Finds the authorization in place of system and environment.
    unique_key: Option<String>,
    description: Option<String>,
    tags: Option<Vec<String>>,
    /// For a new authorization: among those of the caller, which it has without it.
    allowed_ips: Option<Vec<String>>,
    /// For a new authorization: among those of the caller, which it has without it.
    allowed_http_referers: Option<Vec<String>>,
    /// For a new authorization: one of those of the caller, which it has without it.
    certificate_fingerprint: Option<String>,
    /// For a new authorization; never after the expiry of the caller.
    expiration_date: Option<String>,
}

/// Variables of a pipeline.
#[derive(ToSchema)]
#[schema(as = DsmVariablesRequest)]
#[expect(dead_code, reason = "a description")]
pub(super) struct VariablesRequest {
    /// Base64 of the environment, one NAME=value a line.
    env: String,
    /// Base64 of the mapping file, which names the variables to save.
    map: Option<String>,
}
