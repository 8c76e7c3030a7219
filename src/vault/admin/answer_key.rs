//! The key under which the secrets in a client's answers are encrypted, from the command line. Where it is applied
//! stands in `Call::reveal`.

use std::sync::Arc;

use super::AdminError;
use super::authorization::authorization;
use crate::crypto::{AnswerForm, AnswerKey};
use crate::store::response_key::{self as answer_key, ResponseKeyRow as AnswerKeyRow};
use crate::store::{AnyConnection, StoreError};
use crate::vault::Vault;

/// The action in the audit log, whether the key is new or the form alone.
const SET: &str = "authorization.set-answer-key";

impl Vault {
    /// From now on the secrets in this client's answers are encrypted under `key`, and under no other.
    pub async fn set_answer_key(&self, client_id: &str, key: Arc<AnswerKey>) -> Result<(), AdminError> {
        let client_id = client_id.to_string();
        let change = move |connection: &mut AnyConnection, now: i64| {
            let row = authorization(connection, &client_id)?;
            put(connection, row.id, &key, now)?;
            Ok(((), format!("authorization:{}", row.id)))
        };
        self.administer(SET, change).await
    }

    /// The key stays, and the client usually gets its secrets in another form.
    pub async fn set_answer_form(&self, client_id: &str, form: AnswerForm) -> Result<(), AdminError> {
        let client_id = client_id.to_string();
        let change = move |connection: &mut AnyConnection, now: i64| {
            let row = authorization(connection, &client_id)?;
            let kept = answer_key::by_authorization(connection, row.id)?;
            let kept = kept.ok_or_else(|| AdminError::Unknown(format!("answer key of authorization {client_id}")))?;
            put(connection, row.id, &AnswerKey::parse(&kept.public_key, Some(form))?, now)?;
            Ok(((), format!("authorization:{}", row.id)))
        };
        self.administer(SET, change).await
    }

    /// From now on this client gets plain secrets.
    pub async fn remove_answer_key(&self, client_id: &str) -> Result<(), AdminError> {
        let client_id = client_id.to_string();
        let change = move |connection: &mut AnyConnection, _: i64| {
            let row = authorization(connection, &client_id)?;
            if !answer_key::delete(connection, row.id)? {
                return Err(AdminError::Unknown(format!("answer key of authorization {client_id}")));
            }
            Ok(((), format!("authorization:{}", row.id)))
        };
        self.administer("authorization.remove-answer-key", change).await
    }

    /// The key of a client.
    ///
    /// # Errors
    /// Among others, when it cannot be read; such a client is closed.
    pub async fn answer_key(&self, client_id: &str) -> Result<Option<AnswerKey>, AdminError> {
        let client_id = client_id.to_string();
        let read = move |connection: &mut AnyConnection| match authorization(connection, &client_id) {
            Ok(row) => Ok(Ok(answer_key::by_authorization(connection, row.id)?)),
            Err(AdminError::Store(error)) => Err(error),
            Err(refusal) => Ok(Err(refusal)),
        };
        let row = self.0.store.read(read).await??;
        let key = row.map(|row| of_row(&row).ok_or_else(|| AdminError::Invalid("the key cannot be read".into())));
        key.transpose()
    }
}

/// Keeps the key of an authorization.
pub(super) fn put(connection: &mut AnyConnection, owner: i32, key: &AnswerKey, now: i64) -> Result<(), StoreError> {
    let row = AnswerKeyRow {
        authorization_id: owner,
        form: key.form().name().into(),
        public_key: key.pem().into(),
        created_at: now,
    };
    answer_key::put(connection, &row)
}

/// The key of a row; `None` when it cannot be read.
pub(in crate::vault) fn of_row(row: &AnswerKeyRow) -> Option<AnswerKey> {
    AnswerKey::parse(&row.public_key, Some(AnswerForm::named(&row.form)?)).ok()
}
