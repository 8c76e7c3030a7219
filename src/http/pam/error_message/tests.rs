use std::fmt::Write;

use chaveiro_rotation::Failure;

use super::*;
use crate::crypto::SealError;
use crate::store::{Cause, StoreError};
use crate::token::TokenError;
use crate::vault::Dependency;
use crate::vault::id::CredentialId;

fn errors() -> Vec<VaultError> {
    use Field::{
        Content, DeviceType, Hostname, Ip, JitPlugin, JitTemplate, Model, PrivateKey, PublicKey, RemoteDevice,
        SessionCredential, SessionDevice, SessionUser, Site, Username, Vendor,
    };
    let denied = [
        DenyReason::Resource,
        DenyReason::Source,
        DenyReason::Referer,
        DenyReason::Certificate,
        DenyReason::ReadOnly,
        DenyReason::Revoked,
    ];
    let missing = [
        Hostname,
        Ip,
        Site,
        Model,
        Vendor,
        DeviceType,
        Username,
        JitPlugin,
        JitTemplate,
        PublicKey,
        PrivateKey,
        Content,
        SessionUser,
        SessionCredential,
        SessionDevice,
        RemoteDevice,
    ];
    let not_found = [
        Noun::Device,
        Noun::Domain,
        Noun::Credential,
        Noun::SshKey,
        Noun::Information,
        Noun::Version,
        Noun::Entry,
        Noun::TotpSeed,
        Noun::ResponseKey,
        Noun::TargetUser,
        Noun::TargetDevice,
        Noun::TargetCredential,
        Noun::ProxySession,
        Noun::ProxySessionUrl,
    ];
    let switchable = [
        Switchable::Device,
        Switchable::Credential,
        Switchable::SshKey,
        Switchable::Information,
        Switchable::ProxySession,
    ];
    let others = [
        VaultError::invalid(Field::Parent, "must not lead back to the credential itself"),
        VaultError::charset(Field::Identifier, "why"),
        VaultError::invalid(Field::Protocol, "why"),
        VaultError::invalid(Field::ResponseEncryption, "expected jwe"),
        Precondition::KeyReused.into(),
        Precondition::Failed { etag: None }.into(),
        VaultError::NoAccess(Noun::Credential),
        VaultError::WrongKind(Noun::Credential),
        VaultError::WrongKind(Noun::SshKey),
        VaultError::WrongKind(Noun::TotpSeed),
        VaultError::Ambiguous(Vec::new()),
        VaultError::TooManyLists,
        VaultError::NotHeld,
        VaultError::BeingChanged,
        VaultError::AccountAbsent(CredentialId::new(1)),
        VaultError::Unavailable(Dependency::Grants),
        VaultError::Store(StoreError::Busy),
        VaultError::Store(StoreError::TimedOut),
        VaultError::Store(StoreError::Unavailable("why")),
        VaultError::Store(StoreError::Contended(Cause::default())),
        VaultError::Store(StoreError::Conflict(Cause::default())),
        VaultError::Store(StoreError::Panicked),
        VaultError::Store(StoreError::Query("why")),
        VaultError::Seal(SealError),
        VaultError::Token(TokenError::Key),
    ];
    let problems = [
        AccountProblem::Busy,
        AccountProblem::ExistedBefore,
        AccountProblem::InUse,
        AccountProblem::NotOurs,
        Failure::Unreachable.into(),
        Failure::IdentityChanged.into(),
        Failure::Denied.into(),
        Failure::Rejected.into(),
        Failure::TooEarly.into(),
        Failure::Locked.into(),
        Failure::Unknown.into(),
        Failure::Misconfigured.into(),
        Failure::PlaceChanged.into(),
    ];
    denied
        .map(VaultError::Denied)
        .into_iter()
        .chain(missing.map(VaultError::Missing))
        .chain(not_found.map(VaultError::NotFound))
        .chain(switchable.map(VaultError::Inactive))
        .chain(switchable.map(VaultError::AlreadyActive))
        .chain(others)
        .chain(problems.map(VaultError::AccountNotMade))
        .collect()
}

#[test]
fn the_whole_table() {
    let mut table = String::new();
    let mut row = |name: &str, dialect: Dialect, message: ErrorMessage| {
        let number = message.number.map_or("-".into(), |number| number.to_string());
        let (status, text) = (message.status.as_u16(), message.message);
        // Almost all have error_code 1; the others say so.
        let code = if message.error_code == 1 { "" } else { " (error_code 0)" };
        writeln!(table, "{name} {dialect:?} {status} {number} {text}{code}").unwrap();
    };
    for error in errors() {
        for dialect in [Dialect::Legacy, Dialect::Modern] {
            let message = message_of(&error, Rendering { dialect, not_authorized: StatusCode::FORBIDDEN });
            row(&error.reason(), dialect, message);
        }
    }
    for error in [
        InputError::NotJson,
        InputError::NotAnObject,
        InputError::NotAForm,
        InputError::JsonAsForm,
        InputError::FormAsJson,
        InputError::NoBoundary,
        InputError::MediaType,
        InputError::Repeated,
        InputError::NestedForm,
        InputError::HeadTooLarge,
        InputError::PartEncoding,
        InputError::ContentCoding,
        InputError::Charset,
        InputError::NotUtf8("path"),
        InputError::TooLarge,
        InputError::Busy,
        InputError::Unreadable,
        InputError::parameter("status", "expected true or false"),
        InputError::header("If-Match", "expected *"),
    ] {
        row(error.reason(), Dialect::Legacy, ErrorMessage::input(error));
    }
    insta::assert_snapshot!(table);
}
