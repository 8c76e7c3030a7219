//! Errors of malformed input, before any validation. Each family renders them in its own form.

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, HeaderName, HeaderValue, RETRY_AFTER};

use crate::http::family::RouteFailure;
use crate::http::server::{BodyError, looks_like_form};

/// An error of parsing a request. The texts name the problem and never repeat the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InputError {
    /// The body is not JSON, though its content type says so.
    #[error("The request body is not valid JSON")]
    NotJson,
    /// The body is JSON and not an object.
    #[error("The request body must be a JSON object")]
    NotAnObject,
    /// The body is JSON and not an array.
    #[error("The request body must be a JSON array of objects")]
    NotAnArray,
    /// The body is not a valid form.
    #[error("The request body is not a valid form")]
    NotAForm,
    /// The body is JSON, and its content type says that it is a form.
    #[error("The request body looks like JSON, but its Content-Type is application/x-www-form-urlencoded")]
    JsonAsForm,
    /// The body is a form, and its content type says that it is JSON.
    #[error("The request body looks like a form, but its Content-Type says JSON")]
    FormAsJson,
    /// The body is in parts, and its content type does not say where they begin.
    #[error("The Content-Type multipart/form-data has no boundary")]
    NoBoundary,
    /// A part of the form is encoded once more.
    #[error("The parts of the form must not have a Content-Transfer-Encoding")]
    PartEncoding,
    /// The body has a content coding, such as gzip.
    #[error("The request body must not have a content coding (Content-Encoding)")]
    ContentCoding,
    /// The body is sent in another charset than UTF-8.
    #[error("The charset of the request body must be UTF-8")]
    Charset,
    /// The memory for request bodies is taken.
    #[error("Too many requests are being read; try again")]
    Busy,
    /// A part of the request is not UTF-8.
    #[error("The {0} must be UTF-8")]
    NotUtf8(&'static str),
    /// A parameter of a form that has no meaning here is a group of groups.
    #[error("A parameter of a form may nest one level deep, as group[member]; send JSON")]
    NestedForm,
    /// A parameter that has no meaning here came more than once.
    #[error("No parameter may be repeated")]
    Repeated,
    /// The body is larger than the settings allow.
    #[error("The request body is too large")]
    TooLarge,
    /// The body could not be read to its end.
    #[error("The request body could not be read")]
    Unreadable,
    /// The target and the headers are too large.
    #[error("The headers of the request are too large")]
    HeadTooLarge,
    /// The body is in a format that nothing reads.
    #[error("The request body must be application/json, application/x-www-form-urlencoded or multipart/form-data")]
    MediaType,
    /// A trusted proxy sends no readable source address.
    #[error("The proxy sends no readable source address")]
    UnreadableSource,
    /// Too many failed logins of the account, or from the network.
    #[error("Too many failed logins; try again later")]
    TooManyAttempts {
        /// How long to wait.
        seconds: u32,
    },
    /// A header has the wrong form.
    #[error("Invalid header {name}: {expected}")]
    Header {
        /// Its name, from our own list.
        name: &'static str,
        /// The expected form.
        expected: &'static str,
    },
    /// A parameter has the wrong form.
    #[error("Invalid parameter {name}: {expected}")]
    Parameter {
        /// Its name, from our own list.
        name: &'static str,
        /// The expected form.
        expected: &'static str,
    },
}

impl InputError {
    /// Returns the reason for the audit log; stable.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::ContentCoding => "content-coding-not-supported",
            Self::Charset => "charset-not-supported",
            Self::MediaType => "media-type-not-supported",
            Self::NotJson
            | Self::NotAnObject
            | Self::NotAnArray
            | Self::NotAForm
            | Self::JsonAsForm
            | Self::FormAsJson
            | Self::NoBoundary
            | Self::PartEncoding
            | Self::NotUtf8(_)
            | Self::NestedForm
            | Self::Repeated
            | Self::TooLarge
            | Self::Unreadable
            | Self::HeadTooLarge
            | Self::UnreadableSource
            | Self::Header { .. }
            | Self::Parameter { .. } => "invalid-input",
            Self::TooManyAttempts { .. } => "too-many-failures",
            Self::Busy => "too-many-bodies",
        }
    }

    /// Returns the status of the response.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::ContentCoding | Self::Charset | Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotJson
            | Self::NotAnObject
            | Self::NotAnArray
            | Self::NotAForm
            | Self::JsonAsForm
            | Self::FormAsJson
            | Self::NoBoundary
            | Self::PartEncoding
            | Self::NotUtf8(_)
            | Self::NestedForm
            | Self::Repeated
            | Self::Unreadable
            | Self::UnreadableSource
            | Self::Header { .. }
            | Self::Parameter { .. } => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns the header of the response that says what the client can send instead (RFC 9110, section 15.5.16), or when.
    pub(crate) fn response_header(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::ContentCoding => Some((ACCEPT_ENCODING, HeaderValue::from_static("identity"))),
            Self::TooManyAttempts { seconds } => Some((RETRY_AFTER, HeaderValue::from(seconds))),
            Self::Busy => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => None,
        }
    }

    /// Creates the error of a body that is not JSON.
    pub(crate) fn not_json(body: &str) -> Self {
        if looks_like_form(body) { Self::FormAsJson } else { Self::NotJson }
    }

    /// Creates the error of a parameter that is not UTF-8.
    pub(crate) fn not_utf8(name: &'static str) -> Self {
        Self::parameter(name, "must be UTF-8")
    }

    /// Creates the error of a parameter that came more than once.
    pub(crate) fn repeated(name: &'static str) -> Self {
        Self::parameter(name, "must not be repeated")
    }

    /// Creates the error of a parameter.
    pub(crate) fn parameter(name: &'static str, expected: &'static str) -> Self {
        Self::Parameter { name, expected }
    }

    /// Creates the error of a header.
    pub(crate) fn header(name: &'static str, expected: &'static str) -> Self {
        Self::Header { name, expected }
    }
}

impl InputError {
    /// Returns the error of a failure outside of a handler; `None` for one that is not of the client.
    pub(crate) fn of_route(failure: RouteFailure) -> Option<Self> {
        match failure {
            RouteFailure::Panic | RouteFailure::Overdue | RouteFailure::Sealed => None,
            RouteFailure::UnreadableSource => Some(Self::UnreadableSource),
            RouteFailure::HeadTooLarge => Some(Self::HeadTooLarge),
            RouteFailure::TooManyAttempts { seconds } => Some(Self::TooManyAttempts { seconds }),
        }
    }
}

impl From<BodyError> for InputError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::TooLarge,
            BodyError::Busy => Self::Busy,
            BodyError::Unreadable => Self::Unreadable,
            BodyError::ContentCoding => Self::ContentCoding,
            BodyError::Charset => Self::Charset,
            BodyError::NotUtf8 => Self::NotUtf8("request body"),
            BodyError::NoBoundary => Self::NoBoundary,
            BodyError::JsonAsForm => Self::JsonAsForm,
            BodyError::MediaType => Self::MediaType,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_says_it_is_json_is_told_from_broken_json() {
        for form in ["a=1", "hostname=a&content=x", "true=1", "null=", "a%5Bb%5D=1", "a[b]=1"] {
            assert_eq!(InputError::not_json(form), InputError::FormAsJson, "{form}");
        }
        for json in ["", "{", "{\"a\": \"b=c", "\"a=b", "[a=b", "=a", "two words=1", "nonsense"] {
            assert_eq!(InputError::not_json(json), InputError::NotJson, "{json}");
        }
    }
}
