//! Request bodies, read whole within limits of size and time, as UTF-8 without a content coding.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_ENCODING;
use actix_web::web::{Bytes, BytesMut, Data};
use futures_util::StreamExt;
use percent_encoding::percent_decode;
use zeroize::Zeroize;

use super::body_budget::BodyBudgets;
use super::media_type::{self, Charset, MediaType, looks_like_form};
use super::service::Service;
use super::source::source_address;
use crate::network::Share;
use crate::text::encoding::skip_byte_order_mark;

/// The maximum time for the body of an authenticated request.
const BODY_TIME: Duration = Duration::from_secs(30);
/// The maximum time for a body before its request is authenticated.
const UNAUTHENTICATED_BODY_TIME: Duration = Duration::from_secs(5);
/// The maximum size of the body of a login.
const MAX_LOGIN_BYTES: usize = 64 << 10;

/// A request body. It may contain secrets, so it is wiped on drop.
pub(crate) struct Body {
    media_type: MediaType,
    charset: Charset,
    bytes: BytesMut,
    /// What it holds of the memory for bodies; `None` for one that was not read.
    share: Option<Share>,
}

/// The parameters in a body, not parsed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// None: no body, or a body of white space.
    Empty,
    /// JSON.
    Json(&'a str),
    /// A form in `application/x-www-form-urlencoded`.
    Form(&'a str),
    /// A form in `multipart/form-data`.
    Multipart,
}

/// An error of reading a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Larger than `http.max_body_bytes`.
    TooLarge,
    /// The bodies of other requests take the memory for bodies.
    Busy,
    /// The connection broke, the encoding is invalid, or the time limit has passed.
    Unreadable,
    /// A `Content-Encoding` other than `identity`.
    ContentCoding,
    /// A charset other than UTF-8 in the `Content-Type`.
    Charset,
    /// Another encoding than UTF-8.
    NotUtf8,
    /// `multipart/form-data` without a boundary.
    NoBoundary,
    /// JSON whose `Content-Type` is that of a form.
    JsonAsForm,
    /// Neither JSON nor a form.
    MediaType,
}

impl Body {
    /// Reads the whole body of an authenticated request, without its byte order mark.
    ///
    /// # Errors
    /// [`BodyError`]
    pub(crate) async fn read(request: &HttpRequest, payload: Payload) -> Result<Self, BodyError> {
        Self::read_within(request, payload, usize::MAX, true).await
    }

    /// Reads the body of a login, which has credentials and no more than [`MAX_LOGIN_BYTES`].
    ///
    /// # Errors
    /// [`BodyError`]
    pub(crate) async fn read_login(request: &HttpRequest, payload: Payload) -> Result<Self, BodyError> {
        Self::read_within(request, payload, MAX_LOGIN_BYTES, false).await
    }

    /// Reads a body that the signature of its request covers, before the request is authenticated.
    ///
    /// # Errors
    /// [`BodyError`]
    pub(crate) async fn read_signed(request: &HttpRequest, payload: Payload) -> Result<Self, BodyError> {
        Self::read_within(request, payload, usize::MAX, false).await
    }

    async fn read_within(
        request: &HttpRequest,
        payload: Payload,
        limit: usize,
        is_authenticated: bool,
    ) -> Result<Self, BodyError> {
        check_headers(request)?;
        let service = Service::from_request(request);
        let limit = service.map_or(limit, |service| service.vault.settings().http.max_body_bytes.min(limit));
        let source = service.and_then(|service| source_address(request, service));
        let source = source.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let budgets = request.app_data::<Data<BodyBudgets>>();
        let share = budgets.map(|budgets| budgets.share(is_authenticated, source));
        let (media_type, charset) = (MediaType::from_request(request), Charset::from_request(request));
        let body = Self { media_type, charset, bytes: BytesMut::new(), share };
        let time = if is_authenticated { BODY_TIME } else { UNAUTHENTICATED_BODY_TIME };
        let read = tokio::time::timeout(time, body.collect(payload, limit)).await;
        read.unwrap_or(Err(BodyError::Unreadable))?.without_byte_order_mark()
    }

    /// The body of a request that has none, or whose body has no meaning.
    pub(crate) fn empty() -> Self {
        Self { media_type: MediaType::Other, charset: Charset::Utf8, bytes: BytesMut::new(), share: None }
    }

