//! Protocol errors. They come after the permission check and leave one audit record.

use crate::http::input_error::InputError;
use crate::http::server::MediaType;

/// A protocol error of a permitted request; the operation is not executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestError {
    /// A browser sent the request on behalf of another site.
    CrossSite,
    /// The header `x-keyfactor-requested-with` is required and missing.
    RequestedWithMissing,
    /// The endpoint does not have the requested version.
    ApiVersion,
    /// The body is not sent as JSON.
    MediaType(MediaType),
    /// The list cannot be sorted by the field.
    SortField,
    /// A parameter or the body has the wrong form.
    Input(InputError),
}

impl RequestError {
    /// The reason in the audit log; stable.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::CrossSite => "cross-site",
            Self::RequestedWithMissing => "requested-with-missing",
            Self::ApiVersion => "api-version-not-supported",
            Self::MediaType(_) => "media-type-not-supported",
            Self::SortField => "sort-field-unknown",
            Self::Input(error) => error.reason(),
        }
    }
}

impl From<InputError> for RequestError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

/// Returns the message for a body of this media type.
pub(super) fn media_type_expected(sent: MediaType) -> &'static str {
    match sent {
        MediaType::Form => "The request body was sent as application/x-www-form-urlencoded, expected application/json",
        MediaType::Multipart => "The request body was sent as multipart/form-data, expected application/json",
        _ => "The request body must be sent as application/json",
    }
}
