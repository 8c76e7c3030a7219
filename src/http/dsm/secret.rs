//! Reading every secret of an authorization (contract dsm, sections 3.1 and 3.4).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::call::Call;
use super::error::DsmError;
use super::wire::{Application, ApplicationBody, Outcome, Secret, SecretsBody};
use crate::http::response::uncached;

/// `GET /iso/dapp/application`
pub(super) async fn application(call: Call) -> Result<HttpResponse, DsmError> {
    let application = call.vault.read_application(call.permit).await?;
    let response = Outcome::success(StatusCode::OK, format!("Application {}", application.name));
    let body = ApplicationBody { response, application: Application::from(application) };
    Ok(uncached(StatusCode::OK).json(body))
}

/// `GET /iso/sctm/secret`
pub(super) async fn secrets(call: Call) -> Result<HttpResponse, DsmError> {
    let application = call.vault.read_application(call.permit).await?;
    let secrets: Vec<Secret> = application.secrets.into_iter().map(Secret::from).collect();
    let response = Outcome::success(StatusCode::OK, format!("{} secrets found", secrets.len()));
    Ok(uncached(StatusCode::OK).json(SecretsBody { response, secrets }))
}
