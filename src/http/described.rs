//! Wire types as the OpenAPI description wants them.

use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A type's schema, under its name, with those that it refers to.
pub struct Described {
    pub(super) name: String,
    pub(super) schema: RefOr<Schema>,
    pub(super) related: Vec<(String, RefOr<Schema>)>,
}

/// The description of `T`.
pub(super) fn described<T: ToSchema + PartialSchema>() -> Described {
    let mut related = Vec::new();
    T::schemas(&mut related);
    Described { name: T::name().into_owned(), schema: T::schema(), related }
}
