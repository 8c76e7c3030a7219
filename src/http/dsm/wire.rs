//! Wire types (contract dsm, section 3.1). The readers are Go programs: a number where they expect a string fails them.

use actix_web::http::StatusCode;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use utoipa::ToSchema;

use crate::crypto::SecretText;
use crate::vault::access::registration::RegisteredClient;
use crate::vault::application_secret::{self, ApplicationSecret, NamedValue};

/// The outcome of a request.
#[derive(Serialize, ToSchema)]
#[schema(as = DsmOutcome)]
pub(super) struct Outcome {
    status: u16,
    mensagem: String,
    erro: bool,
    message: String,
    error: bool,
    /// 1: not authenticated; 4: not found; otherwise the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<u16>,
}

impl Outcome {
    /// The outcome of a success.
    pub(super) fn success(status: StatusCode, message: String) -> Self {
        let status = status.as_u16();
        Self { status, mensagem: message.clone(), erro: false, message, error: false, error_code: None }
    }

    /// The outcome of an error.
    pub(super) fn failure(status: StatusCode, message: String) -> Self {
        let error_code = match status {
            StatusCode::UNAUTHORIZED => 1,
            StatusCode::NOT_FOUND => 4,
            other => other.as_u16(),
        };
        let status = status.as_u16();
        Self { status, mensagem: message.clone(), erro: true, message, error: true, error_code: Some(error_code) }
    }
}

/// The body of an error. It has no member `error` beside `response`: clients read only a string there.
#[derive(Serialize, ToSchema)]
#[schema(as = DsmErrorBody)]
pub(super) struct ErrorBody {
    pub(super) response: Outcome,
}

/// The response to a registration. Clients authenticate with `id` and `signature` if they are there.
#[derive(Serialize, ToSchema)]
#[schema(as = DsmRegistrationBody)]
pub(super) struct RegistrationBody {
    code: u16,
    response: Outcome,
    tenant: &'static str,
    /// The client id; missing for the authorization of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The client secret, encrypted for a caller whose responses are.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "signature")]
    #[schema(value_type = Option<String>)]
    signature: Option<SecretText>,
}

impl RegistrationBody {
    pub(super) fn new(response: Outcome, client: Option<RegisteredClient>) -> Self {
        let (id, signature) = client.map(|client| (client.client_id, client.secret)).unzip();
        Self { code: response.status, response, tenant: "", id, signature }
    }
}

/// The only function of this family that shows a client secret: once, to the program that registers.
fn signature<S: Serializer>(secret: &Option<SecretText>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.as_ref().map_or("", SecretText::expose))
}

/// The response with the application.
#[derive(Serialize, ToSchema)]
#[schema(as = DsmApplicationBody)]
pub(super) struct ApplicationBody {
    pub(super) response: Outcome,
    pub(super) application: Application,
}

/// The response with the secrets alone.
#[derive(Serialize, ToSchema)]
#[schema(as = DsmSecretsBody)]
pub(super) struct SecretsBody {
    pub(super) response: Outcome,
    pub(super) secrets: Vec<Secret>,
}

/// An application with its secrets.
#[derive(Serialize, ToSchema)]
#[schema(as = DsmApplication)]
pub(super) struct Application {
    name: String,
    description: Option<String>,
    tags: Vec<String>,
    system: Option<String>,
    environment: Option<String>,
    secrets: Vec<Secret>,
}

/// A secret with its values.
#[derive(Serialize, ToSchema)]
#[schema(as = DsmSecret)]
pub(super) struct Secret {
    secret_id: String,
    secret_name: String,
    /// The name that clients find it by; for a credential its identifier, or `hostname/username`.
    identity: String,
    version: String,
    expiration_date: String,
    engine: String,
    #[serde(serialize_with = "objects")]
    #[schema(value_type = Vec<std::collections::BTreeMap<String, Option<String>>>)]
    data: Vec<Vec<NamedValue>>,
}

impl From<application_secret::Application> for Application {
    fn from(application: application_secret::Application) -> Self {
        Self {
            name: application.name,
            description: application.description,
            tags: application.tags,
            system: application.system,
            environment: application.environment,
            secrets: application.secrets.into_iter().map(Secret::from).collect(),
        }
    }
}

impl From<ApplicationSecret> for Secret {
    fn from(secret: ApplicationSecret) -> Self {
        Self {
            secret_id: secret.id,
            secret_name: secret.name,
            identity: secret.identity,
            version: secret.version.to_string(),
            expiration_date: secret.expiration_date,
            engine: secret.engine.into_owned(),
            data: secret.data,
        }
    }
}

/// Serializes values as flat objects. The only function of this family that serializes a secret; the vault has written the
/// secrets by the response key of the client, if it has one.
fn objects<S: Serializer>(objects: &[Vec<NamedValue>], serializer: S) -> Result<S::Ok, S::Error> {
    let mut sequence = serializer.serialize_seq(Some(objects.len()))?;
    for object in objects {
        sequence.serialize_element(&Object(object))?;
    }
    sequence.end()
}

struct Object<'a>(&'a [NamedValue]);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for member in self.0 {
            map.serialize_entry(&member.name, &member.value.as_ref().map(|value| value.expose()))?;
        }
        map.end()
    }
}
