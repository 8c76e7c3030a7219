//! Saving a secret (contract dsm, section 3.3).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::Value;

use super::call::Call;
use super::data::secret_data;
use super::error::DsmError;
use super::parameters::Parameters;
use super::wire::{Application, ApplicationBody, Outcome};
use crate::http::input_error::InputError;
use crate::http::response::uncached;
use crate::vault::application_secret::{Engine, SecretInput};

/// Times after which the other product renews what a secret is made of. This one renews nothing.
const RENEWALS: [&str; 3] = ["renew_cloud_time", "renew_credential_time", "renew_ephemeral_credential_time"];
const PARAMETERS: &[&str] =
    &["identity", "name", "description", "expiration_date", "engine", "data", RENEWALS[0], RENEWALS[1], RENEWALS[2]];

/// `POST /iso/sctm/secret`
pub(super) async fn save(call: Call) -> Result<HttpResponse, DsmError> {
    let parsed = Parameters::parse(&call.body, PARAMETERS).and_then(|mut parameters| secret_input(&mut parameters));
    let input = call.parsed(parsed).await?;
    let saved = call.vault.save_application_secret(call.permit, input).await?;
    let (status, message) = if saved.created {
        (StatusCode::CREATED, "Secret created successfully.")
    } else {
        (StatusCode::OK, "Secret updated successfully.")
    };
    let response = Outcome::success(status, message.into());
    Ok(uncached(status).json(ApplicationBody { response, application: Application::from(saved.application) }))
}

fn secret_input(parameters: &mut Parameters) -> Result<SecretInput, InputError> {
    for name in RENEWALS {
        check_renewal(name, parameters.take(name))?;
    }
    Ok(SecretInput {
        identity: parameters.string("identity")?,
        name: parameters.string("name")?,
        description: parameters.string("description")?,
        expiration_date: parameters.string("expiration_date")?,
        engine: parameters.string("engine")?.filter(|name| !name.is_empty()).map(|name| engine(&name)).transpose()?,
        data: parameters.take("data").map(secret_data).transpose()?,
    })
}

fn engine(name: &str) -> Result<Engine, InputError> {
    let expected = "expected Ansible, Generic, GitLab or Kubernetes";
    name.trim().parse().map_err(|_| InputError::parameter("engine", expected))
}

/// Accepts what turns renewal off. A time would promise what nobody does.
fn check_renewal(name: &'static str, value: Option<Value>) -> Result<(), InputError> {
    let is_off = match &value {
        None => true,
        Some(Value::Array(elements)) => elements.is_empty(),
        Some(Value::String(text)) => matches!(text.trim(), "" | "0" | "[]"),
        Some(Value::Number(number)) => number.as_u64() == Some(0),
        Some(_) => false,
    };
    if is_off { Ok(()) } else { Err(InputError::parameter(name, "renewal is not supported; leave it out")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_engine_has_a_name_in_any_case() {
        assert_eq!(engine("kubernetes"), Ok(Engine::Kubernetes));
        assert_eq!(engine(" GitLab "), Ok(Engine::GitLab));
        assert!(engine("Nomad").is_err() && engine("").is_err());
    }

    #[test]
    fn only_no_renewal_is_accepted() {
        for off in [None, Some(json!([])), Some(json!("")), Some(json!("0")), Some(json!(0))] {
            assert!(check_renewal("renew_cloud_time", off.clone()).is_ok(), "{off:?}");
        }
        for on in [json!(30), json!("30"), json!([30]), json!(true)] {
            assert!(check_renewal("renew_cloud_time", Some(on.clone())).is_err(), "{on}");
        }
    }
}
