//! JSON schemas of wire types, for the OpenAPI description.

use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A schema, its name, and the schemas that it refers to.
pub struct NamedSchema {
    pub(crate) name: String,
    pub(crate) schema: RefOr<Schema>,
    pub(crate) related: Vec<(String, RefOr<Schema>)>,
}

/// Returns the schema of `T`.
pub(crate) fn schema<T: ToSchema + PartialSchema>() -> NamedSchema {
    let mut related = Vec::new();
    T::schemas(&mut related);
    NamedSchema { name: T::name().into_owned(), schema: T::schema(), related }
}

/// Returns the schema of an array of `T`.
pub(crate) fn schema_of_list<T: ToSchema + PartialSchema>() -> NamedSchema {
    let element = schema::<T>();
    let array = ArrayBuilder::new().items(Ref::from_schema_name(element.name.clone()));
    let name = format!("List_{}", element.name);
    let related = element.related.into_iter().chain([(element.name, element.schema)]).collect();
    NamedSchema { name, schema: Schema::from(array.build()).into(), related }
}
