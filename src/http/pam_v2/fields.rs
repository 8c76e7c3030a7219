//! Projections: the parameter `fields`, names in dot notation separated by commas.

use serde_json::{Map, Value};

use super::error::ApiError;
use super::query::Query;

pub(super) const FIELDS: &str = "fields";

/// The parameter, for the description.
pub(super) const PARAMETER: &[(&str, &str)] = &[(
    FIELDS,
    "The fields to show, as credential.username,device.name or whole objects; 422 for an unknown field, 403 for one that holds \
     a secret",
)];

/// The objects of the document, and their fields. The id is no object.
const MODEL: [(&str, &[&str]); 5] = [
    ("id", &[]),
    (
        "credential",
        &[
            "username",
            "active",
            "password_type",
            "parent_credential",
            "tags",
            "criticality",
            "user_credential_owner",
            "last_used_at",
            "additional_information",
            "password_policy",
        ],
    ),
    ("device", &["id", "name", "domain_name"]),
    ("jit", &["credential_enabled"]),
    ("reconciliation", &["credential_enabled"]),
];

/// The names under which version 1 and this one know secrets.
const SENSITIVE: [&str; 11] = [
    "credential.password",
    "credential.content",
    "credential.secret_key",
    "credential.private_key",
    "credential.passphrase",
    "credential.totp",
    "credential.notes",
    "credential.additional_authentication_fields",
    "credential.key",
    "credential.secret",
    "credential.otp",
];

/// The fields that a request names; all of them without names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Projection(Option<Vec<String>>);

impl Projection {
    /// Parses the parameter.
    ///
    /// # Errors
    /// [`ApiError::SensitiveField`] before anything else; [`ApiError::Invalid`] for a field that is not in the model.
    pub(super) fn parse(query: &Query) -> Result<Self, ApiError> {
        query.require_known(&[PARAMETER])?;
        let Some(list) = query.one(FIELDS)? else { return Ok(Self(None)) };
        let names: Vec<&str> = list.split(',').map(str::trim).collect();
        if names.iter().any(|name| SENSITIVE.contains(name)) {
            return Err(ApiError::SensitiveField);
        }
        if names.iter().all(|name| is_known(name)) {
            return Ok(Self(Some(names.into_iter().map(String::from).collect())));
        }
        Err(ApiError::invalid(FIELDS, "must name fields of the credential, separated by commas"))
    }

    /// Returns the named part of a document.
    pub(super) fn apply(&self, document: Value) -> Value {
        let Some(names) = &self.0 else { return document };
        let mut shown = Map::new();
        for name in names {
            match name.split_once('.') {
                None => {
                    shown.insert(name.clone(), document[name].clone());
                }
                Some((object, field)) => {
                    let members = shown.entry(object).or_insert_with(|| Value::Object(Map::new()));
                    members[field] = document[object][field].clone();
                }
            }
        }
        Value::Object(shown)
    }
}

fn is_known(name: &str) -> bool {
    let (object, field) = name.split_once('.').map_or((name, None), |(object, field)| (object, Some(field)));
    MODEL.iter().any(|(known, fields)| *known == object && field.is_none_or(|field| fields.contains(&field)))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::*;
    use crate::http::pam_v2::wire::CredentialDocument;
    use crate::vault::credential::CredentialMetadata;
    use crate::vault::id::{CredentialId, DeviceId};

    fn document() -> Value {
        let metadata = CredentialMetadata {
            id: CredentialId::new(7),
            username: "u".into(),
            active: true,
            credential_type: "Local User".into(),
            parent: None,
            tags: Vec::new(),
            criticality: None,
            owner: None,
            viewed_at: DateTime::from_timestamp(0, 0),
            additional: String::new(),
            device_id: DeviceId::new(3),
            hostname: "h".into(),
            domains: Vec::new(),
            jit_enabled: false,
            reconciliation_enabled: true,
        };
        serde_json::to_value(CredentialDocument::from(&metadata)).unwrap()
    }

    fn projected(fields: &str) -> Result<Value, ApiError> {
        let query = Query::parse(&format!("fields={fields}"))?;
        Ok(Projection::parse(&query)?.apply(document()))
    }

    #[test]
    fn the_model_is_the_document() {
        let mut members: Vec<String> = Vec::new();
        for (name, value) in document().as_object().unwrap() {
            match value.as_object() {
                None => members.push(name.clone()),
                Some(fields) => members.extend(fields.keys().map(|field| format!("{name}.{field}"))),
            }
        }
        let field = |object: &str, name: &&str| format!("{object}.{name}");
        let mut model: Vec<String> = MODEL
            .iter()
            .flat_map(|(object, fields)| match fields {
                [] => vec![object.to_string()],
                fields => fields.iter().map(|name| field(object, name)).collect(),
            })
            .collect();
        members.sort();
        model.sort();
        assert_eq!(model, members);
        assert!(SENSITIVE.iter().all(|name| !is_known(name)));
        assert!(document()["credential"]["last_used_at"].as_str().unwrap().ends_with("+00:00"));
    }

    #[test]
    fn a_projection_is_the_named_part() {
        let both = json!({ "credential": { "username": "u", "tags": [] }, "device": { "id": 3 } });
        assert_eq!(projected("credential.username,device.id,credential.tags"), Ok(both.clone()));
        assert_eq!(projected("device.id, credential.tags,credential.username,device.id"), Ok(both));
        assert_eq!(projected("jit,id"), Ok(json!({ "id": 7, "jit": { "credential_enabled": false } })));
        assert_eq!(projected("credential.username,credential"), Ok(json!({ "credential": document()["credential"] })));
        assert_eq!(projected("credential,credential.username"), Ok(json!({ "credential": document()["credential"] })));
    }

    #[test]
    fn an_unknown_field_is_named_and_a_sensitive_one_before_it() {
        for fields in ["nope", "credential.nope", "credential.", ".", "", "id.x", "username", "credential.username,,"] {
            assert!(matches!(projected(fields), Err(ApiError::Invalid(_))), "{fields}");
        }
        for name in SENSITIVE {
            assert_eq!(projected(&format!("nope,{name}")), Err(ApiError::SensitiveField));
        }
    }
}
