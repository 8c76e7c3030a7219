//! The variables of a pipeline (contract dsm, section 5). The client sends its whole environment; only what the mapping names is
//! read.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Deserialize;

use super::base64;
use super::call::Call;
use super::error::DsmError;
use super::parameters::Parameters;
use super::wire::{ErrorBody, Outcome};
use crate::crypto::SecretText;
use crate::http::input_error::InputError;
use crate::http::json_object::JsonObject;
use crate::http::response::uncached;
use crate::vault::application_secret::{Object, SecretData, Variables};

const ENV: &str = "env";
const MAP: &str = "map";
const PARAMETERS: &[&str] = &[ENV, MAP];
/// The greatest size of the environment or the mapping, decoded.
const MAX_BYTES: usize = 1 << 20;

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
    call.vault.import_variables(call.permit, variables).await?;
    let response = Outcome::success(StatusCode::OK, "Variables registered successfully.".into());
    Ok(uncached(StatusCode::OK).json(ErrorBody { response }))
}

fn variables(parameters: &mut Parameters) -> Result<Vec<Variables>, InputError> {
    let environment = decoded(ENV, &parameters.required(ENV)?)?;
    let map = parameters.string(MAP)?.map(SecretText::new);
    let mapping = match map.filter(|map| !map.expose().trim().is_empty()) {
        Some(map) => mapping(&decoded(MAP, &map)?)?,
        None => Mapping::default(),
    };
    let names = named(mapping);
    let values = Environment::parse(environment.expose());
    let mut secrets: Vec<Variables> = Vec::new();
    for (identity, names) in names {
        let mut object = Object::new();
        for name in names {
            let value = values.get(&name)?.map(|value| SecretText::new(value.into()));
            object.push((name, value));
        }
        match secrets.iter_mut().find(|secret| secret.identity == identity) {
            Some(secret) => secret.data.0.push(object),
            None => secrets.push(Variables { identity, data: SecretData(vec![object]) }),
        }
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

/// Returns the identity of each secret, and the names of its variables in a stable order.
fn named(mapping: Mapping) -> Vec<(String, Vec<String>)> {
    let by_field = |group: Group<HashMap<String, String>>| {
        let mut fields: Vec<_> = group.fields.into_iter().collect();
        fields.sort();
        (group.name, fields.into_iter().map(|(_, variable)| variable).collect())
    };
    let keyed = mapping.access_keys.into_iter().chain(mapping.credentials).map(by_field);
    keyed.chain(mapping.key_value.into_iter().map(|group| (group.name, group.fields))).collect()
}

/// The variables of an environment, one `NAME=value` a line. A value of several lines cannot be told from several variables.
struct Environment<'a>(HashMap<&'a str, Value<'a>>);

enum Value<'a> {
    Line(&'a str),
    /// Several lines follow the name, or it comes more than once.
    Unclear,
}

impl<'a> Environment<'a> {
    fn parse(text: &'a str) -> Self {
        let mut values = HashMap::new();
        let mut last = None;
        for line in text.split('\n') {
            match assignment(line) {
                Some((name, value)) => {
                    let value = if values.contains_key(name) { Value::Unclear } else { Value::Line(value) };
                    values.insert(name, value);
                    last = Some(name);
                }
                None => {
                    if let Some(name) = last {
                        values.insert(name, Value::Unclear);
                    }
                }
            }
        }
        Self(values)
    }

    /// Returns the value of a variable; `None` for one that is not set, or empty.
    fn get(&self, name: &str) -> Result<Option<&'a str>, InputError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Line(value)) => Ok(Some(*value).filter(|value| !value.is_empty())),
            Some(Value::Unclear) => {
                let expected = "a variable that map names has several lines or comes twice; its value cannot be told";
                Err(InputError::parameter(ENV, expected))
            }
        }
    }
}

/// Splits a line that begins a variable.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let is_name = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '+'));
    is_name.then(|| (name, value.strip_suffix('\r').unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_one_line_or_unclear() {
        let text =
            "A=1\nB=x=y\nKEY=-----BEGIN X-----\nab+/==\n-----END X-----\nEMPTY=\nC=2\nTWICE=1\nTWICE=1\nF()=x\nD=3\r";
        let values = Environment::parse(text);
        for (name, expected) in
            [("A", Some("1")), ("B", Some("x=y")), ("C", Some("2")), ("D", Some("3")), ("EMPTY", None), ("X", None)]
        {
            assert_eq!(values.get(name), Ok(expected), "{name}");
        }
        for name in ["KEY", "TWICE"] {
            assert!(values.get(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_mapping_names_the_variables_of_each_secret() {
        let map = r#"{"access_keys": [{"name": "k", "type": "aws", "fields": {"secret_access_key": "S", "access_key_id": "I"}}],
            "credentials": [{"name": "c", "fields": {"user": "U", "password": "P"}}],
            "key_value": [{"name": "k", "fields": ["V", "W"]}]}"#;
        let names = named(mapping(&SecretText::new(map.into())).unwrap());
        let shown: Vec<_> = names.iter().map(|(name, names)| format!("{name}: {}", names.join(" "))).collect();
        assert_eq!(shown, ["k: I S", "c: P U", "k: V W"]);
        for wrong in ["", "[]", "{\"credentials\": {}}", "{\"key_value\": [{\"name\": \"a\"}]}"] {
            assert!(mapping(&SecretText::new(wrong.into())).is_err(), "{wrong}");
        }
    }
}
