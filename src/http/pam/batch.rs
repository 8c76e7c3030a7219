//! Many reads and upserts of credentials in one call. An addition to the contract.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::call::Call;
use super::credential::{credential_input, credential_view, saved_message, saved_payload};
use super::credential_wire::{CredentialForm, CredentialPayload, SavedPayload};
use super::dialect::Rendering;
use super::envelope::Envelope;
use super::error::PamError;
use super::parameters::Parameters;
use crate::http::input_error::InputError;
use crate::vault::VaultError;
use crate::vault::credential::{BatchItem, BatchResult};

/// What a client may send to read and save many credentials at once, as JSON.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the parameters are read leniently, by name")]
pub(super) struct BatchForm {
    /// 1 to 500, done in this order.
    items: Vec<BatchItemForm>,
}

/// One of the two.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the parameters are read leniently, by name")]
pub(super) struct BatchItemForm {
    /// The credential to read: number, identifier or `username@hostname`.
    read: Option<String>,
    /// The credential to create or update.
    save: Option<CredentialForm>,
}

/// The payload of a batch.
#[derive(Serialize, ToSchema)]
pub(super) struct BatchPayload {
    /// For each item, in its place, what the call that it stands for would have answered.
    #[schema(value_type = Vec<Object>)]
    items: Vec<ItemAnswer>,
}

/// The response to one item of a batch.
pub(super) struct ItemAnswer {
    result: Result<(StatusCode, String, ItemPayload), PamError>,
    rendering: Rendering,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ItemPayload {
    Read(Box<CredentialPayload>),
    Saved(SavedPayload),
}

impl Serialize for ItemAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.result {
            Ok((status, message, payload)) => {
                Envelope::success(*status, message.as_str().into(), None, payload).serialize(serializer)
            }
            Err(error) => error.envelope(&error.message(self.rendering)).serialize(serializer),
        }
    }
}

/// `POST …/pam/credential/batch`
pub(super) async fn batch(call: Call) -> Result<HttpResponse, PamError> {
    let items = call.parse(batch_items).await?;
    let (items, errors): (Vec<BatchItem>, Vec<Option<InputError>>) = items.into_iter().unzip();
    let policy = call.dialect().save_policy();
    let results = call.vault.batch_credentials(call.permit.clone(), items, policy).await?;
    let message = format!("{} items", results.len());
    let answer = |(result, error): (Result<BatchResult, VaultError>, Option<InputError>)| ItemAnswer {
        result: match (result, error) {
            (Ok(done), _) => item_answer(&call, done),
            (Err(VaultError::Invalid(_)), Some(error)) => Err(error.into()),
            (Err(error), _) => Err(error.into()),
        },
        rendering: call.context.rendering,
    };
    let payload = BatchPayload { items: results.into_iter().zip(errors).map(answer).collect() };
    Ok(call.answer(StatusCode::OK, &message, payload))
}

fn item_answer(call: &Call, done: BatchResult) -> Result<(StatusCode, String, ItemPayload), PamError> {
    match done {
        BatchResult::Read(read) => {
            let message = format!("Credential {}", read.id);
            let payload = CredentialPayload { credential: credential_view(call, *read)? };
            Ok((StatusCode::OK, message, ItemPayload::Read(Box::new(payload))))
        }
        BatchResult::Saved(saved) => {
            let message = saved_message(&saved).into();
            Ok((StatusCode::CREATED, message, ItemPayload::Saved(saved_payload(saved, call.dialect()))))
        }
    }
}

/// Parses the items. A malformed item becomes [`BatchItem::Invalid`], which the vault refuses, with its parse error. In a
/// malformed request no item takes effect.
fn batch_items(parameters: &Parameters) -> Result<Vec<(BatchItem, Option<InputError>)>, InputError> {
    let items = parameters.objects("items")?.unwrap_or_default();
    let parsed = |item: &Parameters| match batch_item(item) {
        Ok(item) => Ok((item, None)),
        Err(error) if parameters.require_valid().is_err() => Err(error),
        Err(error) => Ok((BatchItem::Invalid, Some(error))),
    };
    items.iter().map(parsed).collect()
}

fn batch_item(item: &Parameters) -> Result<BatchItem, InputError> {
    match (item.text("read")?, item.object("save")?) {
        (Some(key), None) => Ok(BatchItem::Read(key)),
        (None, Some(parameters)) => Ok(BatchItem::Save(Box::new(credential_input(&parameters)?))),
        _ => Err(InputError::parameter("items", "expected read or save, one of them, in each")),
    }
}
