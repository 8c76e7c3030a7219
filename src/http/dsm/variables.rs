//! The variables of a pipeline (contract dsm, section 5). The client sends its whole environment; only what the mapping names is
//! read.

use std::collections::{HashMap, HashSet};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Deserialize;

use super::base64;
use super::call::Call;
use super::environment::{ENV, Environment};
use super::error::DsmError;
use super::parameters::Parameters;
use super::wire::{ErrorBody, Outcome};
use crate::crypto::SecretText;
use crate::http::input_error::InputError;
use crate::http::json_object::JsonObject;
use crate::http::response::uncached;
use crate::text::single_line;
use crate::vault::application_secret::{Object, SecretData, Variables};
use crate::vault::{Field, InvalidField, VaultError};

const MAP: &str = "map";
const PARAMETERS: &[&str] = &[ENV, MAP];
/// The greatest size of the environment or the mapping, decoded.
const MAX_BYTES: usize = 1 << 20;
/// The most secrets that a mapping names. One transaction saves them all.
const MAX_SECRETS: usize = 256;
/// The most variables that a mapping names.
const MAX_VARIABLES: usize = 4096;

/// The mapping: which variables are secrets.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Mapping {
    access_keys: Vec<Group<HashMap<String, String>>>,
    credentials: Vec<Group<HashMap<String, String>>>,
    key_value: Vec<Group<Vec<String>>>,
}

/// Variables of one secret: by the field that each is, or a list.
#[derive(Deserialize)]
struct Group<F> {
    name: String,
    fields: F,
}

/// `POST /iso/cicd/variables`
pub(super) async fn register(call: Call) -> Result<HttpResponse, DsmError> {
    let parsed = Parameters::parse(&call.body, PARAMETERS).and_then(|mut parameters| variables(&mut parameters));
    let variables = call.parsed(parsed).await?;
    call.vault.import_variables(call.permit, variables).await.map_err(import_error)?;
    let response = Outcome::success(StatusCode::OK, "Variables registered successfully.".into());
    Ok(uncached(StatusCode::OK).json(ErrorBody { response }))
}

/// Names the parameter that a field of a secret came in.
fn import_error(error: VaultError) -> DsmError {
    match error {
        VaultError::Invalid(InvalidField { field: Field::Identifier, expected, .. }) => {
            InputError::parameter(MAP, expected).into()
        }
        VaultError::Invalid(InvalidField { field: Field::Content, expected, .. }) => {
            InputError::parameter(ENV, expected).into()
        }
        error => error.into(),
    }
}

fn variables(parameters: &mut Parameters) -> Result<Vec<Variables>, InputError> {
    let environment = decoded(ENV, &parameters.required(ENV)?)?;
    let map = parameters.string(MAP)?.map(SecretText::new);
    let mapping = match map.filter(|map| !map.expose().trim().is_empty()) {
        Some(map) => mapping(&decoded(MAP, &map)?)?,
        None => Mapping::default(),
    };
    let names = named(mapping)?;
    let wanted = names.iter().flat_map(|(_, groups)| groups.iter().flatten());
    let values = Environment::parse(environment.expose(), wanted.map(String::as_str));
    let mut secrets = Vec::with_capacity(names.len());
    for (identity, groups) in &names {
        let mut objects = Vec::with_capacity(groups.len());
        for group in groups {
            let mut object = Object::new();
            for name in group {
                object.push((name.clone(), values.get(name)?.map(|value| SecretText::new(value.into()))));
            }
            objects.push(object);
        }
        secrets.push(Variables { identity: identity.clone(), data: SecretData(objects) });
    }
    Ok(secrets)
}

fn decoded(name: &'static str, text: &SecretText) -> Result<SecretText, InputError> {
    let decoded = base64::decode(text.expose()).filter(|decoded| decoded.expose().len() <= MAX_BYTES);
    decoded.ok_or_else(|| InputError::parameter(name, "expected base64 of at most 1 MiB of text"))
}

fn mapping(map: &SecretText) -> Result<Mapping, InputError> {
    let expected =
        "expected the JSON of a mapping file: access_keys, credentials and key_value, each with name and fields";
    let wrong = || InputError::parameter(MAP, expected);
    let object = JsonObject::parse(map.expose()).map_err(|_| wrong())?;
    object.repeated.require_none().map_err(|_| wrong())?;
    serde_json::from_value(object.members.take().into()).map_err(|_| wrong())
}

