//! The values of a secret as clients send them (contract dsm, section 3.3).

use serde_json::Value;

use crate::crypto::SecretText;
use crate::http::input_error::InputError;
use crate::http::json_object::{JsonObject, WipedMembers, wipe};
use crate::vault::application_secret::{Object, SecretData};

use super::base64;

const DATA: &str = "data";

/// The fields of a credential: their names in a request, and in a response if the request has no label for them.
const CREDENTIAL: &[(&str, &str)] = &[
    ("host", "hostname"),
    ("user", "username"),
    ("password", "password"),
    ("additional_information", "additional_information"),
];
/// The fields of an access key.
const ACCESS_KEY: &[(&str, &str)] = &[("access_key_id", "access_key_id"), ("secret_access_key", "secret_access_key")];

/// Converts the parameter `data`: an object, or its JSON text, in base64 or as it is.
///
/// # Errors
/// [`InputError::Parameter`].
pub(super) fn secret_data(data: Value) -> Result<SecretData, InputError> {
    let members = match data {
        Value::Object(members) => WipedMembers::from(members),
        Value::String(text) => {
            let text = SecretText::new(text);
            let decoded = if text.expose().trim_start().starts_with('{') { text } else { decoded(&text)? };
            let parsed = JsonObject::parse(decoded.expose());
            let object = parsed.map_err(|_| wrong("expected base64 of a JSON object"))?;
            object.repeated.require_none().map_err(|_| wrong("no member may be repeated"))?;
            object.members
        }
        mut other => {
            wipe(&mut other);
            return Err(wrong("expected an object, or base64 of one"));
        }
    };
    objects(members)
}

fn decoded(text: &SecretText) -> Result<SecretText, InputError> {
    base64::decode(text.expose()).ok_or_else(|| wrong("expected base64 of a JSON object"))
}

/// Converts the members: credentials first, then access keys, then everything else as one object.
fn objects(mut members: WipedMembers) -> Result<SecretData, InputError> {
    let mut objects = Vec::new();
    for credential in elements(members.remove("credentials"), |value| unwrapped(value, "credential"))? {
        objects.push(labelled(credential, CREDENTIAL)?);
    }
    for access_key in elements(members.remove("access_keys"), |value| unwrapped(value, "access_key"))? {
        let mut object = labelled(access_key, ACCESS_KEY)?;
        object.push(("TTL".into(), None));
        objects.push(object);
    }
    let mut others = Object::new();
    for key_value in elements(members.remove("key_value"), fields)? {
        others.extend(scalars(key_value)?);
    }
    others.extend(scalars(members)?);
    if !others.is_empty() {
        objects.push(others);
    }
    Ok(SecretData(objects))
}

/// Converts the elements of an array; one element may stand for itself. Each is converted, and so wiped, also after an error.
fn elements(
    value: Option<Value>,
    convert: impl Fn(Value) -> Result<WipedMembers, InputError>,
) -> Result<Vec<WipedMembers>, InputError> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(elements)) => {
            let converted: Vec<_> = elements.into_iter().map(convert).collect();
            converted.into_iter().collect()
        }
        Some(object @ Value::Object(_)) => Ok(vec![convert(object)?]),
        Some(mut other) => {
            wipe(&mut other);
            Err(wrong("expected an array of objects in each group"))
        }
    }
}

/// Returns the fields of `{name: {"fields": {…}}}`, or of the inner object alone.
fn unwrapped(value: Value, name: &str) -> Result<WipedMembers, InputError> {
    match value {
        Value::Object(mut members) if members.get(name).is_some_and(Value::is_object) => {
            fields(members.remove(name).unwrap_or_default())
        }
        other => fields(other),
    }
}

fn fields(mut value: Value) -> Result<WipedMembers, InputError> {
    let fields = value.get_mut("fields").map(Value::take);
    wipe(&mut value);
    match fields {
        Some(Value::Object(fields)) => Ok(fields.into()),
        mut other => {
            other.iter_mut().for_each(wipe);
            Err(wrong("expected an object with the member fields"))
        }
    }
}

/// Names the fields by their labels, or by their default names. A field without a meaning is an error: its value would be lost.
fn labelled(mut fields: WipedMembers, names: &[(&str, &str)]) -> Result<Object, InputError> {
    let mut object = Object::new();
    for (field, default) in names {
        let value = fields.remove(*field).map(scalar).transpose()?.flatten();
        let label = match fields.remove(&format!("{field}_label")) {
            None | Some(Value::Null) => None,
            Some(Value::String(label)) => Some(label).filter(|label| !label.is_empty()),
            Some(_) => return Err(wrong("expected strings as labels")),
        };
        let Some(value) = value else { continue };
        let is_address = value.expose().parse::<std::net::IpAddr>().is_ok();
        if label.is_none() && *field == "host" && is_address {
            object.push(("ip".into(), Some(value.clone())));
        }
        object.push((label.unwrap_or_else(|| (*default).into()), Some(value)));
    }
    if fields.is_empty() { Ok(object) } else { Err(wrong("a credential or an access key has an unknown field")) }
}

