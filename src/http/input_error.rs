//! Errors of malformed input, before any validation. Each family renders them in its own form.

use crate::http::server::BodyError;

/// An error of parsing a request. The texts name the problem and never repeat the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InputError {
    /// The body is not JSON, though its content type says so.
    #[error("The request body is not valid JSON")]
    NotJson,
    /// The body is JSON and not an object.
    #[error("The request body must be a JSON object")]
    NotAnObject,
    /// The body is not a valid form.
    #[error("The request body is not a valid form")]
    NotAForm,
    /// The body is larger than the settings allow.
    #[error("The request body is too large")]
    TooLarge,
    /// The body could not be read to its end.
    #[error("The request body could not be read")]
    Unreadable,
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
    /// The reason in the audit log; stable.
    pub(crate) const REASON: &str = "invalid-input";

    /// The error of a source address that a trusted proxy does not send in a readable form.
    pub(crate) const SOURCE: Self =
        Self::Header { name: "X-Forwarded-For or Forwarded", expected: "expected the client's address from the proxy" };

    /// Creates the error of a parameter.
    pub(crate) fn parameter(name: &'static str, expected: &'static str) -> Self {
        Self::Parameter { name, expected }
    }

    /// Creates the error of a header.
    pub(crate) fn header(name: &'static str, expected: &'static str) -> Self {
        Self::Header { name, expected }
    }
}

impl From<BodyError> for InputError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::TooLarge,
            BodyError::Unreadable => Self::Unreadable,
        }
    }
}
