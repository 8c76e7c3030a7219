//! Reads values of the vault: each item once, and all of them or none.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::error::ClientError;
use super::http::Answer;
use super::reference::{Field, Reference};
use super::session::{Session, message};
use crate::crypto::SecretText;

/// What is not escaped in a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

/// The fields of an item.
pub(super) type Fields = BTreeMap<String, SecretText>;

/// A current one-time code.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) code: SecretText,
    pub(super) seconds_left: u64,
}

#[derive(Deserialize)]
struct ItemAnswer {
    item: ItemView,
}

#[derive(Deserialize)]
struct ItemView {
    fields: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct CredentialAnswer {
    credential: CredentialView,
}

#[derive(Deserialize)]
struct CredentialView {
    username: String,
    password: Option<String>,
    hostname: String,
    ip: String,
    port: String,
}

#[derive(Deserialize)]
struct TotpAnswer {
    totp: TotpView,
}

#[derive(Deserialize)]
struct TotpView {
    code: String,
    seconds_left: u64,
}

/// A reader of values.
pub(super) struct Values {
    session: Session,
    takes_custody: bool,
}

/// Why a value is missing; other errors concern every value.
enum ReadError {
    Missing(String),
    Other(ClientError),
}

impl From<ClientError> for ReadError {
    fn from(error: ClientError) -> Self {
        Self::Other(error)
    }
}

impl Values {
    pub(super) fn new(session: Session, takes_custody: bool) -> Self {
        Self { session, takes_custody }
    }

    pub(super) fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Reads the values of all references. One-time codes come last, since they expire soon.
    ///
    /// # Errors
    /// [`ClientError::Missing`] with every reference that has no value; other errors at once.
    pub(super) fn read(
        &mut self,
        references: impl IntoIterator<Item = Reference>,
    ) -> Result<BTreeMap<Reference, SecretText>, ClientError> {
        let mut seen = BTreeSet::new();
        let (codes, fields): (Vec<_>, Vec<_>) = references
            .into_iter()
            .filter(|reference| seen.insert(reference.clone()))
            .partition(|reference| reference.field == Field::Totp);
        let mut items: BTreeMap<String, Result<Fields, String>> = BTreeMap::new();
        let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
        for reference in fields {
            if !items.contains_key(&reference.name) {
                let item = or_missing(self.read_fields(&reference.name))?;
                items.insert(reference.name.clone(), item);
            }
            match &items[&reference.name] {
                Err(reason) => missing.push(format!("{reference} ({reason})")),
                Ok(fields) => match value(fields, reference.field) {
                    Some(value) => {
                        found.insert(reference, value.clone());
                    }
                    None => missing.push(format!("{reference} (not set)")),
                },
            }
        }
        // A missing value stops everything, so that a code is not used up for nothing.
        for reference in codes.into_iter().filter(|_| missing.is_empty()).collect::<Vec<_>>() {
            match or_missing(self.read_code(&reference.name))? {
                Ok(code) => {
                    found.insert(reference, code.code);
                }
                Err(reason) => missing.push(format!("{reference} ({reason})")),
            }
        }
        if missing.is_empty() { Ok(found) } else { Err(ClientError::Missing(missing)) }
    }

    /// Reads all fields of an item.
    ///
    /// # Errors
    /// [`ClientError`]
    pub(super) fn fields(&mut self, name: &str) -> Result<Fields, ClientError> {
        or_missing(self.read_fields(name))?.map_err(|reason| missing_only(name, &reason))
    }

    /// Reads the current one-time code of a credential, by id, identifier or `username@hostname`.
    ///
    /// # Errors
    /// [`ClientError`]
    pub(super) fn code(&mut self, name: &str) -> Result<Code, ClientError> {
        or_missing(self.read_code(name))?.map_err(|reason| missing_only(name, &reason))
    }

    fn read_fields(&mut self, name: &str) -> Result<Fields, ReadError> {
        if self.takes_custody {
            let answer: CredentialAnswer = self.send(&format!("/iso/pam/credential/{}", segment(name)))?;
            return Ok(answer.credential.into());
        }
        let answer: ItemAnswer = self.send(&format!("/iso/pam/item/{}", segment(name)))?;
        Ok(answer.item.fields.into_iter().map(|(name, value)| (name, SecretText::new(value))).collect())
    }

    fn read_code(&mut self, name: &str) -> Result<Code, ReadError> {
        let answer: TotpAnswer = self.send(&format!("/iso/pam/credential/{}/totp", segment(name)))?;
        let TotpView { code, seconds_left } = answer.totp;
        if code.is_empty() || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ClientError::UnknownAnswer.into());
        }
        Ok(Code { code: SecretText::new(code), seconds_left })
    }

    fn send<T: for<'de> Deserialize<'de>>(&mut self, path: &str) -> Result<T, ReadError> {
        let answer = self.session.get(path)?;
        match answer.status {
            200 if answer.is_encrypted => Err(ReadError::Missing(
                "encrypted for the response key of the client, which these commands do not have".into(),
            )),
            200 => Ok(serde_json::from_slice(answer.body.expose()).map_err(|_| ClientError::UnknownAnswer)?),
            status => Err(refusal(status, &answer)),
        }
    }
}

fn refusal(status: u16, answer: &Answer) -> ReadError {
    let Some(message) = message(answer) else {
        return ReadError::Other(match status {
            500.. => ClientError::Unavailable(format!("status {status}")),
            _ => ClientError::UnknownAnswer,
        });
    };
    match status {
        400 | 409 => ReadError::Missing(message),
        500.. => ClientError::Unavailable(message).into(),
        _ => ClientError::Refused(message).into(),
    }
}

fn or_missing<T>(result: Result<T, ReadError>) -> Result<Result<T, String>, ClientError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(ReadError::Missing(reason)) => Ok(Err(reason)),
        Err(ReadError::Other(error)) => Err(error),
    }
}

fn missing_only(name: &str, reason: &str) -> ClientError {
    ClientError::Missing(vec![format!("{name} ({reason})")])
}

/// Returns the value of a field. An empty one is not set.
fn value(fields: &Fields, field: Field) -> Option<&SecretText> {
    field.names().iter().find_map(|name| fields.get(*name)).filter(|value| !value.is_empty())
}

fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

impl From<CredentialView> for Fields {
    /// Names the members as the fields of an item.
    fn from(view: CredentialView) -> Self {
        let fields = [
            ("username", Some(view.username)),
            ("password", view.password),
            ("hostname", Some(view.hostname)),
            ("address", Some(view.ip)),
            ("port", Some(view.port)),
        ];
        let set = |(name, value): (&str, Option<String>)| Some((name.to_string(), SecretText::new(value?)));
        fields.into_iter().filter_map(set).collect()
    }
}