/// Converts the values of an object. Each is converted, and so wiped, also after an error.
fn scalars(members: WipedMembers) -> Result<Object, InputError> {
    let converted: Vec<_> = members.take().into_iter().map(|(name, value)| (name, scalar(value))).collect();
    converted.into_iter().map(|(name, value)| Ok((name, value?))).collect()
}

/// Converts a value to text: clients read strings alone. A number with a fraction has several spellings.
fn scalar(value: Value) -> Result<Option<SecretText>, InputError> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text,
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) if !number.is_f64() => number.to_string(),
        mut other => {
            wipe(&mut other);
            return Err(wrong("expected strings as values"));
        }
    };
    Ok(Some(SecretText::new(text)))
}

fn wrong(expected: &'static str) -> InputError {
    InputError::parameter(DATA, expected)
}

#[cfg(test)]
mod tests {
    use ::base64::Engine;
    use ::base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;

    fn shown(data: Value) -> Result<Value, InputError> {
        let shown =
            |(name, value): (String, Option<SecretText>)| json!([name, value.map(|value| value.expose().to_string())]);
        let data = secret_data(data)?;
        Ok(data.0.into_iter().map(|object| Value::Array(object.into_iter().map(shown).collect())).collect())
    }

    #[test]
    fn the_groups_become_objects_with_labels_or_default_names() {
        let data = json!({
            "access_keys": [{ "access_key": { "type": "aws", "fields":
                { "access_key_id": "id", "access_key_id_label": "AWS_ID", "secret_access_key": "key" } } }],
            "credentials": [{ "credential": { "fields":
                { "user": "u", "user_label": "", "host": "10.0.0.1", "password": "p", "password_label": "DB_PASSWORD" } } }],
            "key_value": { "fields": { "b": "2", "a": 1 } },
            "value": true,
        });
        let expected = json!([
            [["ip", "10.0.0.1"], ["hostname", "10.0.0.1"], ["username", "u"], ["DB_PASSWORD", "p"]],
            [["AWS_ID", "id"], ["secret_access_key", "key"], ["TTL", null]],
            [["a", "1"], ["b", "2"], ["value", "true"]],
        ]);
        assert_eq!(shown(data.clone()), Ok(expected.clone()));
        assert_eq!(shown(json!(data.to_string())), Ok(expected.clone()));
        assert_eq!(shown(json!(STANDARD.encode(data.to_string()))), Ok(expected));
    }

    #[test]
    fn groups_may_be_written_shorter() {
        for data in [
            json!({ "key_value": [{ "fields": { "a": "x" } }] }),
            json!({ "key_value": { "fields": { "a": "x" } }, "credentials": [], "access_keys": null }),
            json!({ "a": "x" }),
        ] {
            assert_eq!(shown(data.clone()), Ok(json!([[["a", "x"]]])), "{data}");
        }
        let credential = json!({ "credentials": { "fields": { "host": "db", "host_label": "H" } } });
        assert_eq!(shown(credential), Ok(json!([[["H", "db"]]])));
        assert_eq!(shown(json!({})), Ok(json!([])));
    }

    #[test]
    fn what_would_be_lost_or_break_a_client_is_refused_without_its_value() {
        for data in [
            json!("nonsense"),
            json!(""),
            json!(STANDARD.encode("[1]")),
            json!(r#"{"a": "x", "a": "canary"}"#),
            json!(5),
            json!(["canary"]),
            json!({ "a": { "b": "canary" } }),
            json!({ "a": ["canary"] }),
            json!({ "a": 1.5 }),
            json!({ "credentials": "canary" }),
            json!({ "credentials": [{ "credential": "canary" }] }),
            json!({ "credentials": [{ "fields": { "pasword": "canary" } }] }),
            json!({ "credentials": [{ "fields": { "password": "x", "password_label": 5 } }] }),
            json!({ "access_keys": [{ "access_key": { "canary": "canary" } }] }),
            json!({ "key_value": { "canary": "x" } }),
        ] {
            let Err(error) = shown(data.clone()) else { panic!("{data}") };
            assert!(error.to_string().starts_with("Invalid parameter data: "), "{data}");
            assert!(!error.to_string().contains("canary"), "{data}");
        }
    }
}