/// The identity of a secret, and the names of its variables by group, in a stable order.
type Named = (String, Vec<Vec<String>>);

/// Returns the secrets that a mapping names. Groups of one name are one secret.
fn named(mapping: Mapping) -> Result<Vec<Named>, InputError> {
    let by_field = |group: Group<HashMap<String, String>>| {
        let mut fields: Vec<_> = group.fields.into_iter().filter(|(_, variable)| !variable.is_empty()).collect();
        fields.sort();
        (group.name, fields.into_iter().map(|(_, variable)| variable).collect::<Vec<_>>())
    };
    let keyed = mapping.access_keys.into_iter().chain(mapping.credentials).map(by_field);
    let groups: Vec<_> = keyed.chain(mapping.key_value.into_iter().map(|group| (group.name, group.fields))).collect();
    let variables: usize = groups.iter().map(|(_, names)| names.len()).sum();
    if groups.len() > MAX_SECRETS || variables > MAX_VARIABLES {
        return Err(InputError::parameter(MAP, "must not name more than 256 secrets and 4096 variables"));
    }
    let mut named: Vec<Named> = Vec::with_capacity(groups.len());
    for (identity, names) in groups {
        let identity = single_line(&identity).map_err(|error| InputError::parameter(MAP, error.expected()))?;
        match named.iter_mut().find(|(known, _)| known == identity) {
            Some((_, groups)) => groups.push(names),
            None => named.push((identity.into(), vec![names])),
        }
    }
    named.iter().try_for_each(check_names)?;
    Ok(named)
}

/// Checks the names of one secret: a variable that comes twice would be two values of one name.
fn check_names((identity, groups): &Named) -> Result<(), InputError> {
    let names: Vec<&str> = groups.iter().flatten().map(String::as_str).collect();
    let are_lines = names.iter().all(|name| !name.is_empty() && single_line(name) == Ok(name));
    let are_different = names.iter().collect::<HashSet<_>>().len() == names.len();
    if !identity.is_empty() && are_lines && are_different {
        return Ok(());
    }
    Err(InputError::parameter(MAP, "each secret needs a name, and variables of which none comes twice"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_bounded_and_names_each_variable_once() {
        let group = |name: &str, fields: &[&str]| Group {
            name: name.into(),
            fields: fields.iter().map(|field| field.to_string()).collect(),
        };
        let of = |groups: Vec<Group<Vec<String>>>| named(Mapping { key_value: groups, ..Mapping::default() });
        assert!(of(vec![group("a", &["A"]), group("b", &["A"])]).is_ok());
        for wrong in [
            vec![group(" ", &["A"])],
            vec![group("a\nb", &["A"])],
            vec![group("a", &[""])],
            vec![group("a", &["A", "A"])],
            vec![group("a", &["A"]), group("a ", &["A"])],
            (0..257).map(|number| group(&number.to_string(), &[])).collect(),
            vec![group("a", &["A"; 4097])],
        ] {
            assert!(of(wrong).is_err());
        }
    }

    #[test]
    fn a_mapping_names_the_variables_of_each_secret() {
        let map = r#"{"access_keys": [{"name": "k", "type": "aws", "fields": {"secret_access_key": "S", "access_key_id": "I"}}],
            "credentials": [{"name": "c", "fields": {"user": "U", "password": "P"}}],
            "key_value": [{"name": " k", "fields": ["V", "W"]}]}"#;
        let names = named(mapping(&SecretText::new(map.into())).unwrap()).unwrap();
        let groups = |groups: &[Vec<String>]| groups.iter().map(|names| names.join(" ")).collect::<Vec<_>>().join(", ");
        let shown: Vec<_> = names.iter().map(|(name, named)| format!("{name}: {}", groups(named))).collect();
        assert_eq!(shown, ["k: I S, V W", "c: P U"]);
        for wrong in ["", "[]", "{\"credentials\": {}}", "{\"key_value\": [{\"name\": \"a\"}]}"] {
            assert!(mapping(&SecretText::new(wrong.into())).is_err(), "{wrong}");
        }
    }
}
