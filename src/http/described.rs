//! Wire types as the OpenAPI description wants them.

use utoipa::openapi::schema::{AllOfBuilder, ArrayBuilder};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::pam::envelope::EnvelopeHead;

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

/// The description of an array of `T`.
pub(super) fn described_list<T: ToSchema + PartialSchema>() -> Described {
    let element = described::<T>();
    let array = ArrayBuilder::new().items(Ref::from_schema_name(element.name.clone()));
    let name = format!("List_{}", element.name);
    let related = element.related.into_iter().chain([(element.name, element.schema)]).collect();
    Described { name, schema: Schema::from(array.build()).into(), related }
}

/// The description of the PAM envelope around the payload `P`.
pub(super) fn enveloped<P: ToSchema + PartialSchema>() -> Described {
    let (head, payload) = (described::<EnvelopeHead<'static>>(), described::<P>());
    let both = AllOfBuilder::new()
        .item(Ref::from_schema_name(head.name.clone()))
        .item(Ref::from_schema_name(payload.name.clone()));
    let name = format!("Envelope_{}", payload.name);
    let related = [head, payload].into_iter().flat_map(|part| {
        let own = (part.name, part.schema);
        part.related.into_iter().chain([own])
    });
    Described { name, schema: Schema::from(both.build()).into(), related: related.collect() }
}
