use std::fmt::Write;

use super::*;
use crate::crypto::SealError;
use crate::http::input_error::InputError;
use crate::http::server::MediaType;
use crate::store::{Cause, StoreError};
use crate::vault::{DenyReason, Dependency, Field, Noun, Precondition, Switchable};

const REQUEST_ERRORS: [RequestError; 16] = [
    RequestError::CrossSite,
    RequestError::RequestedWithMissing,
    RequestError::ApiVersion,
    RequestError::MediaType(MediaType::Form),
    RequestError::MediaType(MediaType::Multipart),
    RequestError::MediaType(MediaType::Other),
    RequestError::SortField,
    RequestError::Input(InputError::ContentCoding),
    RequestError::Input(InputError::Charset),
    RequestError::Input(InputError::NotJson),
    RequestError::Input(InputError::NotAnObject),
    RequestError::Input(InputError::FormAsJson),
    RequestError::Input(InputError::NotUtf8("request body")),
    RequestError::Input(InputError::TooLarge),
    RequestError::Input(InputError::Busy),
    RequestError::Input(InputError::Parameter { name: "Name", expected: "expected a string" }),
];

const FAMILY_NOUNS: [Noun; 8] = [
    Noun::Entry,
    Noun::Identity,
    Noun::LocalProvider,
    Noun::PermissionSet,
    Noun::Provider,
    Noun::ProviderType,
    Noun::Role,
    Noun::SecurityClaim,
];

const FAMILY_FIELDS: [Field; 15] = [
    Field::AccountName,
    Field::DataType,
    Field::Description,
    Field::DisplayName,
    Field::EmailAddress,
    Field::Name,
    Field::Parameter,
    Field::ParameterName,
    Field::Parameters,
    Field::ParameterValue,
    Field::Permissions,
    Field::PermissionSet,
    Field::ProviderType,
    Field::SecretName,
    Field::SecretValue,
];

fn vault_errors() -> Vec<VaultError> {
    let mut errors: Vec<VaultError> = [
        DenyReason::Resource,
        DenyReason::Source,
        DenyReason::Referer,
        DenyReason::Certificate,
        DenyReason::ReadOnly,
        DenyReason::Permission,
        DenyReason::OperatorOnly,
        DenyReason::Revoked,
    ]
    .map(VaultError::Denied)
    .into();
    errors.push(VaultError::invalid(Field::Name, "must not be longer than 256 characters"));
    errors.push(VaultError::charset(Field::Name, "must not contain control characters"));
    errors.extend(FAMILY_FIELDS.map(VaultError::Missing));
    errors.push(VaultError::MissingParameterValue { parameter: "Host".into() });
    let kinds =
        [VaultError::NotFound, VaultError::WrongKind, VaultError::Taken, VaultError::InUse, VaultError::Protected];
    for kind in kinds {
        errors.extend(FAMILY_NOUNS.map(kind));
        errors.push(kind(Noun::Credential));
    }
    errors.extend([
        VaultError::NoAccess(Noun::Credential),
        VaultError::Inactive(Switchable::Device),
        VaultError::AlreadyActive(Switchable::Device),
        VaultError::Ambiguous(Vec::new()),
        VaultError::TooManyLists,
        VaultError::NotHeld,
        VaultError::Precondition(Precondition::Failed { etag: None }),
        VaultError::Precondition(Precondition::KeyReused),
        VaultError::Unavailable(Dependency::Directory),
        VaultError::Unavailable(Dependency::Grants),
        VaultError::Store(StoreError::Busy),
        VaultError::Store(StoreError::Conflict(Cause::default())),
        VaultError::Seal(SealError),
    ]);
    errors
}

#[test]
fn the_whole_table() {
    let mut table = String::new();
    let mut row = |reason: &str, error: &KeyfactorError| {
        let Message { status, code, message } = error.message();
        writeln!(table, "{reason} {} {code} {message}", status.as_u16()).unwrap();
    };
    for failure in [
        AuthenticationFailure::TokenMissing,
        AuthenticationFailure::TokenExpired,
        AuthenticationFailure::WrongSecret,
        AuthenticationFailure::TooManyAttempts { seconds: 60 },
    ] {
        row(&format!("{failure:?}"), &failure.into());
    }
    for unserved in [Unserved::UnknownPath, Unserved::UnknownMethod] {
        row(unserved.reason(), &KeyfactorError::Unserved(unserved));
    }
    row("panic", &KeyfactorError::Failed(RouteFailure::Panic));
    row("overdue", &KeyfactorError::Failed(RouteFailure::Overdue));
    row("sealed", &KeyfactorError::Failed(RouteFailure::Sealed));
    row("source-unreadable", &KeyfactorError::Failed(RouteFailure::UnreadableSource));
    row("head-too-large", &KeyfactorError::Failed(RouteFailure::HeadTooLarge));
    for error in REQUEST_ERRORS {
        row(error.reason(), &KeyfactorError::Request(error));
    }
    for error in vault_errors() {
        row(&error.reason(), &KeyfactorError::Vault(error));
    }
    insta::assert_snapshot!(table);
}

#[test]
fn an_error_names_the_ways_to_authenticate_or_when_to_come_back() {
    let header = |error: KeyfactorError, name| {
        let response = error.error_response();
        response.headers().get(name).map(|value| value.to_str().unwrap().to_string())
    };
    let challenges = |error: KeyfactorError| {
        let response = error.error_response();
        response.headers().get_all(WWW_AUTHENTICATE).cloned().collect::<Vec<_>>()
    };
    for error in [KeyfactorError::CredentialsMissing, KeyfactorError::InvalidCredentials] {
        assert_eq!(challenges(error), [challenge::BASIC, challenge::BEARER]);
    }
    assert_eq!(challenges(KeyfactorError::InvalidToken), [challenge::BASIC, challenge::BEARER_INVALID_TOKEN]);
    assert_eq!(header(KeyfactorError::TooManyFailures(60), RETRY_AFTER).as_deref(), Some("60"));
    assert_eq!(header(KeyfactorError::Vault(VaultError::Store(StoreError::Busy)), RETRY_AFTER).as_deref(), Some("1"));
    assert_eq!(header(KeyfactorError::Request(RequestError::CrossSite), WWW_AUTHENTICATE), None);
}
