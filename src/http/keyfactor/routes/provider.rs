//! PAM providers, their types, and the entries of local ones.

use actix_web::http::Method;

use super::row::Row;
use crate::http::keyfactor::entry::{self, EntryForm, EntryView, SECRET_NAME};
use crate::http::keyfactor::pagination::LIST_PARAMETERS;
use crate::http::keyfactor::provider::{self, ProviderForm, ProviderView};
use crate::http::keyfactor::provider_type::{self, ProviderTypeForm, ProviderTypeView};
use crate::http::keyfactor::version::Versions;
use crate::http::schema::{schema, schema_of_list};
use crate::vault::operation::Action;

const PAGE: &str = "A page of the list; X-Total-Count is the number of rows of all pages";

pub(super) fn entries() -> Vec<Row> {
    const ENTRIES: &str = "/PamProviders/Local/{providerId}/Entries";
    vec![
        Row::new(Method::GET, ENTRIES, Versions::One, Action::ENTRY_LIST, entry::list)
            .summary("List the entries of a local PAM provider, without secrets")
            .query(LIST_PARAMETERS)
            .ok(PAGE, schema_of_list::<EntryView>),
        Row::new(Method::POST, ENTRIES, Versions::One, Action::ENTRY_CREATE, entry::create)
            .summary("Create an entry of a local PAM provider")
            .body(schema::<EntryForm>)
            .ok("The entry, without its secret", schema::<EntryView>),
        Row::new(Method::PUT, ENTRIES, Versions::One, Action::ENTRY_UPDATE, entry::update)
            .summary("Replace the description of an entry, and its secret when one is sent")
            .body(schema::<EntryForm>)
            .ok("The entry as it now is, without its secret", schema::<EntryView>),
        Row::new(Method::DELETE, ENTRIES, Versions::One, Action::ENTRY_DELETE, entry::delete)
            .summary("Delete an entry of a local PAM provider")
            .query(SECRET_NAME),
    ]
}

/// Returns the rows of providers and types. `Types` comes before `{id}`, which also matches it.
pub(super) fn providers() -> Vec<Row> {
    const TYPES: &str = "/PamProviders/Types";
    const TYPE: &str = "/PamProviders/Types/{id}";
    const PROVIDERS: &str = "/PamProviders";
    const PROVIDER: &str = "/PamProviders/{id}";
    vec![
        Row::new(Method::GET, TYPES, Versions::Both, Action::PROVIDER_TYPE_LIST, provider_type::list)
            .summary("List the types of PAM providers")
            .ok("All types, by name", schema_of_list::<ProviderTypeView>),
        Row::new(Method::POST, TYPES, Versions::Both, Action::PROVIDER_TYPE_CREATE, provider_type::create)
            .summary("Create a type of PAM providers")
            .body(schema::<ProviderTypeForm>)
            .ok("The type", schema::<ProviderTypeView>),
        Row::new(Method::GET, TYPE, Versions::Both, Action::PROVIDER_TYPE_READ, provider_type::read)
            .summary("One type of PAM providers")
            .ok("The type", schema::<ProviderTypeView>),
        Row::new(Method::DELETE, TYPE, Versions::Both, Action::PROVIDER_TYPE_DELETE, provider_type::delete)
            .summary("Delete a type of PAM providers that is not in use"),
        Row::new(Method::GET, PROVIDERS, Versions::Both, Action::PROVIDER_LIST, provider::list)
            .summary("List the PAM providers that the caller may read")
            .query(LIST_PARAMETERS)
            .ok(PAGE, schema_of_list::<ProviderView>),
        Row::new(Method::POST, PROVIDERS, Versions::Both, Action::PROVIDER_CREATE, provider::create)
            .summary("Create a PAM provider")
            .body(schema::<ProviderForm>)
            .ok("The provider", schema::<ProviderView>),
        Row::new(Method::PUT, PROVIDERS, Versions::Both, Action::PROVIDER_UPDATE, provider::update)
            .summary("Replace a PAM provider; what is not sent is cleared")
            .body(schema::<ProviderForm>)
            .ok("The provider as it now is", schema::<ProviderView>),
        Row::new(Method::GET, PROVIDER, Versions::Both, Action::PROVIDER_READ, provider::read)
            .summary("One PAM provider")
            .ok("The provider", schema::<ProviderView>),
        Row::new(Method::DELETE, PROVIDER, Versions::Both, Action::PROVIDER_DELETE, provider::delete)
            .summary("Delete a PAM provider"),
    ]
}