    async fn collect(mut self, mut payload: Payload, limit: usize) -> Result<Self, BodyError> {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| BodyError::Unreadable)?;
            if self.bytes.len() + chunk.len() > limit {
                return Err(BodyError::TooLarge);
            }
            if self.share.as_mut().is_some_and(|share| !share.grow(chunk.len())) {
                return Err(BodyError::Busy);
            }
            self.append(&chunk);
        }
        Ok(self)
    }

    /// Appends to the bytes. A buffer that becomes too small is wiped, since it may hold secrets.
    fn append(&mut self, chunk: &[u8]) {
        let length = self.bytes.len() + chunk.len();
        if length > self.bytes.capacity() {
            let mut larger = BytesMut::with_capacity(length.max(2 * self.bytes.capacity()));
            larger.extend_from_slice(&self.bytes);
            self.bytes.as_mut().zeroize();
            self.bytes = larger;
        }
        self.bytes.extend_from_slice(chunk);
    }

    /// Removes the mark of UTF-8, which some programs write before a text, and refuses UTF-16 and UTF-32: by their marks, or
    /// by the zeros of the first character.
    fn without_byte_order_mark(mut self) -> Result<Self, BodyError> {
        let mark = self.bytes.len() - skip_byte_order_mark(&self.bytes).len();
        drop(self.bytes.split_to(mark));
        let first = self.bytes.get(..2).unwrap_or_default();
        let is_wide = first == b"\xff\xfe" || first == b"\xfe\xff" || first.contains(&0);
        if is_wide { Err(BodyError::NotUtf8) } else { Ok(self) }
    }

    /// Returns the text of the body.
    ///
    /// # Errors
    /// [`BodyError::NotUtf8`]; [`BodyError::Charset`] for other text than ASCII in a charset that shares only ASCII.
    pub(crate) fn text(&self) -> Result<&str, BodyError> {
        if !self.charset.can_be_utf8(self.bytes.iter().copied()) {
            return Err(BodyError::Charset);
        }
        std::str::from_utf8(&self.bytes).map_err(|_| BodyError::NotUtf8)
    }

    /// Returns the text of a body whose media type is that of a form; `None` for any other body.
    ///
    /// # Errors
    /// As [`Body::text`].
    pub(crate) fn form_text(&self) -> Result<Option<&str>, BodyError> {
        if self.media_type == MediaType::Form { self.text().map(Some) } else { Ok(None) }
    }

    /// Returns the bytes of the body.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the parameters in the body, by its media type. Without a known one, the first character decides between JSON
    /// and form.
    ///
    /// # Errors
    /// [`BodyError::NotUtf8`]; [`BodyError::JsonAsForm`]: an encoder of forms would have escaped the bracket;
    /// [`BodyError::MediaType`]: a body of another type that begins neither like JSON nor like a form.
    pub(crate) fn content(&self) -> Result<Content<'_>, BodyError> {
        if self.media_type == MediaType::OtherMultipart {
            return Err(BodyError::MediaType);
        }
        let text = self.text();
        if self.media_type == MediaType::Multipart {
            // A part may have an encoding of its own.
            return if text == Err(BodyError::Charset) { Err(BodyError::Charset) } else { Ok(Content::Multipart) };
        }
        let text = text?;
        let first = text.trim_ascii_start().bytes().next();
        match (self.media_type, first) {
            (_, None) => Ok(Content::Empty),
            (MediaType::Json, _) | (MediaType::Other, Some(b'{' | b'[')) => Ok(Content::Json(text)),
            (MediaType::Form, Some(b'{' | b'[')) => Err(BodyError::JsonAsForm),
            (MediaType::Other, _) if !looks_like_form(text) => Err(BodyError::MediaType),
            (MediaType::Form | MediaType::Other | MediaType::Multipart | MediaType::OtherMultipart, _) => {
                let is_utf8 = self.charset.can_be_utf8(percent_decode(text.as_bytes()));
                if is_utf8 { Ok(Content::Form(text)) } else { Err(BodyError::Charset) }
            }
        }
    }

    /// Returns the bytes for a parser that keeps them. They are wiped, and their share of the memory is given back, when the
    /// parser has dropped them.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }

    /// Creates the body of a test.
    #[cfg(test)]
    pub(crate) fn new(media_type: MediaType, bytes: &[u8]) -> Result<Self, BodyError> {
        Self { media_type, charset: Charset::Utf8, bytes: BytesMut::from(bytes), share: None }.without_byte_order_mark()
    }
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.bytes.as_mut().zeroize();
    }
}

/// Checks what the headers say about the body.
fn check_headers(request: &HttpRequest) -> Result<(), BodyError> {
    let mut codings =
        request.headers().get_all(CONTENT_ENCODING).flat_map(|value| value.as_bytes().split(|b| *b == b','));
    let is_plain = |coding: &[u8]| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
    if !codings.all(|coding| is_plain(coding.trim_ascii())) {
        return Err(BodyError::ContentCoding);
    }
    if Charset::from_request(request) == Charset::Other {
        return Err(BodyError::Charset);
    }
    if MediaType::from_request(request) == MediaType::Multipart && !media_type::has_boundary(request) {
        return Err(BodyError::NoBoundary);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
