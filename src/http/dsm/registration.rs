//! Registering an application, and disabling the caller's authorization (contract dsm, section 4).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::Value;

use super::call::Call;
use super::error::DsmError;
use super::parameters::Parameters;
use super::wire::{ErrorBody, Outcome, RegistrationBody};
use crate::http::input_error::InputError;
use crate::http::response::uncached;
use crate::vault::access::registration::{Registered, RegistrationRequest};

const PARAMETERS: &[&str] = &[
    "application",
    "system",
    "environment",
    "unique_key",
    "description",
    "tags",
    "authentication_method",
    "authorized_resources",
    "expiration_date",
    "encryption_enabled",
    "allowed_ips",
    "allowed_http_referers",
    "certificate_fingerprint",
    "aws_arns",
    "cloud_profiles",
    "credential_profiles",
];
/// Lists of what a new authorization would get from other products.
const PROFILES: [&str; 3] = ["aws_arns", "cloud_profiles", "credential_profiles"];

/// `POST /iso/dapp/application`
pub(super) async fn register(call: Call) -> Result<HttpResponse, DsmError> {
    let parsed = Parameters::parse(&call.body, PARAMETERS).and_then(|mut parameters| request(&mut parameters));
    let request = call.parsed(parsed).await?;
    let application = request.application.trim().to_string();
    let Registered { authorization, created, client } = call.vault.register_application(call.permit, request).await?;
    let what = if created { "created" } else { "found" };
    let message = format!("Application registered: {application} | Authorization {what}: ({authorization})");
    let body = RegistrationBody::new(Outcome::success(StatusCode::OK, message), client);
    Ok(uncached(StatusCode::OK).json(body))
}

/// `DELETE /iso/dapp/application/authorization`
pub(super) async fn disable(call: Call) -> Result<HttpResponse, DsmError> {
    call.vault.disable_own_authorization(call.permit).await?;
    let response = Outcome::success(StatusCode::OK, "Authorization deleted successfully.".into());
    Ok(uncached(StatusCode::OK).json(ErrorBody { response }))
}

fn request(parameters: &mut Parameters) -> Result<RegistrationRequest, InputError> {
    check_fixed(parameters)?;
    let certificate = parameters.string("certificate_fingerprint")?.filter(|text| !text.is_empty());
    let expiry = parameters.string("expiration_date")?.filter(|text| !text.is_empty());
    Ok(RegistrationRequest {
        application: parameters.string("application")?.unwrap_or_default(),
        system: parameters.string("system")?.unwrap_or_default(),
        environment: parameters.string("environment")?.unwrap_or_default(),
        unique_key: parameters.string("unique_key")?,
        description: parameters.string("description")?,
        tags: parameters.list("tags")?.map(|tags| tags.into_iter().filter(|tag| !tag.trim().is_empty()).collect()),
        allowed_ips: parameters.list("allowed_ips")?.filter(|list| !list.is_empty()),
        allowed_referers: parameters.list("allowed_http_referers")?.filter(|list| !list.is_empty()),
        certificates: certificate.map(|fingerprint| vec![fingerprint]),
        expires_at: expiry.map(|text| time(&text)).transpose()?,
    })
}

/// Checks the parameters that allow one value. What is not done is not accepted.
fn check_fixed(parameters: &mut Parameters) -> Result<(), InputError> {
    let method = parameters.string("authentication_method")?.unwrap_or_default();
    if !method.is_empty() && !method.replace(' ', "").eq_ignore_ascii_case("oauth2.0") {
        return Err(InputError::parameter("authentication_method", "expected OAuth 2.0"));
    }
    match parameters.take("encryption_enabled") {
        None | Some(Value::Bool(false)) => {}
        Some(Value::String(text)) if matches!(text.as_str(), "" | "0" | "false") => {}
        Some(_) => {
            let expected = "expected false; the operator sets the key that encrypts responses";
            return Err(InputError::parameter("encryption_enabled", expected));
        }
    }
    let known = |name: &String| ["Application", "CI/CD", "Secret Management"].contains(&name.as_str());
    if !parameters.list("authorized_resources")?.unwrap_or_default().iter().all(known) {
        return Err(InputError::parameter("authorized_resources", "expected Application, CI/CD and Secret Management"));
    }
    for name in PROFILES {
        let is_none = match parameters.take(name) {
            None => true,
            Some(Value::Array(elements)) => elements.is_empty(),
            Some(_) => false,
        };
        if !is_none {
            return Err(InputError::parameter(name, "expected an empty array"));
        }
    }
    Ok(())
}

/// Parses a time: of RFC 3339, or a date with or without a time, in UTC.
fn time(text: &str) -> Result<DateTime<Utc>, InputError> {
    let text = text.trim();
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    let naive = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"]
        .into_iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(date);
    let time = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    let time = time.or_else(|| naive.map(|time| time.and_utc()));
    time.ok_or_else(|| {
        InputError::parameter("expiration_date", "expected a time such as 2030-12-31 or 2030-12-31 23:59:59")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::server::{Body, MediaType};

    #[test]
    fn a_time_has_several_forms() {
        for text in [
            "2030-12-31",
            "2030-12-31 00:00",
            " 2030-12-31 00:00:00",
            "2030-12-31T00:00:00Z",
            "2030-12-31T01:00:00+01:00",
        ] {
            assert_eq!(time(text).unwrap().timestamp(), 1_924_905_600, "{text}");
        }
        for text in ["31/12/2030", "2030-13-01", "soon", ""] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_done_is_not_accepted() {
        let parse = |text: &str| {
            let body = Body::new(MediaType::Json, text.as_bytes()).unwrap();
            Parameters::parse(&body, PARAMETERS).and_then(|mut parameters| request(&mut parameters)).map(drop)
        };
        for right in [
            r#"{"authentication_method": "OAuth 2.0", "encryption_enabled": false, "aws_arns": [], "tags": [""]}"#,
            r#"{"authorized_resources": ["Application", "CI/CD", "Secret Management"], "credential_profiles": null}"#,
        ] {
            assert_eq!(parse(right), Ok(()), "{right}");
        }
        for (wrong, name) in [
            (r#"{"authentication_method": "AWS"}"#, "authentication_method"),
            (r#"{"encryption_enabled": true}"#, "encryption_enabled"),
            (r#"{"authorized_resources": ["PAM Core"]}"#, "authorized_resources"),
            (r#"{"aws_arns": ["arn:aws:iam::1:role/x"]}"#, "aws_arns"),
            (r#"{"credential_profiles": [{"device": "a", "profile": "b"}]}"#, "credential_profiles"),
            (r#"{"application": 5}"#, "application"),
            (r#"{"expiration_date": "soon"}"#, "expiration_date"),
        ] {
            let error = parse(wrong).unwrap_err();
            assert!(matches!(error, InputError::Parameter { name: named, .. } if named == name), "{wrong}: {error}");
        }
    }
}
