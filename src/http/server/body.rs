//! Request bodies, read whole within limits of size and time.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt;
use zeroize::Zeroize;

use super::service::Service;

/// The maximum time for a body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The media type of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `application/json`, or any type with the suffix `+json`.
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
    /// `multipart/form-data`
    Multipart,
    /// Another type, or no type.
    Other,
}

/// A request body. It may contain secrets, so it is wiped on drop.
pub(crate) struct Body {
    media_type: MediaType,
    bytes: BytesMut,
}

/// An error of reading a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Larger than `http.max_body_bytes`.
    TooLarge,
    /// The connection broke, the encoding is invalid, or the time limit has passed.
    Unreadable,
}

impl Body {
    /// Reads the whole body of a request.
    ///
    /// # Errors
    /// [`BodyError`]
    pub(crate) async fn read(request: &HttpRequest, payload: Payload) -> Result<Self, BodyError> {
        let limit = Service::from_request(request).map_or(0, |service| service.vault.settings().http.max_body_bytes);
        let body = Self { media_type: MediaType::from_request(request), bytes: BytesMut::new() };
        tokio::time::timeout(BODY_TIME, body.collect(payload, limit)).await.unwrap_or(Err(BodyError::Unreadable))
    }

    async fn collect(mut self, mut payload: Payload, limit: usize) -> Result<Self, BodyError> {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| BodyError::Unreadable)?;
            if self.bytes.len() + chunk.len() > limit {
                return Err(BodyError::TooLarge);
            }
            self.bytes.extend_from_slice(&chunk);
        }
        Ok(self)
    }

    /// Returns the media type.
    pub(crate) fn media_type(&self) -> MediaType {
        self.media_type
    }

    /// Returns the bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the bytes for a parser, which must wipe them.
    pub(crate) fn into_bytes(mut self) -> Bytes {
        std::mem::take(&mut self.bytes).freeze()
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.bytes.as_mut().zeroize();
    }
}

impl MediaType {
    fn from_request(request: &HttpRequest) -> Self {
        let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Self::Form,
            "multipart/form-data" => Self::Multipart,
            json if json == "application/json" || json.ends_with("+json") => Self::Json,
            _ => Self::Other,
        }
    }
}
