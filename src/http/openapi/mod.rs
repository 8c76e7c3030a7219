//! The OpenAPI description, generated from the endpoint tables and wire types, and the page to browse it.

mod pages;

use std::collections::{BTreeMap, BTreeSet};

use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, PathsBuilder, RefOr,
    Required, ResponseBuilder, Responses, ResponsesBuilder, Schema, Server, Type,
};

use super::endpoint::{Answer, Endpoint};
use super::schema::NamedSchema;
use crate::crypto::ResponseEncryption;

pub(crate) use pages::{Description, DirectoryPath, pages};

const BEARER: &str = "bearer";
const BASIC: &str = "basic";
const OAUTH1: &str = "oauth1";
const PATH_PARAMETERS: [(&str, &str); 6] = [
    ("path", "The name of an item, or a folder of names"),
    ("key", "The number, or one of the names that the resource is known by"),
    ("version", "The number of a version"),
    ("id", "The number or the GUID of the resource"),
    ("name", "The name of the resource"),
    ("providerId", "The number of a PAM provider"),
];

/// Describes the endpoints that the function returns.
pub(crate) fn description(endpoints: impl Fn() -> Vec<Endpoint> + Send + Sync + 'static) -> Description {
    Description::new(move || document(&endpoints()))
}

/// Builds the document.
fn document(endpoints: &[Endpoint]) -> OpenApi {
    let mut schemas = BTreeMap::new();
    let mut paths = PathsBuilder::new();
    for endpoint in endpoints {
        // A method that OpenAPI cannot describe (LIST) has another one beside it.
        let Some(method) = http_method(endpoint) else { continue };
        let operation = operation(endpoint, &mut schemas);
        // The pattern of a parameter is actix's own.
        let path = endpoint.path.replace(":.*}", "}");
        paths = paths.path(path, PathItem::new(method, operation));
    }
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let basic = HttpBuilder::new().scheme(HttpAuthScheme::Basic).build();
    let mut components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme(BEARER, SecurityScheme::Http(scheme))
        .security_scheme(BASIC, SecurityScheme::Http(basic));
    if endpoints.iter().any(|endpoint| endpoint.oauth1) {
        let meaning = "OAuth 1.0 with HMAC-SHA1 (RFC 5849)";
        let oauth1 = HttpBuilder::new().scheme(HttpAuthScheme::OAuth).description(Some(meaning)).build();
        components = components.security_scheme(OAUTH1, SecurityScheme::Http(oauth1));
    }
    let info = InfoBuilder::new()
        .title("Chaveiro")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("A self-hosted credential vault that applications call over HTTP."))
        .build();
    // Relative to the description itself, which a proxy may serve below a prefix.
    let servers = [Server::new(".")];
    OpenApiBuilder::new()
        .info(info)
        .servers(Some(servers))
        .paths(paths.build())
        .components(Some(components.build()))
        .build()
}

fn http_method(endpoint: &Endpoint) -> Option<HttpMethod> {
    match endpoint.method.as_str() {
        "GET" => Some(HttpMethod::Get),
        "POST" => Some(HttpMethod::Post),
        "PUT" => Some(HttpMethod::Put),
        "DELETE" => Some(HttpMethod::Delete),
        _ => None,
    }
}

fn operation(endpoint: &Endpoint, schemas: &mut BTreeMap<String, RefOr<Schema>>) -> OperationBuilder {
    let mut operation = OperationBuilder::new()
        .summary(Some(endpoint.summary))
        .tag(endpoint.tag)
        .operation_id(Some(endpoint.operation_id()))
        .responses(responses(&endpoint.answers, schemas));
    for (name, meaning) in PATH_PARAMETERS {
        if endpoint.path.contains(&format!("{{{name}}}")) || endpoint.path.contains(&format!("{{{name}:")) {
            operation = operation.parameter(parameter(name, meaning).parameter_in(ParameterIn::Path));
        }
    }
    for (place, parameters) in [(ParameterIn::Query, endpoint.query), (ParameterIn::Header, endpoint.headers)] {
        for (name, meaning) in parameters {
            let parameter = parameter(name, meaning).parameter_in(place.clone()).required(Required::False);
            operation = operation.parameter(parameter);
        }
    }
    if endpoint.accept_encryption {
        operation = operation.parameter(accept_encryption());
    }
    let schemes = [(BEARER, endpoint.bearer), (BASIC, endpoint.basic), (OAUTH1, endpoint.oauth1)];
    for (scheme, _) in schemes.into_iter().filter(|(_, wanted)| *wanted) {
        operation = operation.security(SecurityRequirement::new(scheme, Vec::<String>::new()));
    }
    if endpoint.basic && !endpoint.bearer {
        // The alternative without a header: the body has the credentials.
        operation = operation.security(SecurityRequirement::default());
    }
    if let Some(body) = endpoint.body {
        let mut request = RequestBodyBuilder::new().required(Some(Required::True));
        for media_type in body.media_types {
            request = request.content(*media_type, content((body.schema)(), schemas));
        }
        operation = operation.request_body(Some(request.build()));
    }
    operation
}

/// Describes answers. Several of one status are one response.
fn responses(answers: &[Answer], schemas: &mut BTreeMap<String, RefOr<Schema>>) -> Responses {
    let mut described = BTreeSet::new();
    let mut responses = ResponsesBuilder::new();
    for answer in answers.iter().filter(|answer| described.insert(answer.status)) {
        let same = answers.iter().filter(|other| other.status == answer.status);
        let meanings: Vec<&str> = same.map(|answer| answer.meaning).collect();
        let mut response = ResponseBuilder::new().description(meanings.join("; or: "));
        if let Some(body) = answer.body {
            response = response.content("application/json", content(body(), schemas));
        }
        responses = responses.response(answer.status.to_string(), response.build());
    }
    responses.build()
}

fn parameter(name: &str, meaning: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .required(Required::True)
        .description(Some(meaning))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
}

/// Builds the header parameter `Accept-Encryption`.
fn accept_encryption() -> ParameterBuilder {
    let forms = ResponseEncryption::ALL.map(ResponseEncryption::as_str);
    ParameterBuilder::new()
        .name("Accept-Encryption")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "How secrets in the answer are encrypted, for clients with a key for their answers; as the authorization \
             says unless sent. A client without a key is refused.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(forms)).build()))
}

fn content(body: NamedSchema, schemas: &mut BTreeMap<String, RefOr<Schema>>) -> utoipa::openapi::Content {
    schemas.extend(body.related);
    schemas.insert(body.name.clone(), body.schema);
    let reference = utoipa::openapi::Ref::from_schema_name(body.name);
    ContentBuilder::new().schema(Some(reference)).build()
}
