//! PAM providers, their types, and the entries of local ones.

use actix_web::http::Method;

use super::row::Row;
use crate::http::keyfactor::entry::{self, EntryForm, EntryView, SECRET_NAME};
use crate::http::keyfactor::provider::{self, ProviderForm, ProviderView};
use crate::http::keyfactor::provider_type::{self, ProviderTypeForm, ProviderTypeView};
use crate::http::keyfactor::query::LIST_PARAMETERS;
use crate::http::keyfactor::version::Versions;
use crate::http::schema::{schema, schema_of_list};

const PAGE: &str = "A part of the list; X-Total-Count says how long the whole is";

pub(super) fn entries() -> Vec<Row> {
    const ENTRIES: &str = "/PamProviders/Local/{providerId}/Entries";
    vec![
        Row::new(Method::GET, ENTRIES, Versions::One, entry::list)
            .summary("List the entries of a local PAM provider, without secrets")
            .query(LIST_PARAMETERS)
            .ok(PAGE, schema_of_list::<EntryView>),
        Row::new(Method::POST, ENTRIES, Versions::One, entry::create)
            .summary("Create an entry of a local PAM provider")
            .body(schema::<EntryForm>)
            .ok("The entry, without its secret", schema::<EntryView>),
        Row::new(Method::PUT, ENTRIES, Versions::One, entry::update)
            .summary("Write the description of an entry, and its secret when one is sent")
            .body(schema::<EntryForm>)
            .ok("The entry as it now is, without its secret", schema::<EntryView>),
        Row::new(Method::DELETE, ENTRIES, Versions::One, entry::delete)
            .summary("Delete an entry of a local PAM provider")
            .query(SECRET_NAME),
    ]
}

/// `Types` comes before `{id}`: it is no id of a provider.
pub(super) fn providers() -> Vec<Row> {
    const TYPES: &str = "/PamProviders/Types";
    const TYPE: &str = "/PamProviders/Types/{id}";
    const PROVIDERS: &str = "/PamProviders";
    const PROVIDER: &str = "/PamProviders/{id}";
    vec![
        Row::new(Method::GET, TYPES, Versions::Both, provider_type::list)
            .summary("List the types of PAM providers")
            .ok("All types, by name", schema_of_list::<ProviderTypeView>),
        Row::new(Method::POST, TYPES, Versions::Both, provider_type::create)
            .summary("Create a type of PAM providers")
            .body(schema::<ProviderTypeForm>)
            .ok("The type", schema::<ProviderTypeView>),
        Row::new(Method::GET, TYPE, Versions::Both, provider_type::read)
            .summary("One type of PAM providers")
            .ok("The type", schema::<ProviderTypeView>),
        Row::new(Method::DELETE, TYPE, Versions::Both, provider_type::delete)
            .summary("Delete a type of PAM providers that is not in use"),
        Row::new(Method::GET, PROVIDERS, Versions::Both, provider::list)
            .summary("List the PAM providers that the caller may read")
            .query(LIST_PARAMETERS)
            .ok(PAGE, schema_of_list::<ProviderView>),
        Row::new(Method::POST, PROVIDERS, Versions::Both, provider::create)
            .summary("Create a PAM provider")
            .body(schema::<ProviderForm>)
            .ok("The provider", schema::<ProviderView>),
        Row::new(Method::PUT, PROVIDERS, Versions::Both, provider::update)
            .summary("Write a PAM provider anew; what is not sent is cleared")
            .body(schema::<ProviderForm>)
            .ok("The provider as it now is", schema::<ProviderView>),
        Row::new(Method::GET, PROVIDER, Versions::Both, provider::read)
            .summary("One PAM provider")
            .ok("The provider", schema::<ProviderView>),
        Row::new(Method::DELETE, PROVIDER, Versions::Both, provider::delete).summary("Delete a PAM provider"),
    ]
}
